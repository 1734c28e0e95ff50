"""Sees to it that one driver at a time moves a target: a Lease in the cluster.

Floor 4, over `ports.Cluster`. How old a Lease is, is measured by the observer's own monotonic
clock since the last change that it saw; no machine's time of day is compared with another's.
`folder.py` has the lock for targets without a cluster; `liveness.py` knows local processes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from progressive._adapters.journal.stores import LABELS, config_map_path, journal_name
from progressive._adapters.lease.hold import (
    HOLDER,
    LeaseHold,
    holder_of,
    identity_of,
    lease_path,
    stamp,
)
from progressive._adapters.lease.liveness import Holder
from progressive._adapters.lease.reading import (
    duration_of,
    is_held,
    renewed_at,
    version_of,
)
from progressive._log import log
from progressive._model.kinds import require_waits
from progressive._model.traffic import Target
from progressive._redaction import redacted
from progressive.errors import Busy, ClusterError, ErrorKind, LockError
from progressive.ports import Cluster, Tell

_ATTEMPTS = 8


class LeaseLock:
    """
    A `Lock` in the cluster: one Lease ``progressive-SERVICE`` in the target's namespace.

    Args:
        duration: A Lease that has not changed for so long is free; whole seconds, 1 or more.
        renew_every: How often a holder shows that it lives; a saved journal shows it as well.
        identity: Who drives, in words, such as the address of a CI job; default: host, process.
        now: Time of day, for the stamps in the Lease and the end of a watch.
        monotonic: Seconds that never go backwards.

    Raises:
        SpecError: A time is none to wait.
        LockError: The API server said no.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        duration: timedelta = timedelta(seconds=15),
        renew_every: timedelta = timedelta(seconds=5),
        identity: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        require_waits(duration=duration, renew_every=renew_every)
        self._cluster, self._identity = cluster, redacted(identity or "")
        self._duration, self._renew_every = duration, renew_every
        self._now, self._monotonic = now, monotonic

    def acquire(self, target: Target, run: str, tell: Tell) -> LeaseHold:
        """
        Take the target; tells `DriverLost` if it is taken from us later.

        A Lease that somebody holds is watched for at most its duration.

        Raises:
            Busy: Another driver holds it and is alive; nothing was written.
            LockError: The API server said no.
        """
        us = Holder.present(run)
        unchanged = ""
        try:
            for _ in range(_ATTEMPTS):
                lease = self._read(target)
                if lease is not None and holder_of(lease) == us:
                    return self._hold(target, lease, us, tell)  # an answer had been lost
                if lease is not None and is_held(lease) and version_of(lease) != unchanged:
                    if unchanged:
                        raise _busy(target, lease, "it was faster")
                    self._watch_life(target, lease)
                    # looked at again: it may have been freed, or taken by a third
                    unchanged = version_of(lease)
                    continue
                try:
                    return self._hold(target, self._take(target, lease, us), us, tell)
                except ClusterError as error:
                    if error.kind is not ErrorKind.CONFLICT:
                        raise
        except ClusterError as error:
            raise LockError(
                f"the Lease of {target} cannot be taken: {error}", error.kind, error.retry_after
            ) from error
        raise Busy(f"several drivers want {target} at the same time; another one was faster")

    def holder(self, target: Target) -> str | None:
        """
        Who holds it; None: nobody, or somebody whose time is over.

        One look cannot measure the age of a Lease, so here its stamp is compared with this
        machine's time of day, with a second duration of tolerance; nothing is decided by it.
        """
        try:
            lease = self._read(target)
        except ClusterError as error:
            raise LockError(
                f"the Lease of {target} cannot be read: {error}", error.kind, error.retry_after
            ) from error
        if lease is None or not is_held(lease):
            return None
        known = holder_of(lease)
        if known is not None and known.is_surely_gone():
            return None
        renewed = renewed_at(lease)
        if renewed is not None and self._now() > renewed + 2 * duration_of(lease):
            return None
        return identity_of(lease)

    def _read(self, target: Target) -> dict[str, Any] | None:
        try:
            return self._cluster.get(lease_path(target, named=True))
        except ClusterError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return None
            raise

    def _watch_life(self, target: Target, lease: dict[str, Any]) -> None:
        """
        Return once the holder is known to be gone, or the Lease was freed.

        Raises:
            Busy: The holder showed that it lives.
        """
        known = holder_of(lease)
        if known is not None and known.is_surely_gone():
            log.info("%s: its driver, run %s on this machine, is gone", target, known.run)
            return
        duration = duration_of(lease)
        journal, began = self._journal_version(target), self._monotonic()
        stream = self._cluster.watch(
            lease_path(target),
            name=lease["metadata"]["name"],
            until=self._now() + duration,
        )
        try:
            for kind, shown in stream:
                if kind == "SYNCED" or (shown and version_of(shown) == version_of(lease)):
                    continue
                if kind == "DELETED" or not is_held(shown):
                    return
                raise _busy(target, shown, "its driver renewed the Lease meanwhile")
        finally:
            stream.close()
        if self._monotonic() - began < 0.9 * duration.total_seconds():
            # the watch ended early: too little was seen to call anybody dead
            raise _busy(target, lease, "it could not be watched for long enough")
        if self._journal_version(target) != journal:
            raise _busy(target, lease, "its driver saved the journal meanwhile")

    def _journal_version(self, target: Target) -> str:
        try:
            return version_of(self._cluster.get(config_map_path(target, journal_name(target))))
        except ClusterError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return ""
            raise

    def _take(self, target: Target, lease: dict[str, Any] | None, us: Holder) -> dict[str, Any]:
        at = stamp(self._now())
        words = f"{us.run} by {self._identity or f'process {us.pid} on {us.host}'}"
        spec = {
            "holderIdentity": words,
            "leaseDurationSeconds": max(1, int(self._duration.total_seconds())),
            "acquireTime": at,
            "renewTime": at,
            "leaseTransitions": 1,
        }
        name = lease_path(target, named=True).rpartition("/")[2]
        meta: dict[str, Any] = {"labels": LABELS, "annotations": {HOLDER: us.to_json()}}
        if lease is None:
            body = {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": name, "namespace": target.namespace, **meta},
                "spec": spec,
            }
            return self._cluster.create(lease_path(target), body)
        spec["leaseTransitions"] = int((lease.get("spec") or {}).get("leaseTransitions") or 0) + 1
        meta["resourceVersion"] = version_of(lease)
        return self._cluster.merge_patch(
            lease_path(target, named=True), {"metadata": meta, "spec": spec}
        )

    def _hold(self, target: Target, lease: dict[str, Any], us: Holder, tell: Tell) -> LeaseHold:
        return LeaseHold(
            self._cluster,
            target,
            lease,
            us,
            tell,
            duration=self._duration,
            renew_every=self._renew_every,
            now=self._now,
            monotonic=self._monotonic,
        )


def _busy(target: Target, lease: dict[str, Any], why: str) -> Busy:
    return Busy(f"{target} is held by {identity_of(lease)}: {why}")
