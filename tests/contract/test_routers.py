"""The routers of this project, held to the promises that `progressive.testing` shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.contract.worlds import WORLDS, World, beside, names_of, objects_of, target_in
from tests.unit.mesh.manifests import TARGET, both, endpoints, on, route, service
from tests.unit.mesh.proxies.worlds import PROXIES

from progressive import plugins
from progressive._adapters.cluster.memory import MemoryCluster
from progressive._contract.routers import RouterContract
from progressive._model.traffic import RouteRef, Target
from progressive.ports import TrafficRouter
from progressive.routers import EnvoyRouter, IstioRouter


class TestBuiltIn(RouterContract):
    """Every router whose routes are Kubernetes objects, on a cluster in memory."""

    @pytest.fixture(autouse=True, params=sorted(WORLDS))
    def _world(self, request: pytest.FixtureRequest) -> None:
        self.world: World = WORLDS[request.param]
        self.matched, self.mirrored = self.world.matched, self.world.mirrored
        self.grain, self.lacks = self.world.grain, self.world.lacks

    def arrange(self) -> tuple[TrafficRouter, Target]:
        return self._arranged(100, 0, None)

    def arrange_beside(self) -> tuple[TrafficRouter, Target] | None:
        return self._arranged(100 - self.third, 0, self.third) if self.world.third else None

    def _arranged(self, *weights: Any) -> tuple[TrafficRouter, Target]:
        self.cluster = MemoryCluster(objects_of(self.world, "shop", *weights))
        self.known = names_of(self.cluster.objects())
        router = plugins.router(self.world.router)(self.cluster, pause=lambda _: None)
        return router, target_in("shop")

    def others(self) -> object:
        return beside(self.cluster.objects(), self.known)

    def writes(self) -> int | None:
        return len(self.cluster.log)


def test_every_built_in_router_is_held_to_the_contract() -> None:
    """
    A router that nobody arranges is a router that nobody asked.
    """
    assert {*plugins.ROUTERS} - {"envoy"} == {one.router for one in WORLDS.values()}
    assert {*PROXIES} <= {*WORLDS}


def world() -> MemoryCluster:
    sides = ("web-primary", "web-canary")
    around = [service(one, 80) for one in sides] + [endpoints(one, True) for one in sides]
    routes = [route(both()), route(both(), both(), name="web-public")]
    routes[1]["spec"]["hosts"] = ["web.example.com"]
    return MemoryCluster([*routes, *around])


class TestIstioWithSeveralRules(RouterContract):
    def arrange(self) -> tuple[TrafficRouter, Target]:
        target = on(
            RouteRef(name="web"),
            RouteRef(name="web-public", rule=0),
            RouteRef(name="web-public", rule=1),
        )
        return IstioRouter(world(), pause=lambda _: None), target


class TestEnvoy(RouterContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def arrange(self) -> tuple[TrafficRouter, Target]:
        clusters = [{"name": "web-primary", "weight": 100}, {"name": "web-canary", "weight": 0}]
        rule = {"match": {"prefix": "/"}, "route": {"weighted_clusters": {"clusters": clusters}}}
        configuration = {
            "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
            "name": "web",
            "virtual_hosts": [{"name": "web", "domains": ["*"], "routes": [rule]}],
        }
        file = self.folder / "routes.yaml"
        document = {"version_info": "1", "resources": [configuration]}
        file.write_text(yaml.safe_dump(document), encoding="utf-8")
        return EnvoyRouter(file), TARGET
