"""Subset style on a real API server, istiod and Envoy: labels before weight, and after it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import define, field
from tests.real.stage.backends import by_version, deployment, near, rolled_out
from tests.realparts.api import Document
from tests.realparts.mesh import Mesh
from tests.realparts.process import wait_for

from progressive._model.traffic import Side, Split, Subsets, Target
from progressive.clusters import KubernetesCluster
from progressive.errors import DestinationNotFound, PreflightFailed
from progressive.routers import IstioRouter

pytestmark = pytest.mark.real

RULE = ("networking.istio.io/v1", "DestinationRule")


@define
class Shop:
    """An application of two versions behind one service, all users on the subset stable."""

    mesh: Mesh
    namespace: str
    router: IstioRouter
    waited: list[float] = field(factory=list)

    @property
    def target(self) -> Target:
        return Target(
            namespace=self.namespace,
            service="web",
            primary="web-primary",
            canary="web-canary",
            port=80,
            subsets=Subsets(primary="stable", canary="next"),
        )

    @property
    def rule(self) -> Document:
        api = self.mesh.control_plane.api
        return api.get(api.path(*RULE, self.namespace, "web"))


@pytest.fixture
def shop(mesh: Mesh, namespace: str) -> Iterator[Shop]:
    api = mesh.control_plane.api
    for name, image, label in (("web-primary", "web:1", "aaa"), ("web", "web:2", "bbb")):
        one = deployment(namespace, name, image=image)
        one["spec"]["template"]["metadata"]["labels"].update(tier="web", hash=label)
        path = api.path_of(api.create(one))
        api.wait(path, rolled_out, f"{name} is ready")
    api.create(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "namespace": namespace},
            "spec": {
                "selector": {"tier": "web"},
                "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
            },
        }
    )
    api.create(destination_rule(namespace))
    api.create(virtual_service(namespace))
    cluster = KubernetesCluster.from_environment(mesh.control_plane.kubeconfig())
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        time.sleep(seconds)

    yield Shop(mesh, namespace, IstioRouter(cluster, pause=wait), waited)
    cluster.close()


def destination_rule(namespace: str) -> Document:
    return {
        "apiVersion": RULE[0],
        "kind": RULE[1],
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "host": "web",
            "trafficPolicy": {"loadBalancer": {"simple": "ROUND_ROBIN"}},
            "subsets": [
                {"name": "stable", "labels": {"tier": "web", "hash": "aaa"}},
                {
                    "name": "next",
                    "labels": {"tier": "web", "hash": "yesterday"},
                    "trafficPolicy": {"connectionPool": {"http": {"maxRetries": 1}}},
                },
                {"name": "debug", "labels": {"hash": "ccc"}},
            ],
        },
    }


def virtual_service(namespace: str) -> Document:
    route: list[dict[str, Any]] = [
        {"destination": {"host": "web", "subset": "stable"}, "weight": 100},
        {"destination": {"host": "web", "subset": "next"}},
    ]
    return {
        "apiVersion": RULE[0],
        "kind": "VirtualService",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {"hosts": ["web"], "gateways": [Mesh.gateway], "http": [{"route": route}]},
    }


def test_labels_come_before_the_weight_and_users_follow(shop: Shop) -> None:
    """
    M-05, M-06: the label alone changes; then the weight, and a fifth of the users go there.
    """
    host = shop.mesh.host(shop.namespace, "web")
    assert shop.router.label_subset(shop.target, Side.CANARY, {"hash": "bbb"})
    after = shop.rule
    wanted = destination_rule(shop.namespace)["spec"]
    wanted["subsets"][1]["labels"]["hash"] = "bbb"
    assert wanted == after["spec"]
    assert [10.0] == shop.waited
    assert not shop.router.label_subset(shop.target, Side.CANARY, {"hash": "bbb"})
    assert after["metadata"]["resourceVersion"] == shop.rule["metadata"]["resourceVersion"]

    with shop.mesh.load(host, per_second=50, seconds_at_most=120) as load:
        for weight in (20, 100, 0):
            assert weight == shop.router.shift(shop.target, Split(canary=weight)).canary
            counts = users(shop, host, weight)
            assert near(weight, of=1000)(counts["2"]), counts
            assert 1000 == counts["1"] + counts["2"]
    assert 0 == load.failed


def users(shop: Shop, host: str, weight: int) -> Counter[str]:
    """Who answers, once Envoy follows the weight; both subsets are one service, so users tell."""

    def follows() -> bool:
        return near(weight, of=100)(by_version(shop.mesh.ask(host, times=100))["2"])

    wait_for(follows, f"Envoy sends {weight} % to the subset next")
    return by_version(shop.mesh.ask(host, times=1000))


def test_labels_stay_while_the_side_has_users(shop: Shop) -> None:
    """
    M-07: on the way out the weight goes first, and proxies have to know it.
    """
    shop.router.label_subset(shop.target, Side.CANARY, {"hash": "bbb"})
    shop.router.shift(shop.target, Split(canary=20))
    begin = shop.mesh.control_plane.mark()
    with pytest.raises(PreflightFailed, match="weight 20 of 100"):
        shop.router.label_subset(shop.target, Side.CANARY, {"hash": None})
    asked = shop.mesh.control_plane.requests(since=begin, namespace=shop.namespace)
    assert {"get", "list"} >= {verb for verb, _ in asked}

    shop.router.shift(shop.target, Split(canary=0))
    shop.waited.clear()
    assert shop.router.label_subset(shop.target, Side.CANARY, {"hash": None})
    assert {"tier": "web"} == shop.rule["spec"]["subsets"][1]["labels"]
    before, after = shop.waited
    assert 0 < before <= 10 == after


def test_a_subset_that_nobody_knows_gets_no_weight(shop: Shop) -> None:
    """
    Envoy answers 503 for it, and that share of the users would see nothing else.
    """
    api = shop.mesh.control_plane.api
    rule = destination_rule(shop.namespace)
    del rule["spec"]["subsets"][1]
    api.apply(rule)
    with pytest.raises(PreflightFailed, match="has no subset next"):
        shop.router.shift(shop.target, Split(canary=20))
    with pytest.raises(DestinationNotFound, match="next"):
        shop.router.label_subset(shop.target, Side.CANARY, {"hash": "bbb"})
