"""Finds out which of many drivers live, side by side, and takes nothing.

Floor 4, over `ports.Cluster`. The rules are those of `locks.py`: a Lease that did not change for
its whole duration, by our own monotonic clock, has lost its holder, unless its journal was saved
meanwhile. All Leases are watched in the same seconds, so many dead drivers cost no more than one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from attrs import frozen

from progressive._adapters.journal.stores import LABELS, config_map_path, journal_name
from progressive._adapters.lease.hold import holder_of, identity_of, lease_path
from progressive._adapters.lease.reading import duration_of, is_held, renewed_at, version_of
from progressive._kube.paths import object_path
from progressive._model.traffic import Target
from progressive.errors import ClusterError, ErrorKind, LockError
from progressive.ports import Cluster

_POLL = 1.0
"""Seconds between two looks; a live holder shows itself every 5 s."""

_PATIENCE = 30.0
"""Seconds beyond the longest Lease after which an API server that does not answer is given up."""

Lease = dict[str, Any]


@frozen(kw_only=True)
class Life:
    """
    Whether a target has a driver.

    Attributes:
        alive: Somebody holds its Lease and shows that he lives.
        holder: Who holds it, or held it until he died; empty: nobody.
        renewed: When he last showed himself, by his own clock; None: not known.
    """

    alive: bool = False
    holder: str = ""
    renewed: datetime | None = None


def lives(
    cluster: Cluster,
    targets: Iterable[Target],
    *,
    namespace: str | None,
    monotonic: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> dict[Target, Life]:
    """
    Whether each of these targets has a driver that lives; returns as soon as all is known.

    Args:
        namespace: Where the targets are; None: in several namespaces.
        monotonic: Seconds that never go backwards.
        pause: Waits, in seconds.

    Raises:
        LockError: The Leases cannot be read.
    """
    try:
        return _Watch(cluster, namespace, monotonic, pause).over(tuple(targets))
    except ClusterError as error:
        raise LockError(
            f"the Leases cannot be read: {error}", error.kind, error.retry_after
        ) from error


class _Watch:
    def __init__(
        self,
        cluster: Cluster,
        namespace: str | None,
        monotonic: Callable[[], float],
        pause: Callable[[float], None],
    ) -> None:
        self._cluster, self._namespace = cluster, namespace
        self._monotonic, self._pause = monotonic, pause
        self._hidden: dict[Target, Life] = {}

    def over(self, targets: tuple[Target, ...]) -> dict[Target, Life]:
        if not targets:
            return {}
        told: dict[Target, Life] = {}
        doubtful: dict[Target, Lease] = {}
        for target, lease in self._look(targets).items():
            if lease is None or not is_held(lease):
                told[target] = self._hidden.get(target, Life())
            elif (known := holder_of(lease)) is not None and known.is_surely_gone():
                told[target] = _life(lease, alive=False)
            else:
                doubtful[target] = lease
        journals = {target: self._journal(target) for target in doubtful}
        began = self._monotonic()
        while doubtful:
            self._pause(_POLL)
            asked = self._monotonic()
            shown = self._look_again(doubtful, until=began + _longest(doubtful) + _PATIENCE)
            if shown is None:
                continue
            for target, before in list(doubtful.items()):
                silent = asked - began >= duration_of(before).total_seconds()
                found = self._judge(target, before, shown[target], journals[target], silent=silent)
                if found is not None:
                    told[target] = found
                    del doubtful[target]
        return told

    def _judge(
        self, target: Target, before: Lease, now: Lease | None, journal: str, *, silent: bool
    ) -> Life | None:
        if now is None or not is_held(now):
            return Life()
        if version_of(now) != version_of(before):
            return _life(now, alive=True)
        if not silent:
            return None
        # a saved journal shows life as well, and puts a renewal off
        return _life(now, alive=self._journal(target) != journal)

    def _look_again(self, doubtful: Mapping[Target, Lease], *, until: float) -> Any:
        try:
            return self._look(tuple(doubtful))
        except ClusterError as error:
            if not error.transient or self._monotonic() >= until:
                raise
            return None  # nobody is called dead while nothing can be seen

    def _look(self, targets: tuple[Target, ...]) -> dict[Target, Lease | None]:
        path = object_path("coordination.k8s.io/v1", "Lease", namespace=self._namespace)
        labels = ",".join(f"{key}={value}" for key, value in LABELS.items())
        listed = self._cluster.get(path, query={"labelSelector": labels}).get("items") or ()
        known = {_where(one["metadata"]): one for one in listed}
        found: dict[Target, Lease | None] = {}
        for target in targets:
            place = (target.namespace, f"progressive-{target.service}")
            # somebody may have taken the label away
            found[target] = known.get(place) or self._one(target)
        return found

    def _one(self, target: Target) -> Lease | None:
        try:
            return self._find(lease_path(target, named=True))
        except ClusterError as error:
            if error.transient:
                raise
            # what must not be looked at may live, and stops no other target
            words = f"somebody who cannot be seen ({error})"
            self._hidden[target] = Life(alive=True, holder=words)
            return None

    def _journal(self, target: Target) -> str:
        found = self._find(config_map_path(target, journal_name(target)))
        return "" if found is None else version_of(found)

    def _find(self, path: str) -> dict[str, Any] | None:
        try:
            return self._cluster.get(path)
        except ClusterError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return None
            raise


def _life(lease: Lease, *, alive: bool) -> Life:
    return Life(alive=alive, holder=identity_of(lease), renewed=renewed_at(lease))


def _longest(leases: Mapping[Target, Lease]) -> float:
    return max(duration_of(one).total_seconds() for one in leases.values())


def _where(meta: Mapping[str, Any]) -> tuple[str, str]:
    return str(meta.get("namespace", "default")), str(meta["name"])
