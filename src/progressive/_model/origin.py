"""Where a run came from: what a program needs to act on it without its document.

Floor 2. Saved in the journal beside the plan and the address, so that a driver that finds nothing
but the journal (a CronJob that sweeps) can build the router and the workload of the run.
"""

from __future__ import annotations

from attrs import frozen

from progressive._model.value import Value


@frozen(kw_only=True, eq=False, repr=False)
class Origin(Value):
    """
    What a run was made of, by name; never a secret, for a journal is a ConfigMap.

    Attributes:
        release: `metadata.name` of the document.
        router: A registered name, such as ``istio``.
        workload: Name of the target that the release manages; empty: two existing workloads.
        kind, api_version: Of that target.
    """

    router: str
    release: str = ""
    workload: str = ""
    kind: str = "Deployment"
    api_version: str = "apps/v1"
