"""Routes of the Gateway API: HTTPRoute, GRPCRoute, TCPRoute and TLSRoute.

Floor 3, pure. `codec.py` is the door; `layout.py` knows the routes (Linkerd's are the same),
`conditions.py`, `mirrors.py` and `set_cookies.py` its parts.
"""
