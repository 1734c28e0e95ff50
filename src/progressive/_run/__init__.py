"""Drives the machine: carries its orders out, saves before it acts, and listens.

Floor 4. Knows the ports, never an adapter or a mesh. `session.py` is one run without a loop,
`opening.py` how a run begins or goes on; `sync.py` and `aio.py` are two thin loops around them.
"""
