"""A driver that slept scales nothing and promotes nothing once the target is another's (L18)."""

from __future__ import annotations

import pytest
from tests.unit.adapters.workload.sleeping import Turn, driver, taken_over, while_it_sleeps
from tests.unit.adapters.workload.world import (
    MANAGED,
    NOW,
    PRIMARY,
    SHOP,
    V1,
    V2,
    WEB,
    promoted,
    target,
    world,
)

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._adapters.workload import DeploymentWorkload
from progressive._kube.workload.revision import revision
from progressive.errors import ClusterError, ErrorKind
from progressive.ports import Fence

TOKEN = "progressive.dev/driver"


def idle() -> MemoryCluster:
    """A new version that no pod runs yet."""
    cluster, _ = world(target(V2, replicas=0), promoted())
    return cluster


def replicas(cluster: MemoryCluster) -> int:
    return int(cluster.get(WEB)["spec"]["replicas"])


def token(cluster: MemoryCluster) -> str | None:
    found: str | None = (cluster.get(WEB)["metadata"].get("annotations") or {}).get(TOKEN)
    return found


def test_a_scale_up_that_was_read_before_another_went_home_is_refused() -> None:
    """
    The idle canary has no pod to lose, so the way home writes its token alone.
    """
    cluster, turn = idle(), Turn()
    late = driver(cluster, turn, 1)
    while_it_sleeps(cluster, "deployments/web$", taken_over(cluster, turn, up=False))
    with pytest.raises(ClusterError) as refused:
        late.scale(SHOP, up=True)
    with pytest.raises(ClusterError) as lost:
        late.scale(SHOP, up=True)

    assert ErrorKind.CONFLICT is refused.value.kind
    assert ErrorKind.LOST is lost.value.kind
    assert (0, "run/2") == (replicas(cluster), token(cluster))


@pytest.mark.parametrize("up", [True, False])
def test_what_is_read_after_another_came_is_not_written_either(up: bool) -> None:
    """
    It slept before its reading: the token that it finds is another's, and the Lease tells.
    """
    cluster, turn = idle(), Turn()
    late = driver(cluster, turn, 1)
    taken_over(cluster, turn, up=not up)()
    before = replicas(cluster)
    with pytest.raises(ClusterError) as lost:
        late.scale(SHOP, up=up)

    assert ErrorKind.LOST is lost.value.kind
    assert (before, "run/2") == (replicas(cluster), token(cluster))


def test_a_token_of_an_older_run_stops_nobody() -> None:
    """
    It stays on the target when a run is over, and its epoch tells that it came before us.
    """
    cluster, turn = idle(), Turn(epoch=9)
    driver(cluster, turn, 9).scale(SHOP, up=False)
    turn.epoch = 10
    fence = Fence(token="run/10", confirm=lambda: pytest.fail("the Lease need not be asked"))
    workload = DeploymentWorkload(cluster, MANAGED, clock=lambda: NOW)
    workload.situation(SHOP)
    workload.fence(SHOP, fence)
    workload.scale(SHOP, up=True)

    assert (2, "run/10") == (replicas(cluster), token(cluster))


def test_a_smaller_number_that_came_meanwhile_is_asked_about() -> None:
    """
    Somebody deleted the Lease and the journal, so the next driver's numbers began anew.
    """
    cluster, turn = idle(), Turn(epoch=9)
    late = driver(cluster, turn, 9)
    late.situation(SHOP)
    turn.epoch = 1
    driver(cluster, turn, 1).scale(SHOP, up=False)
    with pytest.raises(ClusterError) as lost:
        late.scale(SHOP, up=True)

    assert ErrorKind.LOST is lost.value.kind
    assert (0, "run/1") == (replicas(cluster), token(cluster))


def test_what_is_no_token_is_asked_about() -> None:
    """
    Somebody wrote the annotation by hand; whose turn it is then says the Lease.
    """
    cluster, turn = idle(), Turn()
    shown = cluster.get(WEB)
    shown["metadata"].setdefault("annotations", {})[TOKEN] = "me"
    cluster.put(shown)
    late = driver(cluster, turn, 0)
    with pytest.raises(ClusterError) as lost:
        late.scale(SHOP, up=True)
    driver(cluster, turn, 1).scale(SHOP, up=True)

    assert ErrorKind.LOST is lost.value.kind
    assert (2, "run/1") == (replicas(cluster), token(cluster))


def test_the_status_may_move_while_it_is_written() -> None:
    """
    Pods come and go; a conflict about them is nobody's decision.
    """
    cluster, turn = idle(), Turn()

    def status() -> None:
        shown = cluster.get(WEB)
        cluster.put({**shown, "status": {"observedGeneration": 9}}, manager="kube")

    while_it_sleeps(cluster, "deployments/web$", status)
    driver(cluster, turn, 1).scale(SHOP, up=True)

    assert (2, "run/1") == (replicas(cluster), token(cluster))


def test_the_same_driver_writes_once() -> None:
    """
    An order that is carried out again finds things as they should be.
    """
    cluster, turn = idle(), Turn()
    workload = driver(cluster, turn, 1)
    workload.scale(SHOP, up=False)
    before = len([one for one in cluster.log if one.changed])
    workload.scale(SHOP, up=False)

    assert before == len([one for one in cluster.log if one.changed])


def test_without_a_fence_no_token_is_left() -> None:
    """
    Whoever uses the part alone drives alone.
    """
    cluster, workload = world(target(V2, replicas=0), promoted())
    workload.scale(SHOP, up=True)
    workload.scale(SHOP, up=False)

    assert (0, None) == (replicas(cluster), token(cluster))


def test_a_promotion_of_yesterday_is_not_written() -> None:
    """
    A driver that goes on after a crash reads the primary anew, and may have slept before.
    """
    cluster, turn = idle(), Turn()
    driver(cluster, turn, 1).scale(SHOP, up=True)
    turn.epoch = 2
    late = driver(cluster, turn, 1)
    with pytest.raises(ClusterError) as lost:
        late.promote(SHOP, revision(V2))

    assert ErrorKind.LOST is lost.value.kind
    assert (
        revision(V1) == cluster.get(PRIMARY)["metadata"]["annotations"]["progressive.dev/revision"]
    )
