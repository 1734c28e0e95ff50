"""AWS App Mesh as a codec: weighted targets of VirtualRouters, found through the apex.

Floor 3, pure. `codec.py` is asked; `chain.py` finds the router, `layout.py` knows its routes.
"""
