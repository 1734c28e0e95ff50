"""How the objects of a managed workload look: its primary, its services, its revisions.

Floor 3, pure; what is written when is decided in `_adapters/workload/`.
"""
