"""The routers of this project, held to the promises that `progressive.testing` shows."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tests.unit.mesh import plain
from tests.unit.mesh.manifests import TARGET, both, endpoints, on, route, service

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._contract.routers import RouterContract
from progressive._model.traffic import RouteRef, Target
from progressive.ports import TrafficRouter
from progressive.routers import EnvoyRouter, IstioRouter, KubernetesRouter, NginxRouter


def world() -> MemoryCluster:
    sides = ("web-primary", "web-canary")
    around = [service(one, 80) for one in sides] + [endpoints(one, True) for one in sides]
    routes = [route(both()), route(both(), both(), name="web-public")]
    routes[1]["spec"]["hosts"] = ["web.example.com"]
    return MemoryCluster([*routes, *around])


class TestIstio(RouterContract):
    def arrange(self) -> tuple[TrafficRouter, Target]:
        cluster = world()
        cluster.discard("/apis/networking.istio.io/v1/namespaces/shop/virtualservices/web-public")
        return IstioRouter(cluster, pause=lambda _: None), TARGET


class TestIstioWithSeveralRules(RouterContract):
    def arrange(self) -> tuple[TrafficRouter, Target]:
        target = on(
            RouteRef(name="web"),
            RouteRef(name="web-public", rule=0),
            RouteRef(name="web-public", rule=1),
        )
        return IstioRouter(world(), pause=lambda _: None), target


class TestKubernetesReplicas(RouterContract):
    def arrange(self) -> tuple[TrafficRouter, Target]:
        """A hundred pods, so that every percent is some of them."""
        cluster = MemoryCluster(plain.pods(100, 0))
        return KubernetesRouter(cluster, pause=lambda _: None), TARGET


class TestNginx(RouterContract):
    def arrange(self) -> tuple[TrafficRouter, Target]:
        sides = ("web-primary", "web-canary")
        around = [service(one, 80) for one in sides] + [endpoints(one, True) for one in sides]
        return NginxRouter(MemoryCluster([plain.main(), *around]), pause=lambda _: None), TARGET


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
