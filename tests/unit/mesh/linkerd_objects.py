"""Routes of Linkerd and TrafficSplits, and what is around them, as a test can say them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SERVICE_PARENT = {"group": "core", "kind": "Service", "name": "web", "port": 80}

VERSIONS = {
    "HTTPRoute": "gateway.networking.k8s.io/v1",
    "GRPCRoute": "gateway.networking.k8s.io/v1",
    "TCPRoute": "gateway.networking.k8s.io/v1alpha2",
    "TLSRoute": "gateway.networking.k8s.io/v1alpha2",
}

POLICY = "policy.linkerd.io/v1beta3"


def backend(name: str, weight: int | None = None, **more: Any) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": name, "port": 80, **more}
    return entry if weight is None else {**entry, "weight": weight}


def shared(primary: int | None = 100, canary: int | None = 0, **more: Any) -> dict[str, Any]:
    return {
        "backendRefs": [backend("web-primary", primary), backend("web-canary", canary)],
        **more,
    }


def mesh_route(
    *rules: Mapping[str, Any],
    kind: str = "HTTPRoute",
    version: str | None = None,
    parents: Any = (SERVICE_PARENT,),
    name: str = "web",
    namespace: str = "shop",
    **meta: Any,
) -> dict[str, Any]:
    return {
        "apiVersion": version or VERSIONS[kind],
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "resourceVersion": "7", **meta},
        "spec": {"parentRefs": [dict(one) for one in parents], "rules": list(rules)},
    }


def traffic_split(
    *backends: tuple[str, Any], version: str = "v1alpha2", name: str = "web", **meta: Any
) -> dict[str, Any]:
    return {
        "apiVersion": f"split.smi-spec.io/{version}",
        "kind": "TrafficSplit",
        "metadata": {"name": name, "namespace": "shop", "resourceVersion": "7", **meta},
        "spec": {
            "service": "web",
            "backends": [{"service": one, "weight": weight} for one, weight in backends],
        },
    }


def profile(namespace: str = "shop", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "linkerd.io/v1alpha2",
        "kind": "ServiceProfile",
        "metadata": {"name": "web.shop.svc.cluster.local", "namespace": namespace},
        "spec": spec,
    }


def broken_soon(*kinds: str) -> list[dict[str, Any]]:
    """Whole objects for a test that breaks them: ``split``, ``route`` or ``policy``."""
    other = {
        "backendRefs": [backend("audit")],
        "filters": [
            {
                "type": "RequestHeaderModifier",
                "requestHeaderModifier": {"add": [{"name": "x", "value": "y"}]},
            }
        ],
    }
    matched = {
        "matches": [{"headers": [{"type": "Exact", "name": "x-user", "value": "old"}]}],
        "backendRefs": [backend("web-canary", 100)],
    }
    named = {**matched, "name": "progressive-match"}
    listed = {"progressive.dev/managed-rules": "2"}
    tcp = mesh_route(
        {"backendRefs": [backend("audit")]},
        kind="TCPRoute",
        version="gateway.networking.k8s.io/v1",
        name="tcp",
    )
    made = {
        "split": [traffic_split(("web-canary", 10), ("web-primary", 90), ("audit", 1))],
        "route": [
            mesh_route(other, shared(90, 10, name="main"), named),
            tcp,
            profile("edge", routes=[]),
        ],
        "policy": [mesh_route(other, shared(90, 10), matched, version=POLICY, annotations=listed)],
    }
    return [one for kind in kinds for one in made[kind]]
