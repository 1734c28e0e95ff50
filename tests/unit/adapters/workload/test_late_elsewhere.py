"""A driver that slept sets no image, and gives no minimum back that another has raised (L18)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.unit.adapters.workload.sleeping import Turn, driver, taken_over, while_it_sleeps
from tests.unit.adapters.workload.world import SHOP, V1, V2, WEB, promoted, target, world
from tests.unit.kube.manifests import hpa

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._adapters.workload import DeploymentWorkload
from progressive._kube.workload.capacity import MIN_REPLICAS
from progressive.errors import ClusterError, ErrorKind

HPA = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers/web"
TOKEN = "progressive.dev/driver"


def scaled() -> MemoryCluster:
    """A new version that no pod runs yet; an autoscaler may take four of six from the primary."""
    replicas = promoted(V1, replicas=6)
    cluster, _ = world(target(V2, replicas=0), replicas, hpa(minReplicas=2))
    return cluster


def begun(cluster: MemoryCluster, turn: Turn, epoch: int) -> DeploymentWorkload:
    """A driver that has looked."""
    workload = driver(cluster, turn, epoch)
    workload.situation(SHOP)
    return workload


def minimum(cluster: MemoryCluster) -> int:
    return int(cluster.get(HPA)["spec"]["minReplicas"])


def marks(cluster: MemoryCluster) -> set[str]:
    return set(cluster.get(HPA)["metadata"].get("annotations") or {})


def image(cluster: MemoryCluster) -> str:
    containers = cluster.get(WEB)["spec"]["template"]["spec"]["containers"]
    return str(containers[0]["image"])


def next_run(cluster: MemoryCluster, turn: Turn) -> Callable[[], None]:
    """Another driver takes the target, and its run brings the canary up."""

    def act() -> None:
        turn.epoch = 2
        begun(cluster, turn, 2).scale(SHOP, up=True)

    return act


def test_the_minimum_of_the_next_run_is_not_given_back() -> None:
    """
    It slept at the end of its run, between its reading and its write.
    """
    cluster, turn = scaled(), Turn()
    late = begun(cluster, turn, 1)
    late.scale(SHOP, up=True)
    while_it_sleeps(cluster, "autoscalers/web$", next_run(cluster, turn))
    with pytest.raises(ClusterError) as lost:
        late.give_back(SHOP)

    assert ErrorKind.LOST is lost.value.kind
    assert (6, {MIN_REPLICAS, TOKEN}) == (minimum(cluster), marks(cluster))


def test_a_minimum_that_was_given_back_meanwhile_is_not_raised_again() -> None:
    """
    It slept before its raise; another one raised it, went home and gave it back.
    """
    cluster, turn = scaled(), Turn()
    late = begun(cluster, turn, 1)

    def act() -> None:
        turn.epoch = 2
        other = begun(cluster, turn, 2)
        other.scale(SHOP, up=True)
        other.scale(SHOP, up=False)
        other.give_back(SHOP)

    while_it_sleeps(cluster, "autoscalers/web$", act)
    with pytest.raises(ClusterError) as lost:
        late.scale(SHOP, up=True)

    assert ErrorKind.LOST is lost.value.kind
    assert (2, set()) == (minimum(cluster), marks(cluster))


def test_what_a_dead_driver_has_raised_is_given_back_by_the_next() -> None:
    """
    The Lease says that it is ours by now.
    """
    cluster, turn = scaled(), Turn()
    begun(cluster, turn, 1).scale(SHOP, up=True)
    turn.epoch = 2
    begun(cluster, turn, 2).give_back(SHOP)

    assert (2, set()) == (minimum(cluster), marks(cluster))


def test_an_image_of_yesterday_is_not_set_once_another_has_the_target() -> None:
    """
    It took the target and slept; by now another one has, and says so on it.
    """
    cluster, turn = scaled(), Turn()
    late = driver(cluster, turn, 1)
    taken_over(cluster, turn, up=True)()
    with pytest.raises(ClusterError) as lost:
        late.set_images(SHOP, {"web": "web:9"})

    assert (ErrorKind.LOST, "web:2") == (lost.value.kind, image(cluster))


@pytest.mark.parametrize("before", [None, "run/0"])
def test_an_image_that_was_read_before_another_came_is_not_set(before: str | None) -> None:
    """
    The patch tests the token that was read, or that none was there.
    """
    cluster, turn = scaled(), Turn()
    if before:
        shown = cluster.get(WEB)
        shown["metadata"].setdefault("annotations", {})[TOKEN] = before
        cluster.put(shown)
    late = driver(cluster, turn, 1)
    while_it_sleeps(cluster, "deployments/web$", taken_over(cluster, turn, up=False))
    with pytest.raises(ClusterError) as lost:
        late.set_images(SHOP, {"web": "web:9"})

    assert (ErrorKind.LOST, "web:2") == (lost.value.kind, image(cluster))


def test_the_image_of_the_present_driver_needs_no_question() -> None:
    """
    A token of the run before is older; a release has no request to spare.
    """
    cluster, turn = scaled(), Turn()
    driver(cluster, turn, 1).scale(SHOP, up=False)
    turn.epoch = -1  # the Lease would say no
    driver(cluster, turn, 2).set_images(SHOP, {"web": "web:9"})

    assert "web:9" == image(cluster)
