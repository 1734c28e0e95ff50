"""The routers of single meshes: each is `MeshRouter` with a codec, and no more.

Floor 4.
"""
