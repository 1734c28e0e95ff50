"""The routers of Linkerd and SMI, held to the promises that `progressive.testing` shows."""

from __future__ import annotations

from typing import Any

from tests.unit.mesh.linkerd_objects import POLICY, mesh_route, profile, shared, traffic_split
from tests.unit.mesh.manifests import TARGET, endpoints, service

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._contract.routers import RouterContract
from progressive._model.traffic import Target
from progressive.ports import TrafficRouter
from progressive.routers import LinkerdRouter, SmiRouter

SPLIT = traffic_split(("web-canary", 0), ("web-primary", 100))


def world(*objects: dict[str, Any]) -> MemoryCluster:
    sides = ("web-primary", "web-canary")
    around = [service(one, 80) for one in sides] + [endpoints(one, True) for one in sides]
    return MemoryCluster([*objects, *around])


class TestLinkerd(RouterContract):
    def arrange(self) -> tuple[TrafficRouter, Target]:
        return LinkerdRouter(world(mesh_route(shared())), pause=lambda _: None), TARGET


class TestLinkerdPolicyRoute(RouterContract):
    lacks = frozenset({"sticky"})

    def arrange(self) -> tuple[TrafficRouter, Target]:
        cluster = world(mesh_route(shared(), version=POLICY))
        return LinkerdRouter(cluster, pause=lambda _: None), TARGET


class TestLinkerdTrafficSplit(RouterContract):
    lacks = frozenset({"match", "sticky"})

    def arrange(self) -> tuple[TrafficRouter, Target]:
        cluster = world(SPLIT, profile(dstOverrides=[{}]))
        return LinkerdRouter(cluster, pause=lambda _: None), TARGET


class TestSmi(RouterContract):
    def arrange(self) -> tuple[TrafficRouter, Target]:
        return SmiRouter(world(SPLIT), pause=lambda _: None), TARGET
