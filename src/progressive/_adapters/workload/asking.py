"""Asks whether a side of a managed Deployment is ready, and waits for it.

Floor 4. Used by `deployment.py`; a watch that follows the target answers for the canary
(`following.py`). What ready means is decided in `_kube/workload/readiness.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from progressive._adapters.workload.following import TargetWatch
from progressive._adapters.workload.objects import deployment_path, find
from progressive._adapters.workload.recent import Recent
from progressive._kube.workload.readiness import readiness
from progressive._model.events import Readiness
from progressive._model.release import Managed
from progressive._model.traffic import Side, Target
from progressive.ports import Asked, Cluster

STALE = timedelta(seconds=5)
"""
How long ``ProgressDeadlineExceeded`` must stand to be believed. After a mere change of replicas
Kubernetes 1.37 reports the new generation as observed with the condition of the rollout before,
until it sees the first progress (measured: some 0.1 s).
"""


class Asking:
    """
    Asks the sides of one managed Deployment.

    Args:
        recent: What was read or written a moment ago; it spares a first listing.
        stale: How long a progress deadline must stand as exceeded to be believed.
        now: The present instant, aware.
    """

    def __init__(
        self,
        cluster: Cluster,
        managed: Managed,
        *,
        recent: Recent,
        stale: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._cluster, self._managed, self._recent = cluster, managed, recent
        self._stale, self._now = stale, now

    def readiness(
        self,
        target: Target,
        side: Side,
        until: datetime,
        *,
        watch: TargetWatch | None,
        written: int,
    ) -> Asked:
        """
        Whether a side is ready; waits until `until`, and answers as soon as it is or never will.

        Args:
            watch: What follows the target; None: nothing does.
            written: The target's generation after our last write; an older one says nothing.
        """
        followed = watch if side is Side.CANARY else None
        while True:
            enough = (Readiness.READY, Readiness.STUCK)
            asked = self._look(target, side, until, enough, watch=followed, written=written)
            if asked.readiness is not Readiness.STUCK:
                return asked
            doubt = min(until, self._now() + self._stale)
            enough = (Readiness.READY, Readiness.WAITING)
            asked = self._look(target, side, doubt, enough, watch=followed, written=written)
            if asked.readiness is not Readiness.WAITING or self._now() >= until:
                return asked

    def _look(
        self,
        target: Target,
        side: Side,
        until: datetime,
        enough: tuple[Readiness, ...],
        *,
        watch: TargetWatch | None,
        written: int,
    ) -> Asked:
        managed = self._managed
        if side is Side.PRIMARY:
            return self._ask(
                target, managed.primary, until, enough, percent=managed.primary_ready_percent
            )
        percent = managed.canary_ready_percent
        if watch is not None:
            shown = watch.wait(
                lambda one: readiness(one, percent=percent).readiness in enough,
                generation=written,
                seconds=(until - self._now()).total_seconds(),
            )
            if shown is not None:
                return readiness(shown, percent=percent)
        return self._ask(target, managed.name, until, enough, percent=percent)

    def _ask(
        self,
        target: Target,
        name: str,
        until: datetime,
        enough: tuple[Readiness, ...],
        *,
        percent: int,
    ) -> Asked:
        path = deployment_path(target.namespace, name)
        gone = Asked(
            readiness=Readiness.WAITING,
            message=f"Deployment {target.namespace}/{name} does not exist",
        )
        asked: Asked | None = None
        if until > self._now():
            known = self._recent.find(path) if name == self._managed.primary else None
            stream = self._cluster.watch(
                deployment_path(target.namespace), name=name, until=until, known=known
            )
            try:
                for kind, manifest in stream:
                    if kind == "SYNCED":
                        asked = asked or gone
                        continue
                    asked = gone if kind == "DELETED" else readiness(manifest, percent=percent)
                    if asked.readiness in enough:
                        break
            finally:
                stream.close()
        if asked is not None:
            return asked
        # no time for a watch, or it was over before it had looked
        found = find(self._cluster, path)
        return gone if found is None else readiness(found, percent=percent)
