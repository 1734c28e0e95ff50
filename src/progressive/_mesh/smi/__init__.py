"""SMI's TrafficSplit, the legacy form of a split: weights and nothing else, in four versions.

Floor 3, pure. `codec.py` is the door; `layout.py` knows the object, `quantity.py` its weights. The
layout serves Linkerd as well, whose adaptor for SMI still works.
"""
