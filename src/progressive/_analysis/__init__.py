"""Decides: the state machine of a release, and its saved form.

Floor 3, pure: events in, one standing order out; no clock, no network, no logging.

Read `machine.py` first (what may happen at all), then `course.py` (what every rule may do), then
the rules in the order of a release's life: `opening`, `rounds`, `promotion`, `homeward`, and
`interruptions` for what comes from outside.
"""
