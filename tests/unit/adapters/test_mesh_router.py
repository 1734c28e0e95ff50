"""How plans are carried out on a cluster: requests, conflicts, lost answers, several objects."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from tests.unit.adapters.mesh_world import ROUTES, WEB, other_writer, router, weights, world
from tests.unit.mesh.manifests import TARGET, both, destination, endpoints, route, service

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._model.traffic import Observed, RouteRef, Split
from progressive.errors import (
    ClusterError,
    Conflict,
    DestinationNotFound,
    Drift,
    ErrorKind,
    InvalidRequest,
    PreflightFailed,
    RouteNotFound,
    RouterError,
    VersionNotServed,
)


def test_a_read_is_one_get_and_a_shift_after_it_one_patch() -> None:
    """
    A run of many releases must not load the API server.
    """
    cluster = world()
    steered = router(cluster)
    steered.current(TARGET)
    steered.shift(TARGET, Split(canary=10))
    cluster.calls.clear()

    steered.current(TARGET)
    assert Observed(canary=20) == steered.shift(TARGET, Split(canary=20))

    slices = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"
    assert [("get", WEB), ("list", slices), ("patch", WEB)] == cluster.calls


def test_going_home_is_one_patch_and_asks_nothing() -> None:
    """
    The way home must not wait for anything that can fail.
    """
    cluster = world()
    steered = router(cluster)
    steered.shift(TARGET, Split(canary=50))
    cluster.calls.clear()

    assert Observed(canary=0) == steered.reset(TARGET)
    assert [("patch", WEB)] == cluster.calls


def test_the_same_order_again_writes_nothing_and_believes_no_old_reading() -> None:
    """
    What was remembered may be wrong by now; only a fresh reading may say that all is well.
    """
    cluster = world()
    steered = router(cluster)
    steered.shift(TARGET, Split(canary=20))
    steered.shift(TARGET, Split(canary=20))
    assert 1 == len(cluster.log)

    def back(one: dict[str, Any]) -> None:
        one["spec"]["http"][0] = both(100, 0)

    other_writer(cluster, back)()
    steered.shift(TARGET, Split(canary=20))
    assert [80, 20] == weights(cluster)


def test_a_write_between_read_and_write_is_kept_and_planned_around() -> None:
    """
    M-118, M-119: the other writer's change stays, and no weight lands on a wrong index.
    """
    cluster = world()
    steered = router(cluster)
    steered.current(TARGET)

    def reorder(one: dict[str, Any]) -> None:
        one["spec"]["http"][0]["route"].reverse()
        one["spec"]["http"].insert(0, {"route": [destination("legacy")]})
        one["metadata"]["labels"] = {"by": "somebody"}

    cluster.on(other_writer(cluster, reorder), verb="patch")
    assert 20 == steered.shift(TARGET, Split(canary=20)).canary

    found = cluster.get(WEB)
    assert {"by": "somebody"} == found["metadata"]["labels"]
    assert [("web-canary", 20), ("web-primary", 80)] == [
        (one["destination"]["host"], one["weight"]) for one in found["spec"]["http"][1]["route"]
    ]


def test_conflicts_without_end_are_given_up_with_the_writers_named() -> None:
    """
    M-120: five tries; then a person must know whom to ask.
    """
    cluster = world()
    steered = router(cluster)
    count = iter(range(100))

    def touch(one: dict[str, Any]) -> None:
        one["metadata"]["labels"] = {"n": str(next(count))}

    cluster.on(other_writer(cluster, touch), verb="patch", times=None)
    with pytest.raises(Conflict, match="somebody"):
        steered.shift(TARGET, Split(canary=20))

    assert [100, 0] == weights(cluster)
    assert 5 == sum(1 for verb, _ in cluster.calls if verb == "patch")


@pytest.mark.parametrize("after", [True, False])
def test_a_lost_answer_is_read_back(after: bool) -> None:
    """
    M-121: whether the write took effect or not, the order stands in the end, written once.
    """
    cluster = world()
    lost = ClusterError("no answer", ErrorKind.UNAVAILABLE)
    cluster.fail(lost, verb="patch", after=after)

    assert Observed(canary=20) == router(cluster).shift(TARGET, Split(canary=20))
    assert 1 == len(cluster.log)


def test_an_answer_that_stays_unknown_says_so() -> None:
    """
    M-121: the run must not believe that nothing was written.
    """
    cluster = world()
    lost = ClusterError("no answer", ErrorKind.UNAVAILABLE)
    cluster.fail(lost, verb="patch", after=True)
    cluster.fail(lost, verb="get", path="virtualservices/", times=None)

    with pytest.raises(RouterError, match="unknown") as caught:
        router(cluster).shift(TARGET, Split(canary=20))
    assert ErrorKind.UNAVAILABLE is caught.value.kind


def test_a_server_that_asks_for_a_long_wait_is_left_to_the_run() -> None:
    """
    The run has an inbox and deadlines; a router that sleeps cannot be aborted.
    """
    cluster = world()
    cluster.fail(ClusterError("slow down", ErrorKind.UNAVAILABLE, 30.0, 429), verb="patch")

    with pytest.raises(RouterError) as caught:
        router(cluster).shift(TARGET, Split(canary=20))
    assert (ErrorKind.UNAVAILABLE, 30.0) == (caught.value.kind, caught.value.retry_after)


def test_a_denial_of_a_webhook_is_final_and_in_its_words() -> None:
    """
    M-122: repeating does not help.
    """
    cluster = world()
    words = 'admission webhook "v" denied the request: no deploys on Friday'
    cluster.fail(ClusterError(words, ErrorKind.INVALID), verb="patch")

    with pytest.raises(InvalidRequest, match="no deploys on Friday"):
        router(cluster).shift(TARGET, Split(canary=20))
    assert 1 == sum(1 for verb, _ in cluster.calls if verb == "patch")


def test_a_missing_right_is_named() -> None:
    """
    M-129: verb, group, resource and namespace, for the person who writes the Role.
    """
    cluster = world()
    cluster.deny("patch", "virtualservices")

    with pytest.raises(RouterError, match="patch") as caught:
        router(cluster).shift(TARGET, Split(canary=20))
    assert ErrorKind.FORBIDDEN is caught.value.kind
    assert "networking.istio.io" in str(caught.value) and "shop" in str(caught.value)


def test_something_else_that_is_read_back_is_drift() -> None:
    """
    M-123: a mutating webhook or GitOps took the weights back within the same request.
    """
    cluster = world()

    class Stubborn(MemoryCluster):
        def json_patch(self, path: str, patch: list[dict[str, Any]]) -> dict[str, Any]:
            answer = super().json_patch(path, patch)
            answer["spec"]["http"][0]["route"] = both(100, 0)["route"]
            return answer

    cluster.__class__ = Stubborn
    with pytest.raises(Drift, match="progressive"):
        router(cluster).shift(TARGET, Split(canary=20))


def test_v1beta1_is_found_and_used() -> None:
    """
    M-42: older Istios serve nothing else.
    """
    old = route(both())
    old["apiVersion"] = "networking.istio.io/v1beta1"
    cluster = world(old, served={"networking.istio.io": ("v1beta1", "v1alpha3")})
    steered = router(cluster)

    assert 20 == steered.shift(TARGET, Split(canary=20)).canary
    assert "v1beta1" in cluster.log[0].path


def test_a_cluster_without_istio_is_told_apart_from_a_missing_route() -> None:
    """
    M-42, M-11: the first is repaired by an administrator, the second by the team.
    """
    with pytest.raises(VersionNotServed, match="install"):
        router(MemoryCluster(served={"networking.istio.io": ()})).current(TARGET)

    with pytest.raises(RouteNotFound, match="shop"):
        router(MemoryCluster()).shift(TARGET, Split(canary=20))


@pytest.mark.parametrize("served", [None, {"networking.istio.io": ()}])
def test_a_reset_without_a_route_succeeds_with_a_note(
    served: dict[str, tuple[str, ...]] | None,
) -> None:
    """
    M-33: there is nothing that could send traffic to the canary.
    """
    observed = router(MemoryCluster(served=served)).reset(TARGET)

    assert Observed(canary=0) == observed
    assert "nothing to reset" in observed.warnings[0]


def test_a_reset_brings_home_what_it_can_and_tells_of_the_rest() -> None:
    """
    R3, R7: one object that holds the canary alone keeps no other from home, and is no success.
    """
    lone = {"route": [destination("web-canary")]}
    cluster = MemoryCluster([route(lone, name="lone"), route(both(30, 70))])
    routes = (RouteRef(name="lone", rule=0), RouteRef(name="web", rule=0))

    for wrote in (True, False):
        with pytest.raises(DestinationNotFound, match="VirtualService shop/lone") as caught:
            router(cluster).reset(evolve(TARGET, routes=routes))
        assert wrote == caught.value.unsettled
    assert [100, 0] == weights(cluster)


def test_a_reset_of_what_cannot_be_read_tells_that_it_wrote() -> None:
    """
    Several rules hold both sides: all of them are brought home, though none is the one to read.
    """
    cluster = MemoryCluster()
    for name in ("web", "web-public"):
        cluster.put(route(both(60, 40), name=name))
    observed = router(cluster).reset(TARGET)

    assert 2 == sum(call == "patch" for call, _ in cluster.calls)
    assert observed.warnings[0].startswith("Note: all is home, but the split cannot be read: ")


def test_a_route_that_was_deleted_is_searched_again() -> None:
    """
    It may have come back under another name; the one remembered must not stand in the way.
    """
    cluster = world()
    steered = router(cluster)
    steered.shift(TARGET, Split(canary=20))
    cluster.discard(WEB)
    cluster.put(route(both(), name="web-new"))

    assert 30 == steered.shift(TARGET, Split(canary=30)).canary
    assert [70, 30] == weights(cluster, "web-new")

    cluster.discard(f"{ROUTES}/web-new")
    with pytest.raises(RouteNotFound):
        steered.shift(TARGET, Split(canary=40))
    assert Observed(canary=0) == steered.reset(TARGET)


def test_an_old_reading_does_not_refuse_what_was_repaired_meanwhile() -> None:
    """
    A person adds the missing destination; the next try must see it.
    """
    cluster = world(route({"route": [destination("web-primary", 100)]}))
    steered = router(cluster)
    with pytest.raises(DestinationNotFound):
        steered.current(TARGET)

    cluster.put(route(both()))
    assert 20 == steered.shift(TARGET, Split(canary=20)).canary


@pytest.mark.parametrize("missing", ["service", "endpoints", "ready"])
def test_no_weight_for_a_side_that_cannot_answer(missing: str) -> None:
    """
    On a cluster what is missing is a fault: there, everything can be asked.
    """
    objects = [route(both()), service("web-primary", 80), endpoints("web-primary", True)]
    if missing != "service":
        objects.append(service("web-canary", 80))
    if missing == "ready":
        objects.append(endpoints("web-canary", False))
    cluster = MemoryCluster(objects)

    with pytest.raises(PreflightFailed, match="web-canary"):
        router(cluster).shift(TARGET, Split(canary=20))
    assert [] == cluster.log
    assert Observed(canary=0) == router(cluster).shift(TARGET, Split(canary=0))


def test_offline_what_is_not_there_is_not_asked_for() -> None:
    """
    A preview from a file knows the routes alone.
    """
    assert (
        20
        == router(MemoryCluster([route(both())]), offline=True)
        .shift(TARGET, Split(canary=20))
        .canary
    )


def made(name: str, *ports: str) -> dict[str, Any]:
    """An EndpointSlice as the endpoint controller makes it for a Service."""
    one = endpoints(name, True)
    owner = {"apiVersion": "v1", "kind": "Service", "name": name, "uid": "u"}
    one["metadata"]["ownerReferences"] = [owner]
    return {**one, "ports": [{"name": port, "port": 8080} for port in ports]}


@pytest.mark.parametrize(
    ("ports", "asked"), [(("http",), 0), (("http", "metrics"), 2), ((), 2)], ids=str
)
def test_services_are_asked_for_only_where_their_slices_leave_a_question(
    ports: tuple[str, ...], asked: int
) -> None:
    """
    Two requests of every release: a slice of one port, made for its Service, tells the same.
    """
    cluster = world()
    for side in ("web-primary", "web-canary"):
        cluster.put(made(side, *ports))
    steered = router(cluster)

    assert 10 == steered.shift(TARGET, Split(canary=10)).canary
    assert 20 == steered.shift(TARGET, Split(canary=20)).canary
    assert asked == len([path for _, path in cluster.calls if "/services/" in path])


def test_a_slice_that_belongs_to_another_service_is_no_proof() -> None:
    """
    Anybody may write the label; only the endpoint controller makes slices for a Service.
    """
    cluster = world()
    for side in ("web-primary", "web-canary"):
        one = made(side, "http")
        one["metadata"]["ownerReferences"][0]["name"] = "other"
        cluster.put(one)
        cluster.discard(f"/api/v1/namespaces/shop/services/{side}")

    with pytest.raises(PreflightFailed, match="does not exist"):
        router(cluster).shift(TARGET, Split(canary=10))


def test_a_primary_that_is_down_does_not_keep_its_mending_from_users() -> None:
    """
    WS-23: the release that mends it takes weight from it, and gives it none.
    """
    services = [service(one, 80) for one in ("web-primary", "web-canary")]
    ends = [endpoints("web-primary", False), endpoints("web-canary", True)]
    cluster = MemoryCluster([route(both()), *services, *ends])
    steered = router(cluster)

    assert Observed(canary=50) == steered.shift(TARGET, Split(canary=50))
    with pytest.raises(PreflightFailed, match=r"web-primary \(primary\) has no ready endpoint"):
        steered.shift(TARGET, Split(canary=20))
    assert [50, 50] == weights(cluster)
