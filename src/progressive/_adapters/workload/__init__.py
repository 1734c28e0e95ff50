"""The workload that a release manages, in a Kubernetes cluster.

Floor 4. One module for each kind of target: `deployment.py` now, DaemonSets and others beside it
later. They share `objects.py` (write once, whatever happened before), `others.py` (who else moves
the target), `templates.py` (the analysed template, kept) and `following.py` (the target moves).
What is made is derived in `_kube/`, where nothing is written.
"""

from progressive._adapters.workload.deployment import DeploymentWorkload

__all__ = ["DeploymentWorkload"]
