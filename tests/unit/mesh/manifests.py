"""VirtualServices and what is around them, as short as a test can say them."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from progressive._kube.patch import apply
from progressive._mesh.codec import ObjectPatch
from progressive._mesh.istio.codec import IstioCodec
from progressive._model.traffic import RouteRef, Split, Target

TARGET = Target(namespace="shop", service="web", primary="web-primary", canary="web-canary")
CODEC = IstioCodec()


def destination(host: str, weight: int | None = None, **more: Any) -> dict[str, Any]:
    entry: dict[str, Any] = {"destination": {"host": host}, **more}
    return entry if weight is None else {**entry, "weight": weight}


def both(primary: int | None = 100, canary: int | None = 0, **more: Any) -> dict[str, Any]:
    route = [destination("web-primary", primary), destination("web-canary", canary)]
    return {"route": route, **more}


def route(*rules: Mapping[str, Any], name: str = "web", **meta: Any) -> dict[str, Any]:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": "shop", "resourceVersion": "7", **meta},
        "spec": {"hosts": [name], "http": list(rules)},
    }


def carried_out(
    objects: Sequence[Mapping[str, Any]], patches: Sequence[ObjectPatch]
) -> list[dict[str, Any]]:
    after = [dict(copy.deepcopy(one)) for one in objects]
    for patch in patches:
        for place, one in enumerate(after):
            if (one["kind"], one["metadata"]["name"]) == (patch.ref.kind, patch.ref.name):
                after[place] = apply(one, patch.patch)
    return after


def written(objects: Sequence[Mapping[str, Any]], split: Split, target: Target = TARGET) -> Any:
    return carried_out(objects, CODEC.write(objects, target, split))


def owner(api_version: str, kind: str, name: str) -> dict[str, str]:
    return {"apiVersion": api_version, "kind": kind, "name": name}


def on(*routes: RouteRef) -> Target:
    return Target(
        namespace="shop", service="web", primary="web-primary", canary="web-canary", routes=routes
    )


def service(name: str, *ports: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"ports": [{"port": port} for port in ports]},
    }


def endpoints(name: str, *ready: bool | None) -> dict[str, Any]:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{name}-1",
            "namespace": "shop",
            "labels": {"kubernetes.io/service-name": name},
        },
        "endpoints": [{"conditions": {} if one is None else {"ready": one}} for one in ready],
    }
