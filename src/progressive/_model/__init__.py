"""Frozen values: what a release is made of.

Floor 2: knows only `errors` and attrs; names no mesh, no metrics server and no cluster.
"""
