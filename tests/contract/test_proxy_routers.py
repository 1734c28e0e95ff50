"""The routers of ingress controllers and smaller meshes, held to the promises of all routers."""

from __future__ import annotations

import pytest
from tests.unit.mesh.manifests import endpoints, service
from tests.unit.mesh.proxies.worlds import PROXIES, TARGET

from progressive import plugins
from progressive._adapters.cluster.memory import MemoryCluster
from progressive._contract.routers import RouterContract
from progressive._model.traffic import Target
from progressive.ports import TrafficRouter


@pytest.mark.parametrize("shape", sorted(PROXIES), scope="class")
class TestProxies(RouterContract):
    """Every shape of object of every proxy."""

    @pytest.fixture(autouse=True)
    def _shape(self, shape: str) -> None:
        self.shape = shape

    def arrange(self) -> tuple[TrafficRouter, Target]:
        proxy = PROXIES[self.shape]
        sides = ("web-primary", "web-canary")
        around = [service(one, 80) for one in sides] + [endpoints(one, True) for one in sides]
        cluster = MemoryCluster([*proxy.made(100, 0, None), *around])
        router = plugins.router(proxy.codec.name)(cluster, pause=lambda _: None)
        return router, TARGET
