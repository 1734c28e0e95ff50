"""Door: the routers that a program composes a release with.

Floor 5, names only; loads a name when it is first asked for. A router of one's own is any object
with the methods of `progressive.ports.TrafficRouter`; an entry point of the group
``progressive.routers`` makes it nameable in documents (`plugins.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from progressive.plugins import ROUTERS

if TYPE_CHECKING:
    from progressive._adapters.aws.calls import BotocoreCalls
    from progressive._adapters.aws.router import AppMeshApiRouter
    from progressive._adapters.envoy.router import EnvoyRouter
    from progressive._adapters.mesh.router import MeshRouter
    from progressive._adapters.mesh.routers.app_mesh import AppMeshRouter
    from progressive._adapters.mesh.routers.gateway_api import GatewayApiRouter
    from progressive._adapters.mesh.routers.istio import IstioRouter
    from progressive._adapters.mesh.routers.kubernetes import KubernetesRouter
    from progressive._adapters.mesh.routers.linkerd import LinkerdRouter
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
    from progressive._adapters.mesh.routers.smi import SmiRouter
    from progressive._mesh.effect import CountsTraffic, Effect, EffectKind, Traffic
    from progressive._mesh.standing import Standing, StandingKind
    from progressive.ports import RouteMaker, TrafficRouter

_HOME = {
    **{name: module for module, _, name in (one.partition(":") for one in ROUTERS.values())},
    "AppMeshApiRouter": "progressive._adapters.aws.router",
    "BotocoreCalls": "progressive._adapters.aws.calls",
    "MeshRouter": "progressive._adapters.mesh.router",
    "TrafficRouter": "progressive.ports",
    "RouteMaker": "progressive.ports",
    "CountsTraffic": "progressive._mesh.effect",
    "Traffic": "progressive._mesh.effect",
    "Effect": "progressive._mesh.effect",
    "EffectKind": "progressive._mesh.effect",
    "Standing": "progressive._mesh.standing",
    "StandingKind": "progressive._mesh.standing",
}

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
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
