"""The Lease of a target, and clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import evolve
from tests.contract.places_contract import Told, target

from progressive._adapters.lease.liveness import Holder
from progressive.clusters import MemoryCluster
from progressive.errors import ClusterError, ErrorKind
from progressive.stores import LeaseLock

LEASE = "/apis/coordination.k8s.io/v1/namespaces/shop/leases/progressive-web"
NOTE = "progressive.dev/holder"
WEB = target("shop")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NEVER = timedelta(hours=1)
AWAY = ClusterError("away", ErrorKind.UNAVAILABLE)


class Seconds:
    """A monotonic clock that moves on by `step` at each look."""

    def __init__(self, step: float) -> None:
        self.step, self.now = step, 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def standing(cluster: MemoryCluster) -> dict[str, Any]:
    return cluster.get(LEASE)


def lease_of(holder: Holder | None, **spec: Any) -> dict[str, Any]:
    notes = {} if holder is None else {NOTE: holder.to_json()}
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "progressive-web", "namespace": "shop", "annotations": notes},
        "spec": {
            "holderIdentity": "run-1 by ann",
            "leaseDurationSeconds": 15,
            "leaseTransitions": 4,
            "renewTime": "2026-01-01T12:00:00.000000Z",
            **spec,
        },
    }


def elsewhere() -> Holder:
    return evolve(Holder.present("run-1"), host="elsewhere")


def take_at_noon(cluster: MemoryCluster, *, step: float = 0.0, told: Told | None = None) -> Any:
    lock = LeaseLock(cluster, renew_every=NEVER, now=lambda: NOON, monotonic=Seconds(step))
    return lock.acquire(WEB, "run-2", told or Told())
