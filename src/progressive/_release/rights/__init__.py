"""The rights of a release: which it needs, the Role that grants them, and whether they are there.

Floor 5. `needs.py` finds them by playing the release on a made-up cluster, `role.py` writes them
down, `permission.py` asks the API server. How rules are judged is in `_kube/rights.py`.
"""
