"""Objects of App Mesh, as short as a test can say them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.unit.mesh.manifests import TARGET, carried_out

from progressive._mesh.app_mesh.codec import AppMeshCodec
from progressive._model.traffic import Split, Target

CODEC = AppMeshCodec()
VERSION = "appmesh.k8s.aws/v1beta2"
ARN = "arn:aws:appmesh:eu-west-1:111122223333:mesh/m/virtualNode/web-canary_shop"


def node(name: str, weight: Any = None, **more: Any) -> dict[str, Any]:
    entry: dict[str, Any] = {"virtualNodeRef": {"name": name}, **more}
    return entry if weight is None else {**entry, "weight": weight}


def both(primary: Any = 100, canary: Any = 0, *others: Mapping[str, Any]) -> dict[str, Any]:
    targets = [node("web-canary", canary), node("web-primary", primary), *others]
    return {"action": {"weightedTargets": targets}}


def http(name: str = "web", priority: Any = 10, kind: str = "httpRoute", **body: Any) -> Any:
    given = {"match": {"prefix": "/"}, **both(), **body}
    if kind == "tcpRoute":
        del given["match"]
    entry: dict[str, Any] = {"name": name, "priority": priority, kind: given}
    return {key: one for key, one in entry.items() if one is not None}


def router(*routes: Any, name: str = "web", namespace: str = "shop", **status: Any) -> Any:
    return {
        "apiVersion": VERSION,
        "kind": "VirtualRouter",
        "metadata": {"name": name, "namespace": namespace, "resourceVersion": "7"},
        "spec": {
            "listeners": [{"portMapping": {"port": 80, "protocol": "http"}}],
            "routes": list(routes),
        },
        "status": status,
    }


def service(name: str = "web", provider: Any = "web", **spec: Any) -> dict[str, Any]:
    named: Any = provider
    if isinstance(provider, str):
        named = {"virtualRouter": {"virtualRouterRef": {"name": provider}}}
    return {
        "apiVersion": VERSION,
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": "shop", "resourceVersion": "3"},
        "spec": {"provider": named, **spec},
    }


def virtual_node(name: str, *, host: str | None = None, arn: str | None = None) -> dict[str, Any]:
    discovery = {} if host is None else {"serviceDiscovery": {"dns": {"hostname": host}}}
    return {
        "apiVersion": VERSION,
        "kind": "VirtualNode",
        "metadata": {"name": name, "namespace": "shop", "resourceVersion": "4"},
        "spec": discovery,
        "status": {} if arn is None else {"virtualNodeARN": arn},
    }


def written(objects: Sequence[Any], split: Split, target: Target = TARGET) -> Any:
    """The routes of the one router among the objects, after a write."""
    after = carried_out(objects, CODEC.write(objects, target, split))
    (one,) = (it for it in after if it["kind"] == "VirtualRouter")
    return one["spec"]["routes"]


def weights(route: Any, kind: str = "httpRoute") -> list[Any]:
    return [one.get("weight") for one in route[kind]["action"]["weightedTargets"]]
