"""Services, Deployments and Ingresses, as short as a test can say them."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve

from progressive._kube.patch import apply
from progressive._mesh.codec import ObjectPatch
from progressive._model.traffic import RouteRef, Target

TARGET = Target(namespace="shop", service="web", primary="web-primary", canary="web-canary")
FLAGGERS = evolve(TARGET, owner_names=("web",))
"""The target of a release that a Canary of Flagger describes."""

PREFIX = "nginx.ingress.kubernetes.io"

Objects = list[dict[str, Any]]


def labels(side: str) -> dict[str, str]:
    return {"app": "web", "version": side}


def service(name: str, selector: Mapping[str, str] | None, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "shop", "resourceVersion": "7"},
        "spec": {
            **({} if selector is None else {"selector": dict(selector)}),
            "ports": [{"port": 80, "targetPort": 8080}],
            **spec,
        },
    }


def services(apex: Mapping[str, str], **spec: Any) -> Objects:
    """The three Services; the sides differ in the label ``version``."""
    return [
        service("web", apex, **spec),
        service("web-primary", labels("primary")),
        service("web-canary", labels("canary")),
    ]


def deployment(
    name: str, replicas: int | None, pods: Mapping[str, str], **meta: Any
) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop", "resourceVersion": "9", **meta},
        "spec": {
            **({} if replicas is None else {"replicas": replicas}),
            "selector": {"matchLabels": dict(pods)},
            "template": {"metadata": {"labels": dict(pods)}, "spec": {"containers": []}},
        },
    }


def pods(primary: int | None, canary: int | None) -> Objects:
    """Services over the pods of both sides, and the Deployments that make them."""
    return [
        *services({"app": "web"}),
        deployment("web-primary", primary, labels("primary")),
        deployment("web-canary", canary, labels("canary")),
    ]


def autoscaler(name: str, kind: str = "HorizontalPodAutoscaler") -> dict[str, Any]:
    version = "keda.sh/v1alpha1" if kind == "ScaledObject" else "autoscaling/v2"
    reference = {"name": name} if kind == "ScaledObject" else {"kind": "Deployment", "name": name}
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": f"{name}-scaler", "namespace": "shop"},
        "spec": {"scaleTargetRef": reference},
    }


def path(backend: str, path: str = "/") -> dict[str, Any]:
    return {
        "path": path,
        "pathType": "Prefix",
        "backend": {"service": {"name": backend, "port": {"number": 80}}},
    }


def ingress(name: str, *paths: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An Ingress for one host."""
    meta = {"name": name, "namespace": "shop", "resourceVersion": "5", **more}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": meta,
        "spec": {"rules": [{"host": "web.example.com", "http": {"paths": list(paths)}}]},
    }


def main(**annotations: str) -> dict[str, Any]:
    return ingress("web", path("web-primary"), path("admin", "/admin"), annotations=annotations)


def canary(*, prefix: str = PREFIX, **notes: str) -> dict[str, Any]:
    """The canary Ingress, switched on; ``by_header`` is the annotation ``canary-by-header``."""
    texts = {"canary": "true"}
    texts |= {f"canary-{key.replace('_', '-')}": text for key, text in notes.items()}
    if "switch" in notes:
        texts["canary"] = texts.pop("canary-switch")
    annotations = {f"{prefix}/{key}": text for key, text in texts.items()}
    return ingress("web-canary", path("web-canary"), annotations=annotations)


def texts(manifest: Mapping[str, Any], prefix: str = PREFIX) -> dict[str, str]:
    """Its canary annotations, without the prefix."""
    found = manifest["metadata"].get("annotations") or {}
    return {
        key.removeprefix(f"{prefix}/"): value
        for key, value in found.items()
        if key.startswith(f"{prefix}/canary")
    }


def on(*routes: RouteRef) -> Target:
    return evolve(TARGET, routes=routes)


def carried_out(objects: Sequence[Mapping[str, Any]], patches: Sequence[ObjectPatch]) -> Objects:
    after = [dict(copy.deepcopy(one)) for one in objects]
    for patch in patches:
        if patch.made is not None:
            after.append(apply(None, patch.patch))
            continue
        for place, one in enumerate(after):
            if (one["kind"], one["metadata"]["name"]) == (patch.ref.kind, patch.ref.name):
                after[place] = apply(one, patch.patch)
    return after


def by_name(objects: Sequence[Mapping[str, Any]], kind: str, name: str) -> dict[str, Any]:
    (found,) = (
        dict(one) for one in objects if (one["kind"], one["metadata"]["name"]) == (kind, name)
    )
    return found
