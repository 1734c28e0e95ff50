"""Linkerd's routes: which objects are the mesh's, and how their weights are written."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.mesh.linkerd_objects import (
    POLICY,
    SERVICE_PARENT,
    backend,
    mesh_route,
    shared,
    traffic_split,
)
from tests.unit.mesh.manifests import TARGET, carried_out, on

from progressive._mesh.linkerd.codec import LinkerdCodec
from progressive._model.traffic import Match, RouteRef, Split, Sticky, TextMatch
from progressive.errors import (
    AmbiguousRoute,
    InvalidRequest,
    InvalidWeight,
    RouteNotFound,
    Unsupported,
    VersionNotServed,
)

CODEC = LinkerdCodec()
QA = Match(headers={"x-user": TextMatch(exact="qa")})


def weights(manifest: dict[str, Any], rule: int = 0) -> list[int]:
    return [one["weight"] for one in manifest["spec"]["rules"][rule]["backendRefs"]]


@pytest.mark.parametrize(
    ("kind", "version"),
    [
        ("HTTPRoute", None),
        ("HTTPRoute", "gateway.networking.k8s.io/v1beta1"),
        ("HTTPRoute", POLICY),
        ("HTTPRoute", "policy.linkerd.io/v1beta2"),
        ("GRPCRoute", None),
        ("TLSRoute", None),
        ("TCPRoute", None),
    ],
)
def test_both_weights_are_written_in_the_version_of_the_object(
    kind: str, version: str | None
) -> None:
    """
    Another version than the one that was read may lack fields that stand there.
    """
    before = mesh_route(shared(), kind=kind, version=version)
    (patch,) = CODEC.write([before], TARGET, Split(canary=20))
    (after,) = carried_out([before], [patch])

    assert [80, 20] == weights(after)
    assert before["apiVersion"] == patch.ref.api_version
    assert {"op": "test", "path": "/metadata/resourceVersion", "value": "7"} == patch.patch[0]


@pytest.mark.parametrize("group", ["", "core"])
def test_a_parent_may_write_the_core_group_either_way(group: str) -> None:
    """
    Linkerd takes both, and its status always says core.
    """
    before = mesh_route(shared(70, 30), parents=[{**SERVICE_PARENT, "group": group}])

    assert 30 == CODEC.read([before], TARGET).canary


@pytest.mark.parametrize(
    "parent",
    [
        {"name": "web"},
        {"name": "web", "kind": "Service"},
        {"name": "web", "kind": "Service", "group": "gateway.networking.k8s.io"},
        {"name": "web", "kind": "Gateway", "group": "core"},
        {"kind": "Service", "group": "core"},
        {"name": "web", "kind": "Server", "group": "policy.linkerd.io"},
    ],
)
@pytest.mark.parametrize("version", [None, POLICY])
def test_a_route_without_a_service_as_parent_is_not_the_meshs(
    parent: dict[str, str], version: str | None
) -> None:
    """
    The CRD fills in the group and the kind of a Gateway where a parent says nothing.
    """
    before = mesh_route(shared(), parents=[parent], version=version)

    for target in (TARGET, on(RouteRef(name="web", kind="HTTPRoute"))):
        with pytest.raises(RouteNotFound, match="a parent needs kind: Service and group: core"):
            CODEC.write([before], target, Split(canary=20))
        assert () == CODEC.reset([before], target)


def test_a_version_without_weights_is_refused_only_where_it_is_the_one() -> None:
    """
    Written back through such a version every split would become 1 to 1.
    """
    old = mesh_route(shared(None, None), version="policy.linkerd.io/v1beta1", name="old")
    new = mesh_route(shared(), version=POLICY)
    strange = mesh_route({"backendRefs": [backend("cart")]}, version="policy.linkerd.io/v1alpha1")

    for target in (TARGET, on(RouteRef(name="old", kind="HTTPRoute"))):
        with pytest.raises(VersionNotServed, match="v1beta3 or v1beta2"):
            CODEC.write([old], target, Split(canary=20))
    assert CODEC.write([old, new], TARGET, Split(canary=20))
    with pytest.raises(RouteNotFound):
        CODEC.write([strange], TARGET, Split(canary=20))


def test_a_traffic_split_steers_where_no_route_has_a_side() -> None:
    """
    A route for something else of the apex must not hide the split.
    """
    split = traffic_split(("web-canary", 0), ("web-primary", 100))
    beside = mesh_route({"backendRefs": [backend("audit")]})
    route = mesh_route(shared())
    refs = [
        str(CODEC.write(objects, target, Split(canary=20))[0].ref)
        for objects, target in (
            ([split], TARGET),
            ([beside, split], TARGET),
            ([route, split], TARGET),
            ([route, split], on(RouteRef(name="web", kind="TrafficSplit"))),
        )
    ]

    assert ["TrafficSplit shop/web"] * 2 + ["HTTPRoute shop/web", "TrafficSplit shop/web"] == refs


def test_a_reset_takes_the_canary_out_of_routes_and_splits() -> None:
    """
    Whichever of the two the mesh follows, nobody may be left on the canary.
    """
    before = [mesh_route(shared(50, 50)), traffic_split(("web-canary", 1), ("web-primary", 1))]
    after = carried_out(before, CODEC.reset(before, TARGET))

    assert [100, 0] == weights(after[0])
    assert [0, 100] == [one["weight"] for one in after[1]["spec"]["backends"]]


def test_routes_of_both_groups_are_ambiguous_until_one_is_named() -> None:
    """
    Both hold the sides, and which one is meant must not depend on an order.
    """
    both = [mesh_route(shared()), mesh_route(shared(), version=POLICY, resourceVersion="8")]
    named = on(RouteRef(name="web", kind="HTTPRoute", api_version=POLICY))

    with pytest.raises(AmbiguousRoute):
        CODEC.write(both, TARGET, Split(canary=20))
    (patch,) = CODEC.write(both, named, Split(canary=20))
    assert POLICY == patch.ref.api_version


def test_a_lone_backend_has_everything_whatever_its_weight() -> None:
    """
    The proxy draws among one; the Gateway API would answer 500.
    """
    lone = mesh_route({"backendRefs": [backend("web-canary", 0)]})
    named = on(RouteRef(name="web", kind="HTTPRoute", rule=0))

    assert 100 == CODEC.read([lone], named).canary


def test_a_consumer_route_is_named_with_its_namespace() -> None:
    """
    It is for the clients of its own namespace, and says where the services are.
    """
    sides = {
        "backendRefs": [backend(f"web-{one}", namespace="shop") for one in ("primary", "canary")]
    }
    parent = {**SERVICE_PARENT, "namespace": "shop"}
    route = mesh_route(sides, namespace="edge", parents=[parent])
    named = on(RouteRef(name="web", kind="HTTPRoute", namespace="edge"))
    (patch,) = CODEC.write([route], named, Split(canary=20))

    assert "HTTPRoute edge/web" == str(patch.ref)


@pytest.mark.parametrize("version", [None, POLICY])
def test_a_mirror_is_refused_and_one_that_stands_is_taken_away(version: str | None) -> None:
    """
    Admission is lenient, and the controller would keep the weights of before for ever.
    """
    mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": backend("web-canary")}}
    frozen = mesh_route(shared(50, 50, filters=[mirror]))

    with pytest.raises(Unsupported, match="mirror"):
        CODEC.write([mesh_route(shared(), version=version)], TARGET, Split(canary=0, mirror=5))
    (after,) = carried_out([frozen], CODEC.reset([frozen], TARGET))
    assert [shared(100, 0)] == after["spec"]["rules"]


def test_a_policy_route_gets_no_rule_name_and_no_cookie() -> None:
    """
    Its schema has neither: a name would be refused, and answers cannot be changed.
    """
    before = mesh_route(shared(), version=POLICY)
    split = Split(canary=100, match=[QA])
    (after,) = carried_out([before], CODEC.write([before], TARGET, split))
    rule = after["spec"]["rules"][1]

    assert {"matches", "backendRefs"} == set(rule)
    assert "1" == after["metadata"]["annotations"]["progressive.dev/managed-rules"]
    assert CODEC.read([after], TARGET).shows(split)
    assert () == CODEC.write([after], TARGET, split)
    assert [before["spec"]] == [
        one["spec"] for one in carried_out([after], CODEC.reset([after], TARGET))
    ]
    with pytest.raises(Unsupported, match="stickiness"):
        CODEC.write([before], TARGET, Split(canary=10, sticky=Sticky(cookie="web")))


def test_a_policy_route_holds_fewer_matches() -> None:
    """
    Eight by its CRD, where the Gateway API takes 64.
    """
    many = [Match(headers={"x-user": TextMatch(exact=str(one))}) for one in range(9)]

    with pytest.raises(InvalidRequest, match="9 matches in one rule"):
        CODEC.write([mesh_route(shared(), version=POLICY)], TARGET, Split(canary=100, match=many))
    assert CODEC.write(
        [mesh_route(shared(), version=POLICY)], TARGET, Split(canary=100, match=many[:8])
    )
    assert CODEC.write([mesh_route(shared())], TARGET, Split(canary=100, match=many))


def test_a_route_of_the_gateway_api_keeps_users_with_the_canary() -> None:
    """
    A cookie on the way back and a rule for it, as everywhere else.
    """
    before = mesh_route(shared())
    split = Split(canary=10, sticky=Sticky(cookie="web"))
    (after,) = carried_out([before], CODEC.write([before], TARGET, split))
    base, kept = after["spec"]["rules"]

    assert "progressive-sticky" == kept["name"]
    assert "ResponseHeaderModifier" == base["backendRefs"][1]["filters"][0]["type"]
    assert [before["spec"]] == [
        one["spec"] for one in carried_out([after], CODEC.reset([after], TARGET))
    ]


@pytest.mark.parametrize("kind", ["TCPRoute", "TLSRoute"])
def test_a_rule_that_sees_no_requests_takes_weights_alone(kind: str) -> None:
    """
    There are no headers to match, and no cookies.
    """
    before = mesh_route(shared(), kind=kind)

    for split in (Split(canary=9, match=[QA]), Split(canary=9, sticky=Sticky(cookie="web"))):
        with pytest.raises(Unsupported, match="sees no requests"):
            CODEC.write([before], TARGET, split)


@pytest.mark.parametrize("total", [100, 1_000_000])
def test_the_total_may_be_fine_but_not_above_the_crd(total: int) -> None:
    """
    A fraction of a percent needs a larger total.
    """
    before = mesh_route(shared())
    (after,) = carried_out([before], CODEC.write([before], TARGET, Split(canary=1, total=total)))

    assert [total - 1, 1] == weights(after)
    with pytest.raises(InvalidWeight, match="above 1000000"):
        CODEC.write([before], TARGET, Split(canary=1, total=1_000_001))
