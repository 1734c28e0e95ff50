"""The routers of Linkerd and SMI on a cluster in memory: versions, status, what is left over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.mesh.linkerd_objects import (
    POLICY,
    SERVICE_PARENT,
    mesh_route,
    profile,
    shared,
    traffic_split,
)
from tests.unit.mesh.manifests import TARGET, endpoints, on, service

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._mesh.standing import StandingKind
from progressive._model.release import ServiceSpec
from progressive._model.traffic import RouteRef, Split
from progressive.errors import (
    NotAccepted,
    PreflightFailed,
    RouteNotFound,
    RouterError,
    VersionNotServed,
)
from progressive.routers import LinkerdRouter, SmiRouter

SMI = "split.smi-spec.io"
WEB = ServiceSpec(name="web", port=80)
OWNER = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "name": "web",
    "uid": "1",
    "controller": False,
}


def world(*objects: dict[str, Any], **more: Any) -> MemoryCluster:
    sides = ("web-primary", "web-canary")
    around = [service(one, 80) for one in ("web", *sides)]
    return MemoryCluster([*objects, *around, *(endpoints(one, True) for one in sides)], **more)


def asked_for(cluster: MemoryCluster, verb: str) -> list[str]:
    return [path for one, path in cluster.calls if one == verb]


class Waits:
    """Counts the seconds that a router would have waited."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self, seconds: float) -> None:
        self.seconds += seconds


def test_the_newest_version_that_is_served_is_written() -> None:
    """
    M-82: a version that is there but not served has no objects to patch.
    """
    split = traffic_split(("web-canary", 0), ("web-primary", 100), version="v1alpha4")
    cluster = world(split, served={SMI: ("v1alpha4",)})
    SmiRouter(cluster).shift(TARGET, Split(canary=20))

    assert [f"/apis/{SMI}/v1alpha4/namespaces/shop/trafficsplits/web"] == asked_for(
        cluster, "patch"
    )
    with pytest.raises(VersionNotServed, match="v1alpha3"):
        SmiRouter(cluster, version="v1alpha3").shift(TARGET, Split(canary=30))


def test_policy_routes_are_written_in_the_version_with_weights() -> None:
    """
    M-69: the oldest of the served versions has none, and its write would lose them.
    """
    cluster = world(
        mesh_route(shared(), version=POLICY),
        served={"policy.linkerd.io": ("v1beta3", "v1beta1", "v1alpha1")},
    )
    LinkerdRouter(cluster).shift(TARGET, Split(canary=20))

    assert ["/apis/policy.linkerd.io/v1beta3/namespaces/shop/httproutes/web"] == asked_for(
        cluster, "patch"
    )


def test_a_weight_step_makes_no_split() -> None:
    """
    M-83: a route that is missing is the news, not an occasion to make one.
    """
    cluster = world(served={SMI: ("v1alpha2",)})
    with pytest.raises(RouteNotFound):
        SmiRouter(cluster).shift(TARGET, Split(canary=20))

    assert [] == cluster.log


def test_a_managed_release_gets_its_split_in_the_version_that_is_served() -> None:
    """
    M-83: with its owner, so that it goes with it, and all traffic on the primary.
    """
    cluster = world(served={SMI: ("v1alpha2", "v1alpha1")})
    router = SmiRouter(cluster)
    router.establish(TARGET, WEB, OWNER)
    router.establish(TARGET, WEB, OWNER)
    (made,) = cluster.get(f"/apis/{SMI}/v1alpha2/namespaces/shop/trafficsplits")["items"]

    assert f"{SMI}/v1alpha2" == made["apiVersion"]
    assert [OWNER] == made["metadata"]["ownerReferences"]
    assert [0, 100] == [one["weight"] for one in made["spec"]["backends"]]
    assert 25 == router.shift(TARGET, Split(canary=25)).canary


def test_a_managed_release_of_linkerd_gets_a_route_unless_another_takes_its_requests() -> None:
    """
    A second route for every request would be there and never followed.
    """
    cluster = world()
    LinkerdRouter(cluster).establish(TARGET, WEB, OWNER)
    theirs = mesh_route({"backendRefs": []}, name="theirs")

    assert 20 == LinkerdRouter(cluster).shift(TARGET, Split(canary=20)).canary
    with pytest.raises(PreflightFailed, match="HTTPRoute shop/theirs"):
        LinkerdRouter(world(theirs)).establish(TARGET, WEB, OWNER)


def test_what_stands_beside_the_routes_is_read_once_and_only_before_a_write() -> None:
    """
    From the second shift on: the endpoints, and one patch whose answer is the reading.
    """
    cluster = world(mesh_route(shared()), profile())
    router = LinkerdRouter(cluster)
    with pytest.raises(PreflightFailed, match="ServiceProfile"):
        router.shift(TARGET, Split(canary=20))
    assert [] == cluster.log

    cluster = world(mesh_route(shared()))
    router = LinkerdRouter(cluster)
    router.shift(TARGET, Split(canary=20))
    cluster.calls.clear()
    router.current(TARGET)
    router.shift(TARGET, Split(canary=30))
    verbs = [verb for verb, _ in cluster.calls]
    assert ["get", "list", "patch"] == verbs
    assert "endpointslices" in cluster.calls[1][1]

    cluster.calls.clear()
    router.shift(TARGET, Split(canary=30))
    assert [] == [path for verb, path in cluster.calls if verb == "patch"]


