"""A mirror is not written for an implementation that says it has none."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.mesh.manifests import endpoints, service

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._adapters.mesh.routers.gateway_api import GatewayApiRouter
from progressive._model.traffic import Split, Target
from progressive.errors import Unsupported

GROUP = "gateway.networking.k8s.io/v1"
WEB = Target(namespace="shop", service="web", primary="web-primary", canary="web-canary", port=80)


def world(features: object, **parent: object) -> MemoryCluster:
    """A route below the Gateway infra/public, whose class publishes this."""
    route: dict[str, Any] = {
        "apiVersion": GROUP,
        "kind": "HTTPRoute",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "parentRefs": [{"name": "public", "namespace": "infra", **parent}],
            "rules": [
                {
                    "backendRefs": [
                        {"name": "web-primary", "port": 80, "weight": 100},
                        {"name": "web-canary", "port": 80, "weight": 0},
                    ]
                }
            ],
        },
    }
    gateway = {
        "apiVersion": GROUP,
        "kind": "Gateway",
        "metadata": {"name": "public", "namespace": "infra"},
        "spec": {"gatewayClassName": "some"},
    }
    described = {
        "apiVersion": GROUP,
        "kind": "GatewayClass",
        "metadata": {"name": "some"},
        "status": {"supportedFeatures": features},
    }
    sides = ("web-primary", "web-canary")
    around = [service(one, 80) for one in sides] + [endpoints(one, True) for one in sides]
    return MemoryCluster([route, gateway, described, *around])


def mirrored(cluster: MemoryCluster, percent: float) -> float | None:
    router = GatewayApiRouter(cluster, pause=lambda _: None)
    return router.shift(WEB, Split(canary=0, mirror=percent)).mirror


@pytest.mark.parametrize(
    "features",
    [
        [{"name": "HTTPRoute"}, {"name": "HTTPRouteMethodMatching"}],
        ["HTTPRoute"],  # as before release 1.2
        [{"name": "HTTPRouteRequestPercentageMirror"}],
    ],
)
def test_an_implementation_without_mirrors_gets_none(features: object) -> None:
    """
    Traefik 3.7 answers every request of such a route with 500, and says that all is well.
    """
    cluster = world(features)
    before = cluster.objects()

    with pytest.raises(Unsupported, match="GatewayClass some of Gateway infra/public"):
        mirrored(cluster, 50)
    assert before == cluster.objects()


def test_an_implementation_without_percentages_copies_all_or_nothing() -> None:
    """
    It would ignore the percentage, and the canary would get more than it can bear.
    """
    features = [{"name": "HTTPRouteRequestMirror"}]
    with pytest.raises(Unsupported, match=r"PercentageMirror.*or mirror all of them"):
        mirrored(world(features), 50)

    assert 100 == mirrored(world(features), 100)


@pytest.mark.parametrize("features", [None, [], "all", [None, 5, {"name": None}, {}]])
def test_who_publishes_nothing_is_taken_at_the_word_of_its_conditions(features: object) -> None:
    """
    Garbage says nothing as well.
    """
    assert 50 == mirrored(world(features), 50)


def test_a_gateway_that_is_not_there_and_a_mesh_forbid_nothing() -> None:
    """
    Who may not read Gateways must not lose what worked before.
    """
    without = [{"name": "HTTPRoute"}]

    assert 50 == mirrored(world(without, name="other"), 50)
    assert 50 == mirrored(world(without, group="", kind="Service", name="web"), 50)
    assert 50 == mirrored(world(without, group=5, name=None), 50)


def test_the_way_home_and_weights_ask_nobody() -> None:
    """
    Two requests are what a shift may cost.
    """
    cluster = world([{"name": "HTTPRoute"}])
    router = GatewayApiRouter(cluster, pause=lambda _: None)

    assert 20 == router.shift(WEB, Split(canary=20)).canary
    assert 0 == router.reset(WEB).canary
