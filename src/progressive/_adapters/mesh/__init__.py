"""Carries the plans of a mesh codec out on a cluster; a mesh's own needs are a module here.

Floor 4. `router.py` is written once for all meshes; `istio.py` adds what istiod can say.
"""
