"""The Lease of a target, and clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.contract.places_contract import target

from progressive.clusters import MemoryCluster

LEASE = "/apis/coordination.k8s.io/v1/namespaces/shop/leases/progressive-web"
WEB = target("shop")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NEVER = timedelta(hours=1)


class Seconds:
    """A monotonic clock that moves on by `step` at each look."""

    def __init__(self, step: float) -> None:
        self.step, self.now = step, 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def standing(cluster: MemoryCluster) -> dict[str, Any]:
    return cluster.get(LEASE)
