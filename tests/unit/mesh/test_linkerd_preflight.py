"""What Linkerd would ignore: refused before the write, and never in the way of a reset."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.mesh.linkerd_objects import (
    POLICY,
    SERVICE_PARENT,
    backend,
    mesh_route,
    profile,
    shared,
    traffic_split,
)
from tests.unit.mesh.manifests import TARGET, endpoints, on

from progressive._mesh.linkerd.codec import LinkerdCodec
from progressive._model.traffic import RouteRef, Split, Target
from progressive.errors import PreflightFailed

CODEC = LinkerdCodec()


def apex(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": spec,
    }


def refused(*beside: dict[str, Any], target: Target = TARGET, **more: Any) -> str:
    """The words of the refusal; the way home is free all the same."""
    objects = [mesh_route(shared(60, 40), **more), *beside]
    with pytest.raises(PreflightFailed) as caught:
        CODEC.write(objects, target, Split(canary=50))

    assert CODEC.write(objects, target, Split(canary=0))
    assert CODEC.reset(objects, target)
    return str(caught.value)


@pytest.mark.parametrize("version", [None, POLICY])
def test_a_service_profile_of_the_parent_overrides_every_route(version: str | None) -> None:
    """
    It wins over all routes, and nothing in their status says so.
    """
    words = refused(profile(routes=[{"name": "GET /"}]), version=version)

    assert "ServiceProfile shop/web.shop.svc.cluster.local overrides every route" in words
    assert "move what it says into the route" in words


def test_an_empty_profile_overrides_as_well_and_may_go() -> None:
    """
    linkerd-smi leaves one behind when its TrafficSplit is deleted.
    """
    assert "can be deleted" in refused(profile(routes=[], dstOverrides=None))


def test_a_profile_in_a_namespace_of_clients_is_theirs() -> None:
    """
    The clients there would not follow the weights, and the others would.
    """
    assert "of the clients in namespace edge" in refused(profile("edge", dstOverrides=[{}]))


def test_profiles_of_other_services_and_of_a_traffic_split_are_fine() -> None:
    """
    The adaptor makes one out of each split: there it is how the weights get to the proxies.
    """
    other = profile()
    other["metadata"]["name"] = "web.other.svc.cluster.local"
    longer = profile()
    longer["metadata"]["name"] = "web.shop.svcx"
    split = traffic_split(("web-canary", 0), ("web-primary", 100))

    assert CODEC.write([mesh_route(shared()), other, longer], TARGET, Split(canary=20))
    assert CODEC.write([split, profile(dstOverrides=[{}])], TARGET, Split(canary=20))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"clusterIP": "None"}, "is headless"),
        ({"type": "ExternalName", "externalName": "a.example.com"}, "ExternalName"),
    ],
)
def test_a_parent_needs_a_cluster_address(spec: dict[str, str], words: str) -> None:
    """
    Its routes get no parent that matches, and nobody follows them.
    """
    assert words in refused(apex(**spec))


def test_of_several_parents_the_apex_counts() -> None:
    """
    A further parent without an address does not take the apex's route away.
    """
    parents = [{"group": "", "kind": "Service", "name": "old"}, SERVICE_PARENT]
    old = {**apex(clusterIP="None"), "metadata": {"name": "old", "namespace": "shop"}}

    assert CODEC.write([mesh_route(shared(), parents=parents), old], TARGET, Split(canary=20))


@pytest.mark.parametrize(
    ("ours", "other"),
    [
        ("HTTPRoute", "GRPCRoute"),
        ("TLSRoute", "HTTPRoute"),
        ("TLSRoute", "GRPCRoute"),
        ("TCPRoute", "TLSRoute"),
        ("TCPRoute", "HTTPRoute"),
    ],
)
def test_a_kind_that_comes_before_voids_the_route(ours: str, other: str) -> None:
    """
    Of one parent and port only the routes of the first kind are followed.
    """
    beside = mesh_route({"backendRefs": [backend("audit")]}, kind=other, name="other")
    weaker = mesh_route({"backendRefs": [backend("audit")]}, kind=ours, name="weaker")

    assert f"{other} shop/other has the same parent and port" in refused(beside, kind=ours)
    assert CODEC.write([mesh_route(shared(), kind=other), weaker], TARGET, Split(canary=20))


@pytest.mark.parametrize(
    ("port", "voids"),
    [(80, True), (None, True), (81, False)],
)
def test_only_a_route_of_the_same_port_is_in_the_way(port: int | None, voids: bool) -> None:
    """
    A parent without a port means all of them.
    """
    parent = {**SERVICE_PARENT, "port": port}
    grpc = mesh_route({"backendRefs": []}, kind="GRPCRoute", name="grpc", parents=[parent])
    if voids:
        assert "GRPCRoute shop/grpc" in refused(grpc)
    else:
        assert CODEC.write([mesh_route(shared()), grpc], TARGET, Split(canary=20))


def test_a_route_for_other_clients_is_not_in_the_way() -> None:
    """
    Routes of another namespace are followed by the clients there alone.
    """
    parent = {**SERVICE_PARENT, "namespace": "shop"}
    grpc = mesh_route(
        {"backendRefs": []}, kind="GRPCRoute", name="grpc", namespace="edge", parents=[parent]
    )

    assert CODEC.write([mesh_route(shared()), grpc], TARGET, Split(canary=20))


@pytest.mark.parametrize("version", [None, POLICY])
@pytest.mark.parametrize(("when", "voids"), [("2026-01-01T00:00:00Z", True), ("2027", False)])
def test_an_older_route_for_the_same_requests_has_them(
    version: str | None, when: str, voids: bool
) -> None:
    """
    Of two equal matches the older one counts, whichever of the two groups it is of.
    """
    theirs = mesh_route(
        {"backendRefs": [backend("web")]},
        name="theirs",
        version=version,
        creationTimestamp=when,
    )
    since = "2026-06-01T00:00:00Z"
    if voids:
        words = refused(theirs, creationTimestamp=since)
        assert "HTTPRoute shop/theirs is older" in words
    else:
        route = mesh_route(shared(), creationTimestamp=since)
        assert CODEC.write([route, theirs], TARGET, Split(canary=20))


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        (None, "URLRewrite"),
        (None, "RequestMirror"),
        (None, "ExtensionRef"),
        (None, None),
        (POLICY, "ResponseHeaderModifier"),
    ],
)
def test_a_filter_that_cannot_be_converted_freezes_the_whole_route(
    version: str | None, kind: str | None
) -> None:
    """
    Also on a rule that the release does not steer: the controller converts all or nothing.
    """
    strange = {"backendRefs": [backend("audit")], "filters": [{"type": kind}]}
    objects = [mesh_route(strange, shared(), version=version)]

    with pytest.raises(PreflightFailed, match=r"rules\[0\]: Linkerd cannot convert a filter"):
        CODEC.write(objects, TARGET, Split(canary=20))


def test_filters_that_can_be_converted_are_fine() -> None:
    """
    A refusal for nothing would make the router useless on real routes.
    """
    known = ("RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect")
    rules = [shared(filters=[{"type": one} for one in known[:2]])]
    rules.append({"filters": [{"type": known[2]}]})

    assert CODEC.write([mesh_route(*rules)], TARGET, Split(canary=20))


def test_a_backend_with_a_strange_filter_or_without_a_port_answers_500() -> None:
    """
    Just for its share: the weight would break that part of the users.
    """
    filtered = shared()
    filtered["backendRefs"][1]["filters"] = [{"type": "URLRewrite"}]
    portless = shared()
    del portless["backendRefs"][1]["port"]

    with pytest.raises(PreflightFailed, match="answers 500 for a backend with a filter"):
        CODEC.write([mesh_route(filtered)], TARGET, Split(canary=20))
    with pytest.raises(PreflightFailed, match="web-canary has no port"):
        CODEC.write([mesh_route(portless)], TARGET, Split(canary=20))


def test_a_canary_without_ready_endpoints_loses_its_share_without_a_word() -> None:
    """
    The proxy draws among those that are ready, so that success rates stay perfect.
    """
    assert "no ready endpoint" in refused(endpoints("web-canary", False))


def test_a_consumer_route_asks_for_profiles_of_its_own_namespace() -> None:
    """
    Its clients look there first.
    """
    sides = shared()
    for one in sides["backendRefs"]:
        one["namespace"] = "shop"
    route = mesh_route(sides, namespace="edge", parents=[{**SERVICE_PARENT, "namespace": "shop"}])
    named = on(RouteRef(name="web", kind="HTTPRoute", namespace="edge"))

    with pytest.raises(PreflightFailed, match="ServiceProfile edge/"):
        CODEC.write([route, profile("edge")], named, Split(canary=20))
