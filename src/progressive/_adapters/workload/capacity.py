"""Keeps the autoscalers of a primary from taking its capacity away during a release (L25).

Floor 4. Used by `deployment.py`; what is raised, and to what, is decided in
`_kube/workload/capacity.py`.
Without an autoscaler of the primary nothing is asked and nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from progressive._adapters.journal.stores import in_a_hurry
from progressive._adapters.workload.objects import Document, again, annotated, at_version, find
from progressive._adapters.workload.replicas import Replicas
from progressive._kube.marks import DRIVER, annotation, named
from progressive._kube.paths import path_of
from progressive._kube.rivals import scaling
from progressive._kube.workload.capacity import (
    MIN_REPLICAS,
    Change,
    giving_back,
    keda_of,
    minimum,
    of_primary,
    raised,
    raising,
    readable,
)
from progressive._log import log
from progressive._model.traffic import Target
from progressive.errors import ClusterError, ErrorKind
from progressive.ports import Cluster


class PrimaryFloor:
    """
    The autoscalers of one primary, and the least that they may leave of it.

    Args:
        listed: The autoscalers of the namespace, as they were read.
        turn: Whose turn it is to write.

    Attributes:
        holds: Whether the minimum was raised by this driver, or need not be.
    """

    def __init__(
        self,
        cluster: Cluster,
        listed: Iterable[Document],
        *,
        target: Target,
        primary: str,
        turn: Replicas,
    ) -> None:
        self._cluster, self._target, self._turn = cluster, target, turn
        listed = tuple(listed)
        deployment = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": primary, "namespace": target.namespace},
        }
        self._known: dict[str, Document] = {
            path_of(one): one for one in of_primary(listed, deployment)
        }
        self._touched = {path for path, one in self._known.items() if raised(one)}
        self.holds = not self._known
        _warn_of_keda(listed, deployment)

    @property
    def minimum(self) -> int:
        """The least number of replicas that the autoscalers allow; 0 without any."""
        return max((minimum(one) for one in self._known.values()), default=0)

    def raise_to(self, replicas: int) -> None:
        """
        Let no autoscaler go below so many replicas; repeatable, never lowers.

        Raises:
            ClusterError: It cannot be written.
        """
        for path, listed in self._known.items():
            if raising(listed, replicas) is not None or self._is_anothers(listed):
                self._touched.add(path)  # first: an answer may be lost
                decide = partial(self._raise_or_claim, replicas=replicas)
                self._write(self._cluster, path, listed, decide, "raised")
        self.holds = True

    def _is_anothers(self, one: Document) -> bool:
        """Whether a driver before us has raised it, who may sleep and give it back one day."""
        return raised(one) and annotation(one, DRIVER) != self._turn.token(self._target)

    def _raise_or_claim(self, one: Document, *, replicas: int) -> Change | None:
        change = raising(one, replicas)
        if change is None and self._is_anothers(one):
            return Change(operations=(), note=annotation(one, MIN_REPLICAS))
        return change

    def give_back(self) -> None:
        """
        Give back what was raised, each autoscaler for itself; repeatable.

        One short attempt for each: the run is over, and whoever calls says when to try again.

        Raises:
            ClusterError: One of them cannot be written; the others were tried.
        """
        failure: ClusterError | None = None
        cluster = in_a_hurry(self._cluster)
        for path in sorted(self._touched):
            try:
                self._write(cluster, path, None, giving_back, "given back")
                self._touched.discard(path)
            except ClusterError as error:
                failure = failure or error
        self.holds = not self._known
        if failure is not None:
            raise failure

    def _write(
        self,
        cluster: Cluster,
        path: str,
        known: Document | None,
        decide: Callable[[Document], Change | None],
        what: str,
    ) -> None:
        """
        One patch of the version that was read; a reading that is too old is taken anew.

        What was raised carries our token, so that nobody gives back what another has raised. A
        raise that was late is not told from one in time where nobody has touched the autoscaler
        since it was read; it is refused at the target next, and the next run gives it back.
        """
        readings = [known] if known is not None else []

        def write() -> None:
            fresh = not readings
            one = find(cluster, path) if fresh else readings.pop()
            if one is None:
                return  # it was deleted, and with it what was raised
            change = decide(one)
            if change is None:
                return
            token = self._turn.token(self._target)
            if fresh and annotation(one, DRIVER) != token:
                self._turn.refuse_late(self._target)
            if what == "given back" and not readable(one):
                log.warning("%s: its minimum stays, %s cannot be read", _name(one), MIN_REPLICAS)
            note = annotated(
                one, {MIN_REPLICAS: change.note, DRIVER: token if change.note else None}
            )
            self._known[path] = cluster.json_patch(path, at_version(one, *change.operations, note))

        try:
            again(write)
        except ClusterError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return  # deleted between our look and our write
            one = self._known[path]
            raise ClusterError(
                f"the minimum of {_name(one)} cannot be {what}: {error}",
                error.kind,
                error.retry_after,
                error.status,
                error.reason,
            ) from error


def _name(one: Document) -> str:
    return named(str(one["kind"]), one)


def _warn_of_keda(listed: tuple[Document, ...], deployment: Document) -> None:
    """KEDA scales the primary, and its ScaledObject may not be read: nothing can be raised."""
    readable_ones = {one["metadata"]["name"] for one in listed if one["kind"] == "ScaledObject"}
    for one in listed:
        owner = keda_of(one)
        if owner is not None and owner not in readable_ones and scaling([one], deployment):
            log.warning(
                "%s belongs to ScaledObject %s, which cannot be read: the minimum of the primary "
                "is not kept up during the release; grant get, list and patch of scaledobjects",
                _name(one),
                owner,
            )
