"""Plays releases in an in-memory world on a virtual clock; hours take milliseconds.

Floor 4. `scenario.py` says how the world answers, `reading.py` reads that from a document,
`world.py` is the world, and `play.py` drives the real runner in it.
"""
