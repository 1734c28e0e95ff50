"""Routing objects as short as they can be, of the kinds that people write themselves.

Floor 3, pure. For a rehearsal of what a release asks for: a router that makes no object of its
own is tried on these. They are named after the apex, for want of a better guess, and the canary
has weight, so that the way home is a write.
"""

from __future__ import annotations

from typing import Any

from progressive._mesh.codec import ObjectKind
from progressive._mesh.proxies.apisix import APISIX_ROUTE
from progressive._mesh.proxies.knative import KNATIVE_SERVICE
from progressive._mesh.proxies.kuma import MESH_TCP_ROUTE
from progressive._mesh.proxies.making import mesh_service
from progressive._mesh.proxies.routegroup import ROUTE_GROUP
from progressive._mesh.proxies.skipper import INGRESS
from progressive._mesh.traefik.ingressroute import INGRESS_ROUTE, INGRESS_ROUTE_TCP
from progressive._mesh.traefik.traefikservice import TRAEFIK_SERVICE
from progressive._model.traffic import Side, Target

_WEIGHTS = {Side.PRIMARY: 90, Side.CANARY: 10}


def apisix_route(target: Target) -> dict[str, Any]:
    """A rule for all paths."""
    backends = [
        {"serviceName": target.on(side), "servicePort": _port(target), "weight": weight}
        for side, weight in _WEIGHTS.items()
    ]
    rule = {"name": "main", "match": {"paths": ["/*"]}, "backends": backends}
    return _object(APISIX_ROUTE, target, {"http": [rule]})


def edge(target: Target) -> dict[str, Any]:
    """An IngressRoute that sends everything to the TraefikService of the release."""
    services = [{"kind": "TraefikService", "name": target.service}]
    return _ingress_route(INGRESS_ROUTE, target, "PathPrefix(`/`)", services)


def traefik_service(target: Target) -> dict[str, Any]:
    """A weighted TraefikService."""
    return _object(TRAEFIK_SERVICE, target, {"weighted": {"services": _services(target)}})


def ingress_route(target: Target) -> dict[str, Any]:
    """An IngressRoute that holds the sides itself."""
    return _ingress_route(INGRESS_ROUTE, target, "PathPrefix(`/`)", _services(target))


def ingress_route_tcp(target: Target) -> dict[str, Any]:
    """The same for TCP."""
    return _ingress_route(INGRESS_ROUTE_TCP, target, "HostSNI(`*`)", _services(target))


def mesh_tcp_route(target: Target) -> dict[str, Any]:
    """A MeshTCPRoute."""
    refs = [
        {**mesh_service(target.on(side), target.namespace), "weight": weight}
        for side, weight in _WEIGHTS.items()
    ]
    apex = mesh_service(target.service, target.namespace)
    rules = [{"default": {"backendRefs": refs}}]
    return _object(MESH_TCP_ROUTE, target, {"to": [{"targetRef": apex, "rules": rules}]})


def ingress(target: Target) -> dict[str, Any]:
    """An Ingress of Skipper; without the annotation both sides share equally."""
    paths = [
        {
            "pathType": "ImplementationSpecific",
            "backend": {"service": {"name": target.on(side), "port": {"number": _port(target)}}},
        }
        for side in Side
    ]
    return _object(INGRESS, target, {"rules": [{"http": {"paths": paths}}]})


def route_group(target: Target) -> dict[str, Any]:
    """A RouteGroup."""
    backends = [
        {
            "name": target.on(side),
            "type": "service",
            "serviceName": target.on(side),
            "servicePort": _port(target),
        }
        for side in Side
    ]
    shared = [
        {"backendName": target.on(side), "weight": weight} for side, weight in _WEIGHTS.items()
    ]
    routes = [{"pathSubtree": "/", "backends": shared}]
    return _object(ROUTE_GROUP, target, {"backends": backends, "routes": routes})


def knative_service(target: Target) -> dict[str, Any]:
    """A Knative Service whose sides are revisions."""
    traffic = [
        {"revisionName": target.on(side), "percent": weight} for side, weight in _WEIGHTS.items()
    ]
    return _object(KNATIVE_SERVICE, target, {"traffic": traffic})


def _ingress_route(
    kind: ObjectKind, target: Target, match: str, services: list[dict[str, Any]]
) -> dict[str, Any]:
    routes: list[dict[str, Any]] = [{"match": match, "services": services}]
    if kind is INGRESS_ROUTE:
        routes[0]["kind"] = "Rule"
    return _object(kind, target, {"routes": routes})


def _services(target: Target) -> list[dict[str, Any]]:
    return [
        {"name": target.on(side), "port": _port(target), "weight": weight}
        for side, weight in _WEIGHTS.items()
    ]


def _port(target: Target) -> int:
    return target.port or 80


def _object(kind: ObjectKind, target: Target, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": kind.api_version(kind.versions[0]),
        "kind": kind.kind,
        "metadata": {"name": target.service, "namespace": target.namespace},
        "spec": spec,
    }