def test_profiles_are_looked_for_where_a_named_route_is() -> None:
    """
    The clients of a consumer route look in their own namespace first.
    """
    sides = shared()
    for one in sides["backendRefs"]:
        one["namespace"] = "shop"
    route = mesh_route(sides, namespace="edge", parents=[{**SERVICE_PARENT, "namespace": "shop"}])
    named = on(RouteRef(name="web", kind="HTTPRoute", namespace="edge"))

    with pytest.raises(PreflightFailed, match="ServiceProfile edge/"):
        LinkerdRouter(world(route, profile("edge"))).shift(named, Split(canary=20))
    assert 20 == LinkerdRouter(world(route)).shift(named, Split(canary=20)).canary


def _spoken(status: str, **more: str) -> dict[str, Any]:
    route = mesh_route(shared(), generation=6)
    parent = {"group": "core", "kind": "Service", "namespace": "shop", "name": "web", "port": 80}
    said = [{"type": "Accepted", "status": status, **more}]
    if status == "True":
        said.append({"type": "ResolvedRefs", "status": "True", "reason": "ResolvedRefs"})
    entry = {
        "parentRef": parent,
        "controllerName": "linkerd.io/policy-controller",
        "conditions": said,
    }
    return {**route, "status": {"parents": [entry]}}


def test_a_status_without_a_generation_is_a_note_after_settling() -> None:
    """
    M-63: Linkerd writes none; who waits for it waits for ever.
    """
    route, waits = _spoken("True"), Waits()
    route["spec"]["parentRefs"] = [{**SERVICE_PARENT, "group": ""}]
    router = LinkerdRouter(world(route), patience=timedelta(minutes=5), pause=waits)
    (note,) = router.shift(TARGET, Split(canary=20)).warnings

    assert note.startswith("Note: stored, and not known whether it is accepted")
    assert 10 == pytest.approx(waits.seconds)
    assert StandingKind.UNVERIFIED is router.accepted(TARGET).kind


def test_a_refusal_that_stays_is_one() -> None:
    """
    M-72: the parent has no address, or another kind of route has its port.
    """
    route, waits = _spoken("False", reason="NoMatchingParent"), Waits()
    cluster = world(route)
    router = LinkerdRouter(cluster, patience=timedelta(minutes=5), pause=waits)

    with pytest.raises(NotAccepted, match=r"NoMatchingParent.*order the split before again"):
        router.shift(TARGET, Split(canary=20))
    assert 10 == pytest.approx(waits.seconds)
    assert 0 == router.reset(TARGET).canary


def test_a_split_says_nothing_of_its_own() -> None:
    """
    It has no status: that must not read as accepted.
    """
    split = traffic_split(("web-canary", 0), ("web-primary", 100))
    router = LinkerdRouter(world(split), pause=Waits())

    assert StandingKind.UNVERIFIED is router.accepted(TARGET).kind
    assert "has no status" in router.accepted(TARGET).words


def test_an_empty_profile_is_told_and_removed_on_request_alone() -> None:
    """
    M-86: linkerd-smi empties what it made and leaves it; it then overrides every route.
    """
    name = "ServiceProfile shop/web.shop.svc.cluster.local"
    cluster = world(profile(routes=[], dstOverrides=[]))
    router = LinkerdRouter(cluster)

    assert (name,) == router.left_over(TARGET)
    assert [] == cluster.log
    assert (name,) == router.remove_left_over(TARGET)
    assert () == router.left_over(TARGET)


@pytest.mark.parametrize("spec", [{"routes": [{"name": "GET /"}]}, {"dstOverrides": [{}]}])
def test_a_profile_that_says_something_is_never_removed(spec: dict[str, Any]) -> None:
    """
    Its routes are somebody's, and its overrides are those of a split that still stands.
    """
    router = SmiRouter(world(profile(**spec)))

    assert () == router.left_over(TARGET)
    assert () == router.remove_left_over(TARGET)


def test_a_release_that_is_given_up_leaves_the_service_to_itself() -> None:
    """
    Its split goes; the profile that the adaptor made of it is named among what is kept.
    """
    labels = {"app.kubernetes.io/managed-by": "progressive"}
    split = traffic_split(("web-canary", 0), ("web-primary", 100), labels=labels)
    cluster = world(split, profile(dstOverrides=[{}]))
    handed = SmiRouter(cluster).hand_back(TARGET, WEB)
    (kept,) = handed.kept

    assert ("TrafficSplit shop/web",) == handed.removed
    assert kept.startswith("ServiceProfile shop/web.shop.svc.cluster.local (it overrides")
    assert () == handed.foreign


def test_profiles_that_may_not_be_read_do_not_stop_the_handing_back() -> None:
    """
    By then the route is gone; what is left to tell is less than what would be lost.
    """
    labels = {"app.kubernetes.io/managed-by": "progressive"}
    cluster = world(traffic_split(("web-canary", 0), ("web-primary", 100), labels=labels))
    cluster.deny("list", "serviceprofiles")
    router = SmiRouter(cluster)

    assert ("TrafficSplit shop/web",) == router.hand_back(TARGET, WEB).removed
    with pytest.raises(RouterError, match="serviceprofiles"):
        router.left_over(TARGET)
