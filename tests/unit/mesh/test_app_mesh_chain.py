"""How App Mesh leads from the apex to a router, and from a node to a side."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.mesh.app_mesh import (
    ARN,
    CODEC,
    both,
    http,
    node,
    router,
    service,
    virtual_node,
    weights,
    written,
)
from tests.unit.mesh.manifests import TARGET, on

from progressive._model.traffic import RouteRef, Split
from progressive.errors import AmbiguousRoute, DestinationNotFound, RouteNotFound

# the way to the router


def test_the_apex_leads_to_its_router() -> None:
    """
    Another router with the same nodes serves other users.
    """
    objects = [service(provider="b"), router(http(), name="a"), router(http(), name="b")]
    (patch,) = CODEC.write(objects, TARGET, Split(canary=20))

    assert "VirtualRouter shop/b" == str(patch.ref)


def test_a_service_may_be_known_by_its_name_in_aws_alone() -> None:
    """
    Clients call the AWS name; the object may be called otherwise.
    """
    for name in ("web", "web.shop", "web.shop.svc.cluster.local"):
        objects = [service("front", awsName=name), router(http())]

        assert 0 == CODEC.read(objects, TARGET).canary
    twice = [service("front", awsName="web"), service("back", awsName="web.shop"), router(http())]
    with pytest.raises(AmbiguousRoute, match=r"front.*back"):
        CODEC.read(twice, TARGET)


def test_a_router_may_be_named_by_its_arn() -> None:
    """
    A provider of another account or tool has no name in this cluster.
    """
    provider = {"virtualRouter": {"virtualRouterARN": "arn:router"}}
    found = [service(provider=provider), router(http(), virtualRouterARN="arn:router")]
    assert 0 == CODEC.read(found, TARGET).canary
    with pytest.raises(RouteNotFound, match="arn:router"):
        CODEC.read([service(provider=provider), router(http())], TARGET)


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        ({"virtualNode": {"virtualNodeRef": {"name": "web-primary"}}}, "a virtual node"),
        ({}, "nothing"),
        (None, "nothing"),
        ([5], "nothing"),
        ("elsewhere", "VirtualRouter shop/elsewhere"),
    ],
)
def test_without_a_router_there_are_no_weights(provider: Any, words: str) -> None:
    """
    M-90: such a mesh works, but shares nothing.
    """
    with pytest.raises(RouteNotFound, match=words):
        CODEC.write([service(provider=provider), router(http())], TARGET, Split(canary=20))


def test_a_named_router_needs_no_service() -> None:
    """
    A person who names the object knows better than any chain; a service may be named as well.
    """
    named = on(RouteRef(name="web", kind="VirtualRouter", rule="web"))
    by_service = on(RouteRef(name="front", kind="VirtualService"))
    objects = [service("front"), router(http())]

    assert [[20, 80]] == [
        weights(one) for one in written([router(http())], Split(canary=20), named)
    ]
    assert [20, 80] == weights(written(objects, Split(canary=20), by_service)[0])
    with pytest.raises(RouteNotFound, match="VirtualService shop/front"):
        CODEC.write([router(http())], by_service, Split(canary=20))
    assert () == CODEC.reset([router(http())], by_service)
    assert () == CODEC.steered([router(http())], by_service)


# nodes


def test_a_node_is_a_side_by_name_service_or_arn() -> None:
    """
    R9: names are compared in full, whoever wrote them.
    """
    nodes = [
        virtual_node("stable", host="web-primary.shop.svc.cluster.local"),
        virtual_node("web-canary", arn=ARN),
    ]
    route = http(
        action={
            "weightedTargets": [
                {"virtualNodeARN": ARN, "weight": 0},
                {"virtualNodeRef": {"name": "stable", "namespace": "shop"}, "weight": 100},
            ]
        }
    )
    (patch,) = CODEC.write([service(), router(route), *nodes], TARGET, Split(canary=20))
    tests = {
        one["path"].split("weightedTargets/")[-1] for one in patch.patch if one["op"] == "test"
    }

    assert {
        "/metadata/resourceVersion",
        "0/virtualNodeARN",
        "1/virtualNodeRef/name",
        "1/virtualNodeRef/namespace",
    } == tests


def test_a_node_with_the_name_of_a_side_is_the_side_whatever_others_serve() -> None:
    """
    Two nodes may stand before one service; the name decides.
    """
    host = "web-canary.shop.svc.cluster.local"
    nodes = [virtual_node("web-canary", host=host), virtual_node("spare", host=host)]
    route = http(**both(90, 0, node("spare", 10)))

    assert [20, 70, 10] == weights(
        written([service(), router(route), *nodes], Split(canary=20))[0]
    )


@pytest.mark.parametrize(
    "other",
    [
        {"virtualNodeRef": {"name": "web-canary", "namespace": "other"}},
        {"virtualNodeARN": "arn:aws:appmesh:us-east-1:1:mesh/m/virtualNode/web-canary_shop"},
        {"virtualNodeRef": "web-canary"},
        {"virtualNodeRef": None, "virtualNodeARN": 5},
    ],
)
def test_another_node_is_no_side(other: Any) -> None:
    """
    A node of the same name elsewhere holds other pods.
    """
    route = http(action={"weightedTargets": [{**other, "weight": 0}, node("web-primary", 100)]})
    with pytest.raises(DestinationNotFound, match="web-canary"):
        CODEC.write([service(), router(route)], TARGET, Split(canary=20))
