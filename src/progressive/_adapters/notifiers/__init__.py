"""Who tells people of a release.

Floor 4. One module for each place where people look; `events.py` writes Kubernetes Events.
"""
