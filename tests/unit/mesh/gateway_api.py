"""Routes of the Gateway API, as short as a test can say them."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from progressive._kube.patch import apply
from progressive._mesh.codec import ObjectPatch
from progressive._mesh.gateway_api.codec import GatewayApiCodec
from progressive._model.traffic import Split, Target

CODEC = GatewayApiCodec()
TARGET = Target(
    namespace="shop", service="web", primary="web-primary", canary="web-canary", port=80
)
ROOT = {"path": {"type": "PathPrefix", "value": "/"}}
PUBLIC = {"name": "public", "namespace": "infra", "sectionName": "https"}
MESH = {"group": "", "kind": "Service", "name": "web", "port": 80}


def backend(name: str, weight: int | None = None, **more: Any) -> dict[str, Any]:
    entry = {"name": name, "port": 80, **more}
    return entry if weight is None else {**entry, "weight": weight}


def rule(
    primary: int | None = 100, canary: int | None = 0, *third: Any, **more: Any
) -> dict[str, Any]:
    """A rule with both sides."""
    sides = [backend("web-primary", primary), backend("web-canary", canary), *third]
    return {"matches": [ROOT], "backendRefs": sides, **more}


def route(*rules: Mapping[str, Any], kind: str = "HTTPRoute", **more: Any) -> dict[str, Any]:
    """A route; `meta_…` are fields of its metadata, all others of its spec."""
    meta = {key[5:]: more.pop(key) for key in list(more) if key.startswith("meta_")}
    named = {"name": "web", "namespace": "shop", "resourceVersion": "7", "generation": 5}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": kind,
        "metadata": {**named, **meta},
        "spec": {"parentRefs": [PUBLIC], "rules": copy.deepcopy(list(rules)), **more},
    }


def grant(kind: str = "HTTPRoute", namespace: str = "infra", *names: str) -> dict[str, Any]:
    """A ReferenceGrant of namespace shop; without names for all services."""
    group = "gateway.networking.k8s.io"
    to: list[dict[str, str]] = [{"group": "", "kind": "Service", "name": one} for one in names]
    return {
        "apiVersion": f"{group}/v1",
        "kind": "ReferenceGrant",
        "metadata": {"name": "routes", "namespace": "shop"},
        "spec": {
            "from": [{"group": group, "kind": kind, "namespace": namespace}],
            "to": to or [{"group": "", "kind": "Service"}],
        },
    }


def after(patches: Sequence[ObjectPatch], *objects: Mapping[str, Any]) -> Any:
    """The first object as the patches leave it; a server gives it a new version."""
    first = dict(copy.deepcopy(objects[0]))
    for one in patches:
        if one.ref.name == first["metadata"]["name"]:
            first = apply(first, one.patch)
            first["metadata"]["resourceVersion"] += "1"
    return first


def written(split: Split, *objects: Mapping[str, Any], target: Target = TARGET) -> Any:
    """The first object after a write."""
    return after(CODEC.write(objects, target, split), *objects)


def reset(*objects: Mapping[str, Any], target: Target = TARGET, total: int = 100) -> Any:
    """The first object after a reset."""
    return after(CODEC.reset(objects, target, total=total), *objects)


def rules(manifest: Mapping[str, Any]) -> list[Any]:
    """The rules of a route."""
    found: list[Any] = manifest["spec"]["rules"]
    return found


def weights(manifest: Mapping[str, Any], at: int = 0) -> dict[str, Any]:
    """Weights of one rule by name."""
    backends = manifest["spec"]["rules"][at]["backendRefs"]
    return {one["name"]: one.get("weight") for one in backends}
