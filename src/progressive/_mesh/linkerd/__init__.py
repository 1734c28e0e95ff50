"""Linkerd: routes with a Service as parent, and the TrafficSplit of its SMI adaptor.

Floor 3, pure. `codec.py` is the door; `layouts.py` says what each kind of route can carry,
`parents.py` whose traffic a route takes, `preflight.py` what would make the mesh ignore a write.
"""
