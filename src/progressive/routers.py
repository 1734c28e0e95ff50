"""The routers that a program composes a release with.

Floor 5, a door: names only. A router of one's own is any object with the methods of
`progressive.ports.TrafficRouter`; an entry point of the group ``progressive.routers`` makes it
nameable in documents (`plugins.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from progressive._adapters.aws.calls import BotocoreCalls
from progressive._adapters.aws.router import AppMeshApiRouter
from progressive._adapters.mesh.app_mesh import AppMeshRouter
from progressive._adapters.mesh.gateway_api import GatewayApiRouter
from progressive._adapters.mesh.istio import IstioRouter
from progressive._adapters.mesh.linkerd import LinkerdRouter
from progressive._adapters.mesh.router import MeshRouter
from progressive._adapters.mesh.routers.kubernetes import KubernetesRouter
from progressive._adapters.mesh.routers.nginx import NginxRouter
from progressive._adapters.mesh.routers.proxies import (
    ApisixRouter,
    ContourRouter,
    GlooRouter,
    KnativeRouter,
    KumaRouter,
    SkipperRouter,
    TraefikRouter,
)
from progressive._adapters.mesh.smi import SmiRouter
from progressive._mesh.effect import CountsTraffic, Effect, EffectKind, Traffic
from progressive._mesh.standing import Standing, StandingKind
from progressive.ports import RouteMaker, TrafficRouter

if TYPE_CHECKING:
    from progressive._adapters.envoy.router import EnvoyRouter

__all__ = [
    "IstioRouter",
    "GatewayApiRouter",
    "LinkerdRouter",
    "SmiRouter",
    "AppMeshRouter",
    "AppMeshApiRouter",
    "BotocoreCalls",
    "KubernetesRouter",
    "NginxRouter",
    "EnvoyRouter",
    "ContourRouter",
    "TraefikRouter",
    "KumaRouter",
    "GlooRouter",
    "SkipperRouter",
    "ApisixRouter",
    "KnativeRouter",
    "MeshRouter",
    "TrafficRouter",
    "RouteMaker",
    "CountsTraffic",
    "Traffic",
    "Effect",
    "EffectKind",
    "Standing",
    "StandingKind",
]


def __getattr__(name: str) -> Any:
    if name == "EnvoyRouter":
        from progressive._adapters.envoy.router import EnvoyRouter

        return EnvoyRouter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
