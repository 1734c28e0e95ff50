"""One driver of a release, as a process that may be killed: `python -m …driver JOB.json`.

The library as a user would put it together in Python, with three things added: its cluster may
end the process at a chosen write, its notifications go to a file that survives, and its first
request is told, so that whoever kills knows when there is something to kill.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from attrs import evolve

from benchmarks.survival.mortal import Doom, Fate, MortalCluster, Record
from progressive import (
    Capabilities,
    Notification,
    Outcome,
    Plan,
    Release,
    Report,
    Runner,
    Target,
    Transition,
    load,
)
from progressive._adapters.workload import DeploymentWorkload
from progressive.clusters import KubernetesCluster
from progressive.errors import ClusterError, ErrorKind
from progressive.metrics import PrometheusMetrics
from progressive.routers import IstioRouter


@dataclass(frozen=True, kw_only=True)
class Job:
    """
    What a driver shall do.

    Attributes:
        file: The release document.
        sides: Primary and canary of two existing workloads; empty: a managed one.
        image: Of the new version, set once the target is ours; empty: it is set already.
        moved_to: Image that somebody sets when the canary has `moved_at`; empty: nobody does.
        moved_at: Canary weight.
        resume: Go on, as `progressive run --resume` does; a run that never began is begun.
        host: Name of the machine that this is to be; empty: this one.
        lease: Length of a Lease in seconds.
        settle: Of the mesh, in seconds.
        record: File of what happened.
        doom: Where to die; None: nowhere.
    """

    kubeconfig: str
    namespace: str
    prometheus: str
    file: str
    record: str
    sides: tuple[str, ...] = ()
    image: str = ""
    moved_to: str = ""
    moved_at: int = 0
    resume: bool = False
    host: str = ""
    lease: float = 2.0
    settle: float = 0.2
    doom: Doom | None = None

    def write(self, file: Path) -> None:
        """For `read`."""
        file.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, file: Path) -> Job:
        """What was written."""
        told: dict[str, Any] = json.loads(file.read_text())
        told["sides"] = tuple(told["sides"])
        told["doom"] = None if told["doom"] is None else Doom(**told["doom"])
        return cls(**told)


class QuickRouter(IstioRouter):
    """The Istio router, told by whoever runs the mesh that its proxies follow sooner."""

    settle = timedelta(seconds=10)

    @property
    def capabilities(self) -> Capabilities:
        """As ever, and `settle` as told."""
        return evolve(super().capabilities, settle=self.settle)


class Notes:
    """A `Notifier`: a line in the record, which a death before or after it may cut off."""

    def __init__(self, record: Record, fate: Fate) -> None:
        self._record, self._fate = record, fate

    def tell(self, notification: Notification) -> None:
        """Write it down."""
        told = {
            "id": notification.id,
            "word": notification.kind,
            "reason": notification.reason,
            "terminal": notification.terminal,
            "repeat": notification.repeat,
        }
        self._fate.meet("notification", lambda: self._record.write("told", **told))


def drive(job: Job) -> Report:
    """Release as the job says."""
    record = Record(Path(job.record))
    fate = Fate(record, job.doom)
    real = KubernetesCluster.from_environment(job.kubeconfig, namespace=job.namespace)
    cluster = MortalCluster(real, fate, lease=timedelta(seconds=job.lease))
    router = QuickRouter(cluster)
    router.settle = timedelta(seconds=job.settle)
    release = load(job.file)
    plan, target = _wanted(release, job)
    managed = None if job.sides else release.document.managed
    workload = None if managed is None else DeploymentWorkload(cluster, managed, router=router)
    runner = Runner(
        router,
        PrometheusMetrics(job.prometheus),
        workload,
        observers=[_mover(real, job)],
        notifiers=[Notes(record, fate)],
    )
    record.write("begins")
    sys.stdout.write("begins\n")
    sys.stdout.flush()

    def set_image() -> None:
        if job.image and workload is not None:
            workload.set_images(target, {"my-app": job.image})

    report = _release(runner, job, plan, target, set_image)
    record.write("ends", **report.to_dict())
    return report


def _wanted(release: Release, job: Job) -> tuple[Plan, Target]:
    target = evolve(release.target, namespace=job.namespace)
    if job.sides:
        primary, canary = job.sides
        target = Target(
            namespace=job.namespace, service="my-app", primary=primary, canary=canary, port=80
        )
    return release.plan, target


def _release(
    runner: Runner,
    job: Job,
    plan: Plan,
    target: Target,
    change: Callable[[], None],
) -> Report:
    if job.resume:
        report = runner.resume(target)
        never_began = report.outcome is Outcome.REJECTED and "no run to resume" in report.message
        if not never_began:
            return report
    return runner.run(plan, target, change=change)


def _mover(cluster: KubernetesCluster, job: Job) -> Callable[[Transition], None]:
    """Somebody who sets another image as soon as the canary has a weight; only once."""
    path = f"/apis/apps/v1/namespaces/{job.namespace}/deployments/my-app"
    where = "/spec/template/spec/containers/0/image"

    def look(transition: Transition) -> None:
        if not job.moved_to or transition.weight != job.moved_at:
            return
        try:
            cluster.json_patch(
                path,
                [
                    {"op": "test", "path": where, "value": "my-app:2"},
                    {"op": "replace", "path": where, "value": job.moved_to},
                ],
            )
        except ClusterError as error:
            if error.kind is not ErrorKind.CONFLICT:  # it is set already
                raise

    return look


if __name__ == "__main__":
    asked = Job.read(Path(sys.argv[1]))
    if asked.host:
        socket.sethostname(asked.host)  # in a UTS namespace of its own: this is another machine
    sys.exit(drive(asked).exit_code)
