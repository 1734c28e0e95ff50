"""The Kubernetes API, real and in memory, in plain dicts.

Floor 4. `client.py` speaks to a real one, `memory.py` is one; both keep the promises of
`ports.Cluster`, and one contract suite holds them to it.
"""
