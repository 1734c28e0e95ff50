"""Waiting for a side of a managed Deployment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.unit.adapters.workload.world import (
    APPS,
    MANAGED,
    NOW,
    PRIMARY,
    SHOP,
    live,
    primary,
    promoted,
    put,
    target,
    world,
)
from tests.unit.kube.manifests import exceeded, rolled_out

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._adapters.workload import DeploymentWorkload
from progressive._model.events import Readiness
from progressive._model.release import Managed
from progressive._model.traffic import Side
from progressive.errors import ClusterError


def test_an_asking_in_the_past_is_answered_by_how_things_stand() -> None:
    """Ready, waiting and absent."""
    cluster, workload = world(rolled_out(target()), promoted())
    cluster.fail(ClusterError("no time for that"), verb="watch", times=None)

    assert Readiness.READY is workload.readiness(SHOP, Side.CANARY, NOW).readiness
    assert Readiness.WAITING is workload.readiness(SHOP, Side.PRIMARY, NOW).readiness
    cluster.discard(PRIMARY)
    gone = workload.readiness(SHOP, Side.PRIMARY, NOW)
    assert (Readiness.WAITING, "Deployment shop/web-primary does not exist") == (
        gone.readiness,
        gone.message,
    )


def test_each_side_has_its_own_share() -> None:
    """`canaryReadyThreshold` and `primaryReadyThreshold`."""
    cluster = MemoryCluster(
        [rolled_out(one, availableReplicas=2) for one in (target(replicas=4), primary(replicas=4))]
    )
    managed = Managed(
        name="web", service=MANAGED.service, canary_ready_percent=50, primary_ready_percent=51
    )
    workload = DeploymentWorkload(cluster, managed)

    assert Readiness.READY is workload.readiness(SHOP, Side.CANARY, NOW).readiness
    assert Readiness.WAITING is workload.readiness(SHOP, Side.PRIMARY, NOW).readiness


def soon() -> datetime:
    """Far enough that only a failing test ever waits for it."""
    return datetime.now(UTC) + timedelta(seconds=30)


def test_a_side_that_becomes_ready_is_answered_at_once() -> None:
    """By a watch: nobody asks again and again."""
    cluster, workload = live(target())
    cluster.on(lambda: put(cluster, rolled_out(target())), verb="watch", after=True)

    found = workload.readiness(SHOP, Side.CANARY, soon())

    assert Readiness.READY is found.readiness
    assert [("watch", f"{APPS}/deployments")] == cluster.calls


def test_a_side_that_is_made_later_is_waited_for() -> None:
    """And one that vanishes meanwhile is not ready."""
    cluster, workload = live()
    cluster.on(lambda: put(cluster, rolled_out(target())), verb="watch", after=True)

    assert Readiness.READY is workload.readiness(SHOP, Side.CANARY, soon()).readiness


def test_a_progress_deadline_left_from_before_is_not_believed() -> None:
    """
    Until the controller sees the first progress, the condition is that of the rollout before.
    """
    cluster, workload = live(rolled_out(target(), availableReplicas=0, conditions=exceeded()))
    cluster.on(
        lambda: put(cluster, rolled_out(target(), availableReplicas=1, conditions=[])),
        verb="watch",
        skip=1,
        after=True,
    )
    cluster.on(lambda: put(cluster, rolled_out(target())), verb="watch", skip=2, after=True)

    assert Readiness.READY is workload.readiness(SHOP, Side.CANARY, soon()).readiness


def test_a_progress_deadline_that_stays_is_stuck() -> None:
    """Kubernetes has given up, long before the caller's deadline."""
    cluster = MemoryCluster(
        [rolled_out(target(), availableReplicas=1, conditions=exceeded())],
    )
    workload = DeploymentWorkload(cluster, MANAGED, stale=timedelta(0))

    found = workload.readiness(SHOP, Side.CANARY, soon())

    assert Readiness.STUCK is found.readiness
    assert "timed out progressing" in found.message
