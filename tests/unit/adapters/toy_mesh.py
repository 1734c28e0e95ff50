"""A mesh that makes and deletes objects: a base Ingress and a canary Ingress with the weight."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from tests.unit.mesh.manifests import endpoints, service

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._adapters.mesh.router import MeshRouter
from progressive._mesh.codec import (
    Manifest,
    ObjectKind,
    ObjectPatch,
    ResourceRef,
    ref_of,
    version_test,
)
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Capabilities, Observed, Split, Target
from progressive.errors import NotOwned, PreflightFailed, RouteNotFound

INGRESSES = "/apis/networking.k8s.io/v1/namespaces/shop/ingresses"
BASE, CANARY = f"{INGRESSES}/web", f"{INGRESSES}/web-canary"
WEIGHT = "toy.test/weight"
PATH = "/metadata/annotations/toy.test~1weight"
INGRESS = ObjectKind(
    group="networking.k8s.io", kind="Ingress", plural="ingresses", versions=("v1",)
)
ABSENT = ObjectKind(group="toy.test", kind="Toy", plural="toys", versions=("v2", "v1"))
SCALER = ObjectKind(
    group="autoscaling",
    kind="HorizontalPodAutoscaler",
    plural="horizontalpodautoscalers",
    versions=("v2", "v1"),
)


class ToyCodec:
    """Writes the weight to the base and to a canary that it makes; the canary comes last."""

    name = "toy"
    capabilities = Capabilities(weights=True)
    kinds: tuple[ObjectKind, ...] = (ABSENT, INGRESS)

    def surroundings(self, target: Target) -> tuple[ObjectKind, ...]:
        return (SCALER,)

    def steered(self, objects: Sequence[Manifest], target: Target) -> tuple[ResourceRef, ...]:
        return tuple(ref_of(one, target) for one in objects if INGRESS.holds(one))

    def read(self, objects: Sequence[Manifest], target: Target, *, total: int = 100) -> Observed:
        self._base(objects)
        canary = self._named(objects, "web-canary")
        return Observed(canary=0 if canary is None else self._weight(canary), total=total)

    def write(
        self, objects: Sequence[Manifest], target: Target, split: Split
    ) -> tuple[ObjectPatch, ...]:
        if any(SCALER.holds(one) for one in objects):
            raise PreflightFailed("an autoscaler is at work")
        base, canary = self._base(objects), self._named(objects, "web-canary")
        if canary is not None and WEIGHT not in (canary["metadata"].get("annotations") or {}):
            raise NotOwned("Ingress shop/web-canary belongs to somebody else")
        if split.canary == (0 if canary is None else self._weight(canary)):
            return ()
        patches = [self._patched(base, target, split)]
        if canary is not None:
            return (*patches, self._patched(canary, target, split))
        made = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {
                "name": "web-canary",
                "namespace": target.namespace,
                "annotations": {WEIGHT: str(split.canary)},
            },
            "spec": deepcopy(base["spec"]),
        }
        return (*patches, ObjectPatch.making(made, target))

    def reset(
        self, objects: Sequence[Manifest], target: Target, *, total: int = 100
    ) -> tuple[ObjectPatch, ...]:
        canary = self._named(objects, "web-canary")
        return () if canary is None else (ObjectPatch.deleting(canary, target),)

    def rival(
        self, objects: Sequence[Manifest], manifest: Manifest, target: Target
    ) -> ResourceRef | None:
        return None

    def make(self, target: Target, service: ServiceSpec) -> dict[str, Any]:
        return base_ingress()

    def _base(self, objects: Sequence[Manifest]) -> Manifest:
        found = self._named(objects, "web")
        if found is None:
            raise RouteNotFound("there is no Ingress shop/web")
        return found

    def _named(self, objects: Sequence[Manifest], name: str) -> Manifest | None:
        held = (one for one in objects if INGRESS.holds(one) and one["metadata"]["name"] == name)
        return next(held, None)

    def _weight(self, manifest: Manifest) -> int:
        return int((manifest["metadata"].get("annotations") or {}).get(WEIGHT, 0))

    def _patched(self, one: Manifest, target: Target, split: Split) -> ObjectPatch:
        wanted = {"op": "add", "path": PATH, "value": str(split.canary)}
        notes = one["metadata"].get("annotations")
        first = [] if notes else [{"op": "add", "path": "/metadata/annotations", "value": {}}]
        patch = (*version_test(one), *first, wanted)
        return ObjectPatch(ref=ref_of(one, target), patch=patch)


def base_ingress(**meta: Any) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "web", "namespace": "shop"} | meta,
        "spec": {"rules": [{"host": "web.example.com"}]},
    }


def toy_world(*more: dict[str, Any], **options: Any) -> MemoryCluster:
    sides = ("web-primary", "web-canary")
    around = [service(one, 80) for one in sides] + [endpoints(one, True) for one in sides]
    options.setdefault("served", {"toy.test": ()})
    return MemoryCluster([base_ingress(), *around, *more], **options)


def toy_router(cluster: MemoryCluster, **more: Any) -> MeshRouter:
    return MeshRouter(ToyCodec(), cluster, pause=lambda _: None, **more)
