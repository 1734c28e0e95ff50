"""L18: the token of a driver on its route objects, and what a late write meets."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from tests.unit.adapters.mesh_world import ROUTES, WEB, router, weights, world
from tests.unit.mesh.manifests import TARGET, both, route

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._adapters.mesh.fence import token_of
from progressive._adapters.mesh.router import MeshRouter
from progressive._kube.marks import DRIVER
from progressive._model.traffic import RouteRef, Split
from progressive.errors import ClusterError, ErrorKind, LeaseLost, RouterError
from progressive.ports import Fence


class Lease:
    """Whose the target is; counts how often it was asked."""

    def __init__(self) -> None:
        self.owner, self.asked = "", 0

    def fence(self, token: str) -> Fence:
        self.owner = token

        def confirm() -> None:
            self.asked += 1
            if self.owner != token:
                raise LeaseLost(f"the target belongs to {self.owner}")

        return Fence(token=token, confirm=confirm)


def driver(
    cluster: MemoryCluster, lease: Lease, token: str, *, at_once: bool = False
) -> MeshRouter:
    steered = router(cluster)
    fence = lease.fence(token)
    steered.current(TARGET)
    steered.fence(TARGET, fence, at_once=at_once)
    return steered


def token(cluster: MemoryCluster, name: str = "web") -> str | None:
    return token_of(cluster.get(f"{ROUTES}/{name}"))


def test_the_first_write_brings_the_token_and_every_later_one_tests_it() -> None:
    """
    A run costs no request more for it.
    """
    cluster, lease = world(), Lease()
    steered = driver(cluster, lease, "run/1")
    steered.shift(TARGET, Split(canary=10))
    first = cluster.log[-1].body
    steered.shift(TARGET, Split(canary=20))
    second = cluster.log[-1].body
    path = "/metadata/annotations/progressive.dev~1driver"

    assert {"op": "add", "path": path, "value": "run/1"} in first
    assert {"op": "test", "path": path, "value": "run/1"} == second[0]
    assert ([80, 20], "run/1") == (weights(cluster), token(cluster))
    assert 2 == len(cluster.log) and 0 == lease.asked


def test_the_token_is_written_even_when_the_weights_already_stand() -> None:
    """
    A driver that slept before its first write has a plan for just this version of the object.
    """
    cluster, lease = world(), Lease()
    driver(cluster, lease, "run/2", at_once=True)

    assert ([100, 0], "run/2") == (weights(cluster), token(cluster))


def test_a_token_of_another_run_is_replaced_before_anything_else() -> None:
    """
    Its driver may sleep, and its next write would test just this token.
    """
    left = route(both())
    left["metadata"]["annotations"] = {DRIVER: "old/7", "team": "shop"}
    cluster, lease = world(left), Lease()
    driver(cluster, lease, "new/8")

    assert "new/8" == token(cluster)
    assert "shop" == cluster.get(WEB)["metadata"]["annotations"]["team"]


@pytest.mark.parametrize("written", [False, True])
def test_a_driver_that_slept_cannot_land_its_write(written: bool) -> None:
    """
    It has read, the other one has aborted and gone, and now it wakes up.
    """
    cluster, lease = world(), Lease()
    sleeper = driver(cluster, lease, "run/1")
    if written:
        sleeper.shift(TARGET, Split(canary=10))
    other = driver(cluster, lease, "run/2", at_once=True)
    other.reset(TARGET)
    other.unfence(TARGET)
    before = cluster.get(WEB)

    with pytest.raises(RouterError, match=r"the target belongs to run/2") as caught:
        sleeper.shift(TARGET, Split(canary=50))
    assert ErrorKind.LOST is caught.value.kind
    assert before == cluster.get(WEB)
    assert ([100, 0], None) == (weights(cluster), token(cluster))


def test_a_token_that_somebody_removed_is_written_again() -> None:
    """
    `kubectl replace` from a file takes it away; the Lease says that the run is still ours.
    """
    cluster, lease = world(), Lease()
    steered = driver(cluster, lease, "run/1")
    steered.shift(TARGET, Split(canary=10))
    bare = cluster.get(WEB)
    del bare["metadata"]["annotations"]
    cluster.put(bare, manager="kubectl")
    steered.shift(TARGET, Split(canary=20))

    assert ([80, 20], "run/1") == (weights(cluster), token(cluster))
    assert 1 == lease.asked


def test_the_end_removes_the_token_and_nothing_else() -> None:
    """
    R1: every other byte stays.
    """
    cluster, lease = world(), Lease()
    steered = driver(cluster, lease, "run/1")
    steered.shift(TARGET, Split(canary=10))
    steered.reset(TARGET)
    steered.unfence(TARGET)
    steered.unfence(TARGET)
    found = cluster.get(WEB)
    steered.shift(TARGET, Split(canary=5))

    assert not found["metadata"].get("annotations")
    assert route(both())["spec"]["hosts"] == found["spec"]["hosts"]
    assert None is token(cluster)


@pytest.mark.parametrize(
    "kind", [ErrorKind.UNAVAILABLE, ErrorKind.CONFLICT], ids=["503", "does not fit"]
)
@pytest.mark.parametrize("after", [False, True], ids=["refused", "answer lost"])
def test_one_bad_answer_does_not_leave_the_token(kind: ErrorKind, after: bool) -> None:
    """
    The end removes it, and a person who reads the route must not look for a driver.
    """
    cluster, lease = world(), Lease()
    steered = driver(cluster, lease, "run/1", at_once=True)
    cluster.fail(ClusterError("not now", kind), verb="patch", after=after)
    steered.unfence(TARGET)

    assert None is token(cluster)


def test_the_token_of_the_next_driver_is_not_removed() -> None:
    """
    A driver that was replaced ends, too.
    """
    cluster, lease = world(), Lease()
    older = driver(cluster, lease, "run/1", at_once=True)
    driver(cluster, lease, "run/2", at_once=True)
    older.unfence(TARGET)

    assert "run/2" == token(cluster)


def test_every_object_that_is_steered_carries_the_token() -> None:
    """
    Two gateways, two routes; the first write claims both, though it changes one.
    """
    objects: list[dict[str, Any]] = [route(both(), name="web"), route(both(), name="api")]
    objects[1]["spec"]["hosts"] = ["api.example.com"]
    objects[1]["spec"]["http"][0]["route"][0]["weight"] = 90
    objects[1]["spec"]["http"][0]["route"][1]["weight"] = 10
    cluster, lease = world(*objects), Lease()
    target = evolve(TARGET, routes=(RouteRef(name="web"), RouteRef(name="api")))
    steered = router(cluster)
    fence = lease.fence("run/1")
    steered.fence(target, fence, at_once=False)
    steered.shift(target, Split(canary=10))

    assert ["run/1", "run/1"] == [token(cluster, "web"), token(cluster, "api")]
    assert [[90, 10], [90, 10]] == [weights(cluster, "web"), weights(cluster, "api")]
