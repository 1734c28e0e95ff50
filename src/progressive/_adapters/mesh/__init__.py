"""Carries the plans of a mesh codec out on a cluster: `router.py`, written once for all meshes.

Floor 4. The router of a single mesh is a module in `routers/`.
"""
