"""The objects that a managed release starts with: all traffic to the primary, the canary at 0.

Floor 3, pure. Asked by the codecs beside it; what a kind cannot carry is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from progressive._mesh.access import inner, mapping, sequence
from progressive._mesh.codec import ObjectKind
from progressive._mesh.rules.made import made, refuse_fields, refuse_tcp
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Side, Target
from progressive.errors import Unsupported

_WEIGHTS = {Side.PRIMARY: 100, Side.CANARY: 0}
_PLAIN_HTTP2 = frozenset({"h2c", "http2", "grpc", "kubernetes.io/h2c"})


def http_proxy(kind: ObjectKind, target: Target, service: ServiceSpec) -> dict[str, Any]:
    """
    Contour's HTTPProxy, without a host of its own: a root of somebody includes it.

    Raises:
        Unsupported: The document asks for what it cannot carry, or for plain TCP.
    """
    refuse_tcp(target, service, kind)
    refuse_fields(target, service, kind, "match", "timeout", "retries")
    port = _port(target, service)
    extra = {"protocol": "h2c"} if service.app_protocol in _PLAIN_HTTP2 else {}
    route: dict[str, Any] = {"conditions": [_condition(target, service)]}
    if timeout := service.routing.get("timeout"):
        route["timeoutPolicy"] = {"response": timeout}
    if retries := mapping(service.routing.get("retries")):
        route["retryPolicy"] = _retries(target, retries)
    route["services"] = [
        {"name": target.on(side), "port": port, **extra, "weight": weight}
        for side, weight in _WEIGHTS.items()
    ]
    return made(kind, target, service, {"routes": [route]})


def traefik_service(kind: ObjectKind, target: Target, service: ServiceSpec) -> dict[str, Any]:
    """
    Traefik's weighted TraefikService.

    Raises:
        Unsupported: The document asks for what it cannot carry, or for plain TCP.
    """
    refuse_tcp(target, service, kind)
    refuse_fields(target, service, kind)
    port = _port(target, service)
    services = [
        {"name": target.on(side), "port": port, "weight": weight}
        for side, weight in _WEIGHTS.items()
    ]
    return made(kind, target, service, {"weighted": {"services": services}})


def route_table(kind: ObjectKind, target: Target, service: ServiceSpec) -> dict[str, Any]:
    """
    Gloo's RouteTable, to which a virtual service of somebody delegates; it needs no Upstreams.

    Raises:
        Unsupported: The document asks for what it cannot carry, or for plain TCP.
    """
    refuse_tcp(target, service, kind)
    refuse_fields(target, service, kind, "match")
    port = _port(target, service)
    destinations = [
        {
            "destination": kube_destination(target.on(side), port, target.namespace),
            "weight": weight,
        }
        for side, weight in _WEIGHTS.items()
    ]
    route = {
        "matchers": [_condition(target, service)],
        "routeAction": {"multi": {"destinations": destinations}},
    }
    return made(kind, target, service, {"routes": [route]})


def kube_destination(service: str, port: int, namespace: str) -> dict[str, Any]:
    """A service as Gloo names it without an Upstream."""
    ref = {"name": service, **({"namespace": namespace} if namespace else {})}
    return {"kube": {"ref": ref, "port": port}}


def mesh_http_route(kind: ObjectKind, target: Target, service: ServiceSpec) -> dict[str, Any]:
    """
    Kuma's MeshHTTPRoute for all clients of the mesh, in the words of 2.9 and later.

    Raises:
        Unsupported: The document asks for what it cannot carry, or for plain TCP.
    """
    refuse_tcp(target, service, kind)
    refuse_fields(target, service, kind)
    port = _port(target, service)
    refs = [
        {**mesh_service(target.on(side), target.namespace), "port": port, "weight": weight}
        for side, weight in _WEIGHTS.items()
    ]
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "default": {"backendRefs": refs},
    }
    apex = mesh_service(target.service, target.namespace)
    spec = {"targetRef": {"kind": "Mesh"}, "to": [{"targetRef": apex, "rules": [rule]}]}
    return made(kind, target, service, spec)


def mesh_service(service: str, namespace: str) -> dict[str, Any]:
    """A service as Kuma names it by labels, in 2.9 and later."""
    labels = {"kuma.io/display-name": service, "k8s.kuma.io/namespace": namespace}
    return {"kind": "MeshService", "labels": labels}


def _port(target: Target, service: ServiceSpec) -> int:
    return target.port or service.port


def _condition(target: Target, service: ServiceSpec) -> dict[str, str]:
    """The path of the one match of the document; without one all paths."""
    given = sequence(service.routing.get("match"))
    if not given:
        return {"prefix": "/"}
    uri = mapping(inner(given[0], "uri"))
    if len(given) > 1 or set(mapping(given[0])) != {"uri"} or len(uri) != 1:
        raise Unsupported(
            f"{target}: of spec.service.match a route that is made carries one item with a uri "
            "alone; make the route yourself, or leave the match out"
        )
    return {key: str(one) for key, one in uri.items()}


def _retries(target: Target, retries: Mapping[str, Any]) -> dict[str, Any]:
    """Istio's words for retries as Contour's."""
    names = {"attempts": "count", "perTryTimeout": "perTryTimeout", "retryOn": "retryOn"}
    if others := sorted(set(retries) - set(names)):
        raise Unsupported(
            f"{target}: Contour has no {', '.join(others)} of spec.service.retries; leave them out"
        )
    policy = {names[key]: one for key, one in retries.items()}
    if "retryOn" in policy:
        policy["retryOn"] = _conditions(policy["retryOn"])
    return policy


def _conditions(said: object) -> Sequence[str]:
    return [one.strip() for one in str(said).split(",") if one.strip()]
