"""A driver that sleeps, and another that takes its target meanwhile."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define
from tests.unit.adapters.workload.world import MANAGED, NOW, SHOP

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._adapters.workload import DeploymentWorkload
from progressive.errors import LeaseLost
from progressive.ports import Fence


@define
class Turn:
    """Whose turn it is, as a Lease says."""

    epoch: int = 1

    def fence(self, epoch: int) -> Fence:
        def confirm() -> None:
            if epoch != self.epoch:
                raise LeaseLost("the target belongs to another driver now")

        return Fence(token=f"run/{epoch}", confirm=confirm)


def driver(cluster: MemoryCluster, turn: Turn, epoch: int) -> DeploymentWorkload:
    workload = DeploymentWorkload(cluster, MANAGED, clock=lambda: NOW)
    workload.fence(SHOP, turn.fence(epoch))
    return workload


def while_it_sleeps(cluster: MemoryCluster, path: str, act: Callable[[], object]) -> None:
    """Between the reading and the next patch of an object something else happens."""
    cluster.on(act, verb="patch", path=path, times=1)


def taken_over(cluster: MemoryCluster, turn: Turn, *, up: bool) -> Callable[[], None]:
    def act() -> None:
        turn.epoch = 2
        driver(cluster, turn, 2).scale(SHOP, up=up)

    return act
