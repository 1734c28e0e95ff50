"""Routing objects made of rules with weighted destinations: what their meshes have in common.

Floor 3, pure. A mesh adds a `Layout` for each of its kinds (`layout.py`): where its rules are,
what a destination names, how a match and a mirror are written. Finding, shares, proportions,
managed rules and patches are here, once.
"""
