"""Finds routers and metrics providers by the names that documents use.

Floor 5, a door. Built-in names are looked up in a table first, without reading any installed
package's metadata; then the entry points of the groups ``progressive.routers`` and
``progressive.metrics``, of which only the one that is asked for is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from progressive.errors import PluginError

ROUTERS: Mapping[str, str] = {
    "istio": "progressive._adapters.mesh.routers.istio:IstioRouter",
    "gateway-api": "progressive._adapters.mesh.routers.gateway_api:GatewayApiRouter",
    "smi": "progressive._adapters.mesh.routers.smi:SmiRouter",
    "linkerd": "progressive._adapters.mesh.routers.linkerd:LinkerdRouter",
    "app-mesh": "progressive._adapters.mesh.routers.app_mesh:AppMeshRouter",
    "kubernetes": "progressive._adapters.mesh.routers.kubernetes:KubernetesRouter",
    "nginx": "progressive._adapters.mesh.routers.nginx:NginxRouter",
    "envoy": "progressive._adapters.envoy.router:EnvoyRouter",
    "contour": "progressive._adapters.mesh.routers.proxies:ContourRouter",
    "traefik": "progressive._adapters.mesh.routers.proxies:TraefikRouter",
    "kuma": "progressive._adapters.mesh.routers.proxies:KumaRouter",
    "gloo": "progressive._adapters.mesh.routers.proxies:GlooRouter",
    "skipper": "progressive._adapters.mesh.routers.proxies:SkipperRouter",
    "apisix": "progressive._adapters.mesh.routers.proxies:ApisixRouter",
    "knative": "progressive._adapters.mesh.routers.proxies:KnativeRouter",
}
"""Name → ``module:attribute`` of a router's class; one that also knows the objects of others comes
after them."""

METRICS: Mapping[str, str] = {
    "prometheus": "progressive._adapters.prometheus.provider:PrometheusMetrics",
    "envoy": "progressive._adapters.envoy.counters:EnvoyMetrics",
}
"""Name → ``module:attribute`` of a provider's class."""

ROUTER_GROUP = "progressive.routers"
METRICS_GROUP = "progressive.metrics"


def router(name: str) -> Callable[..., Any]:
    """
    What makes the router of this name, such as the class `IstioRouter`.

    Raises:
        PluginError: No router has this name, or it cannot be loaded.
    """
    return _resolve(name, ROUTERS, ROUTER_GROUP, "router")


def metrics(name: str) -> Callable[..., Any]:
    """
    What makes the metrics provider of this name, such as the class `PrometheusMetrics`.

    Raises:
        PluginError: No provider has this name, or it cannot be loaded.
    """
    return _resolve(name, METRICS, METRICS_GROUP, "metrics provider")


def _resolve(name: str, known: Mapping[str, str], group: str, what: str) -> Callable[..., Any]:
    if name in known:
        return _loaded(name, known[name], what)
    from importlib.metadata import entry_points

    found = entry_points(group=group, name=name)
    if not found:
        others = sorted({one.name for one in entry_points(group=group)} | set(known))
        raise PluginError(
            name,
            f"no {what} has this name; known are {', '.join(others)} "
            f"(others come with packages that declare an entry point in {group!r})",
        )
    # the same package may be seen twice on the path; two packages with one name are a mistake
    values = {one.value for one in found}
    if len(values) > 1:
        raise PluginError(name, f"several packages declare this {what}: {', '.join(values)}")
    return _loaded(name, values.pop(), what)


def _loaded(name: str, place: str, what: str) -> Callable[..., Any]:
    module, _, attribute = place.partition(":")
    try:
        made: Any = import_module(module)
        for step in attribute.split("."):
            made = getattr(made, step)
    except Exception as error:
        # whatever the code of a plugin raises, its name must be told
        words = f"{type(error).__name__}: {error}"
        raise PluginError(name, f"this {what} cannot be loaded from {place}: {words}") from error
    if not callable(made):
        raise PluginError(name, f"{place} is no class or function that makes a {what}")
    return made  # type: ignore[no-any-return]  # just seen to be callable
