"""Keeps a Lease once it is taken.

Floor 4, over `ports.Cluster`; a daemon thread of its own renews. `locks.py` takes Leases.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from progressive._adapters.journal.stores import LABELS, in_a_hurry
from progressive._adapters.lease.liveness import Holder
from progressive._kube.paths import object_path
from progressive._log import log
from progressive._model.events import DriverLost
from progressive._model.traffic import Target
from progressive._redaction import redacted
from progressive.errors import ClusterError, ErrorKind, LeaseLost, LockError
from progressive.ports import Cluster, Tell

HOLDER = "progressive.dev/holder"
"""Annotation: which process holds the Lease, as `Holder.to_json()` writes it."""

_SLACK = 0.1
"""Share of the time between renewals by which one may come late: the save of a round falls due at
about the same time, shows life as well, and then spares it."""

_FREEING = (0.1, 0.4)
"""Seconds before freeing is tried again: one bad answer must not keep the next driver waiting."""

_PATIENCE = 3.0
"""Seconds that `close()` waits for a renewal in flight."""


def lease_path(target: Target, *, named: bool = False) -> str:
    """Path of the target's Lease, or of all Leases of its namespace."""
    return object_path(
        "coordination.k8s.io/v1",
        "Lease",
        namespace=target.namespace,
        name=f"progressive-{target.service}" if named else None,
    )


def holder_of(lease: dict[str, Any]) -> Holder | None:
    """Which process holds it; None: nobody, or not one of ours."""
    return Holder.read(str((lease["metadata"].get("annotations") or {}).get(HOLDER, "")))


def identity_of(lease: dict[str, Any]) -> str:
    """Who holds it, in the holder's own words."""
    return redacted(str((lease.get("spec") or {}).get("holderIdentity") or "nobody"))


