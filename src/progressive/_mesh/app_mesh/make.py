"""The objects of App Mesh that a managed release starts with: two nodes, a service, a router.

Floor 3, pure. Asked by `codec.py`; `_adapters/mesh/app_mesh.py` makes those that are not there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from progressive._mesh.access import inner, mapping, sequence, text
from progressive._mesh.app_mesh.nodes import GROUP, VERSIONS
from progressive._mesh.codec import Manifest
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Side, Target
from progressive.errors import PreflightFailed, Unsupported

_KINDS = {"http": "httpRoute", "http2": "http2Route", "grpc": "grpcRoute", "tcp": "tcpRoute"}
"""Protocol of a listener → the key of its routes."""

_SPOKEN = {
    "": "http",
    "http": "http",
    "http2": "http2",
    "kubernetes.io/h2c": "http2",
    "grpc": "grpc",
    "tcp": "tcp",
}
"""Protocol as a Service says it → as a listener says it."""

_DURATION = re.compile(r"(\d+)(ms|s|m|h)")
_MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}


def virtual_router(target: Target, service: ServiceSpec) -> dict[str, Any]:
    """
    One route to both nodes, all traffic on the primary.

    Raises:
        Unsupported: The document asks for something that is not written here.
    """
    protocol = _protocol(target, service)
    targets = [
        {"virtualNodeRef": {"name": target.primary}, "weight": 100},
        {"virtualNodeRef": {"name": target.canary}, "weight": 0},
    ]
    route: dict[str, Any] = {"action": {"weightedTargets": targets}}
    if protocol in ("http", "http2"):
        route["match"] = {"prefix": _prefix(target, service)}
    elif protocol == "grpc":
        route["match"] = {}
    if timeout := service.routing.get("timeout"):
        route["timeout"] = {"perRequest": {"unit": "ms", "value": _milliseconds(target, timeout)}}
    others = set(service.routing) - {"timeout", "match"}
    if asked := sorted(one for one in others if service.routing[one]):
        raise _not_made(target, f"spec.service.{asked[0]}")
    body = _object("VirtualRouter", target.service, target)
    body["spec"] = {
        "listeners": [{"portMapping": {"port": _port(service), "protocol": protocol}}],
        "routes": [{"name": target.service, "priority": 10, _KINDS[protocol]: route}],
    }
    return body


def virtual_service(target: Target) -> dict[str, Any]:
    """The apex, with the router of its name behind it."""
    body = _object("VirtualService", target.service, target)
    router = {"virtualRouter": {"virtualRouterRef": {"name": target.service}}}
    body["spec"] = {"provider": router}
    return body


def virtual_node(
    target: Target, service: ServiceSpec, side: Side, services: Sequence[Manifest]
) -> dict[str, Any]:
    """
    The node of a side: the pods that its Service selects.

    Raises:
        PreflightFailed: The Service does not exist, or selects nothing.
    """
    name = target.on(side)
    own = next((one for one in services if inner(one, "metadata", "name") == name), None)
    selector = mapping(inner(own, "spec", "selector"))
    if not selector:
        raise PreflightFailed(
            f"service {target.namespace}/{name} ({side}) selects no pods, so no virtual node can "
            "be made for them"
        )
    protocol = _protocol(target, service)
    body = _object("VirtualNode", name, target)
    body["spec"] = {
        "podSelector": {"matchLabels": dict(selector)},
        "listeners": [{"portMapping": {"port": _port(service), "protocol": protocol}}],
        "serviceDiscovery": {"dns": {"hostname": f"{name}.{target.namespace}.svc.cluster.local"}},
    }
    return body


def _object(kind: str, name: str, target: Target) -> dict[str, Any]:
    labels = {"app.kubernetes.io/managed-by": "progressive"}
    return {
        "apiVersion": f"{GROUP}/{VERSIONS[0]}",
        "kind": kind,
        "metadata": {"name": name, "namespace": target.namespace, "labels": labels},
    }


def _port(service: ServiceSpec) -> int:
    """The port of the containers, where it is a number."""
    return service.target_port if isinstance(service.target_port, int) else service.port


def _protocol(target: Target, service: ServiceSpec) -> str:
    spoken = (service.app_protocol or "").lower()
    if spoken not in _SPOKEN:
        raise _not_made(target, f"appProtocol {service.app_protocol}")
    return _SPOKEN[spoken]


def _prefix(target: Target, service: ServiceSpec) -> str:
    """The one path that the document's service matches; without any, all."""
    given = sequence(service.routing.get("match"))
    if not given:
        return "/"
    prefix = text(inner(given[0], "uri", "prefix"))
    if len(given) > 1 or not prefix or given[0] != {"uri": {"prefix": prefix}}:
        raise _not_made(target, "spec.service.match with more than one uri.prefix")
    return prefix


def _milliseconds(target: Target, written: object) -> int:
    """A duration as documents write it, such as ``1m30s``."""
    parts: Sequence[tuple[str, str]] = _DURATION.findall(text(written))
    if not parts or "".join(number + unit for number, unit in parts) != written:
        raise _not_made(target, f"spec.service.timeout {written!r}")
    return sum(int(number) * _MILLISECONDS[unit] for number, unit in parts)


def _not_made(target: Target, what: str) -> Unsupported:
    return Unsupported(
        f"{target}: {what} is not written into a VirtualRouter that is made; make it yourself, "
        f"with {target.primary} and {target.canary} in one route"
    )
