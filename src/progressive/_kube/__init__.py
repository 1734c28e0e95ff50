"""Kubernetes manifests as plain values: names, paths, hashes, and what is made from what.

Floor 3, pure: dicts in, dicts out.
"""