def stamp(at: datetime) -> str:
    """An instant as Leases carry it: RFC 3339 with microseconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class LeaseHold:
    """
    A target that is ours alone, until it is closed or taken from us.

    Attributes:
        epoch: Number of this taking; it grows with every one, whoever takes.
        due: When the next renewal is due, by the monotonic clock, in seconds.
    """

    def __init__(
        self,
        cluster: Cluster,
        target: Target,
        lease: dict[str, Any],
        us: Holder,
        tell: Tell,
        *,
        duration: timedelta,
        renew_every: timedelta,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._cluster, self._target, self._us, self._tell = cluster, target, us, tell
        self._now, self._monotonic = now, monotonic
        self._every = renew_every.total_seconds()
        # however often the journal is saved, the Lease itself must show life in time
        self._longest = max(self._every, duration.total_seconds() - self._every)
        self.epoch = int(lease["spec"].get("leaseTransitions") or 0)
        self._spec: dict[str, Any] = dict(lease["spec"])
        self._version = str(lease["metadata"]["resourceVersion"])
        self._renewed = monotonic()
        self.due = self._renewed + self._every
        self._ended, self._lost, self._warned = False, False, False
        self._turn = threading.Condition()
        self._writing = threading.Lock()
        self._thread = threading.Thread(
            target=self._keep, name=f"progressive-lease {target}", daemon=True
        )
        self._thread.start()

    def __repr__(self) -> str:
        return f"<LeaseHold of {self._target}, epoch {self.epoch}>"

    def outgrow(self, epoch: int) -> None:
        """
        Be a later taking than the one with this number, though the Lease was made anew since.

        Raises:
            LeaseLost: Another driver has it, whose number that is.
            LockError: The Lease cannot be written.
        """
        if self.epoch > epoch:
            return
        self._spec["leaseTransitions"] = epoch + 1
        try:
            with self._writing:
                if not self._lost:
                    self._write_renewal()
        except ClusterError as error:
            raise LockError(
                f"the Lease of {self._target} cannot be written: {error}",
                error.kind,
                error.retry_after,
            ) from error
        if self._lost:
            raise LeaseLost(f"{self._target} belongs to another driver now")
        self.epoch = epoch + 1

    def confirm(self) -> None:
        """
        Ask whether the target is still ours.

        Raises:
            LeaseLost: Another driver has it.
            LockError: The Lease cannot be read.
        """
        try:
            with self._writing:
                ours = not self._lost and self._still_ours()
        except ClusterError as error:
            raise LockError(
                f"the Lease of {self._target} cannot be read: {error}",
                error.kind,
                error.retry_after,
            ) from error
        if not ours:
            raise LeaseLost(f"{self._target} belongs to another driver now")

    def renew(self) -> None:
        """The journal was just saved, which shows life as well: put the next renewal off."""
        with self._turn:
            now = self._monotonic()
            self.due = min(now + self._every, self._renewed + self._longest)

    def close(self) -> None:
        """Free the target if it is still ours; safe to call twice."""
        with self._turn:
            if self._ended:
                return
            self._ended = True
            self._turn.notify_all()
        # a renewal that waits for a silent server must not hold up the end of a run
        if not self._writing.acquire(timeout=_PATIENCE):
            log.warning("the Lease of %s is not freed and ends by itself", self._target)
            return
        try:
            if not self._lost:
                self._free()
        finally:
            self._writing.release()

    def _keep(self) -> None:
        while True:
            with self._turn:
                while not self._ended:
                    left = self.due + _SLACK * self._every - self._monotonic()
                    if left <= 0:
                        break
                    self._turn.wait(left)
                if self._ended:
                    return
            pause = self._renew_in_turn()
            if pause is None:
                return
            with self._turn:
                self.due = self._monotonic() + pause

    def _renew_in_turn(self) -> float | None:
        with self._writing:
            return None if self._ended else self._renew()

    def _renew(self) -> float | None:
        """Seconds until the next renewal; None: the target is not ours any more."""
        try:
            self._write_renewal()
        except ClusterError as error:
            if not self._warned:
                log.warning("the Lease of %s cannot be renewed: %s", self._target, error)
                self._warned = True
            return min(1.0, self._every)
        if self._lost:
            return None
        self._warned = False
        self._renewed = self._monotonic()
        return self._every

    def _write_renewal(self) -> None:
        path, at = lease_path(self._target, named=True), stamp(self._now())
        # outgrown but not written: a renewal brings it, too
        spec = {"renewTime": at, "leaseTransitions": self._spec.get("leaseTransitions")}
        for _ in range(3):
            meta = {"resourceVersion": self._version}
            try:
                lease = self._cluster.merge_patch(path, {"metadata": meta, "spec": spec})
            except ClusterError as error:
                if error.kind is ErrorKind.NOT_FOUND:
                    self._make_again(at)
                    return
                if error.kind is not ErrorKind.CONFLICT:
                    raise
                if not self._still_ours():
                    return
                continue
            self._version = str(lease["metadata"]["resourceVersion"])
            return

    def _still_ours(self) -> bool:
        """Read the Lease after a conflict; tells `DriverLost` when another driver is in it."""
        try:
            lease = self._cluster.get(lease_path(self._target, named=True))
        except ClusterError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return True  # the next attempt makes it again
            raise
        if not self._is_ours(lease):
            self._report_loss(f"{self._target} was taken by {identity_of(lease)}")
            return False
        self._version = str(lease["metadata"]["resourceVersion"])
        return True

    def _is_ours(self, lease: dict[str, Any]) -> bool:
        # somebody who knows nothing of our annotation writes the identity alone
        same_identity = lease["spec"].get("holderIdentity") == self._spec.get("holderIdentity")
        return same_identity and holder_of(lease) == self._us

    def _make_again(self, at: str) -> None:
        name = lease_path(self._target, named=True).rpartition("/")[2]
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {
                "name": name,
                "namespace": self._target.namespace,
                "labels": LABELS,
                "annotations": {HOLDER: self._us.to_json()},
            },
            "spec": {**self._spec, "renewTime": at},
        }
        try:
            lease = self._cluster.create(lease_path(self._target), body)
        except ClusterError as error:
            if error.kind is not ErrorKind.CONFLICT:
                raise
            self._still_ours()
            return
        self._version = str(lease["metadata"]["resourceVersion"])

    def _report_loss(self, message: str) -> None:
        self._lost = True
        log.warning("%s: this driver stops", message)
        self._tell(DriverLost(at=self._now(), message=message))

    def _free(self) -> None:
        for pause in (*_FREEING, None):
            try:
                self._write_free(in_a_hurry(self._cluster))
                return
            except ClusterError as error:
                if error.kind is ErrorKind.NOT_FOUND:
                    return
                if pause is None or not error.transient:
                    words = "the Lease of %s could not be freed and ends by itself: %s"
                    log.warning(words, self._target, error)
                    return
            time.sleep(pause)

    def _write_free(self, cluster: Cluster) -> None:
        path = lease_path(self._target, named=True)
        body: dict[str, Any] = {
            "metadata": {"annotations": {HOLDER: None}},
            "spec": {"holderIdentity": None},
        }
        for attempt in range(2):
            body["metadata"]["resourceVersion"] = self._version
            try:
                cluster.merge_patch(path, body)
                return
            except ClusterError as error:
                if error.kind is not ErrorKind.CONFLICT or attempt:
                    raise
            lease = cluster.get(path)
            if not self._is_ours(lease):
                return
            self._version = str(lease["metadata"]["resourceVersion"])
