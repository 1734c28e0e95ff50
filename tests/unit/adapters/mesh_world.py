"""A cluster in memory with one route, and a router that never waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.unit.mesh.manifests import both, endpoints, route, service

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._adapters.mesh.router import MeshRouter
from progressive._mesh.istio.codec import IstioCodec

ROUTES = "/apis/networking.istio.io/v1/namespaces/shop/virtualservices"
WEB = f"{ROUTES}/web"


def world(*objects: dict[str, Any], **more: Any) -> MemoryCluster:
    sides = ("web-primary", "web-canary")
    around = [service(one, 80) for one in sides] + [endpoints(one, True) for one in sides]
    return MemoryCluster([*(objects or (route(both()),)), *around], **more)


def router(cluster: MemoryCluster, **more: Any) -> MeshRouter:
    return MeshRouter(IstioCodec(), cluster, pause=lambda _: None, **more)


def other_writer(
    cluster: MemoryCluster, change: Callable[[dict[str, Any]], None], path: str = WEB
) -> Callable[[], None]:
    def do() -> None:
        one = next(
            found
            for found in cluster.objects()
            if found["kind"] == "VirtualService" and path.endswith(f"/{found['metadata']['name']}")
        )
        change(one)
        cluster.put(one, manager="somebody")

    return do


def weights(cluster: MemoryCluster, name: str = "web") -> list[int]:
    found = cluster.get(f"{ROUTES}/{name}")
    return [one["weight"] for one in found["spec"]["http"][0]["route"]]
