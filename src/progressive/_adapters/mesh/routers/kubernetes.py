"""The router of plain Kubernetes: Services and replicas, without a mesh.

Floor 4: writes Services and Deployments, through `ports.Cluster` alone. What to write is decided
in `_mesh/kubernetes/`; here is what must be read for that decision.

Requests: an apex that is switched is one GET, and one list of the EndpointSlices before it goes to
the canary. Over the pods of both sides the Deployments, the EndpointSlices and the autoscalers are
listed as well, and the EndpointSlices once more before the canary gets a pod. The Services of the
sides are asked for once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from attrs import define

from progressive._adapters.mesh.objects import MeshObjects, Sight
from progressive._adapters.mesh.router import MeshRouter
from progressive._adapters.mesh.settings import Settings
from progressive._mesh import preflight
from progressive._mesh.builtin import ENDPOINT_SLICE, SERVICE, named, of_kind
from progressive._mesh.codec import Manifest, ObjectPatch, ResourceRef, ref_of
from progressive._mesh.kubernetes.codec import KubernetesCodec
from progressive._mesh.kubernetes.pods import (
    DEPLOYMENT,
    replicas_of,
    scaled,
    shared_by_replicas,
)
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Observed, Split, Target
from progressive.errors import VersionNotServed
from progressive.ports import Cluster, HandedBack


class KubernetesRouter(MeshRouter):
    """
    Moves traffic with what every cluster has.

    The selector of the apex Service decides how. It selects exactly the pods of one side: it is
    switched, so only 0 and the total can be ordered. It selects the pods of both: the replicas of
    both Deployments are set, their sum stays, and `shift` answers the share that they make. Users
    get it once the pods are ready: `current` counts ready endpoints.

    Args:
        cluster: None: the cluster that kubectl would speak to, found at first use.
        settings: `proof`, `offline`, `now` and `pause`, as of `MeshRouter`.
    """

    def __init__(
        self,
        cluster: Cluster | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        self._steady = _Steady()
        super().__init__(self._steady, cluster, **settings)

    def shift(self, target: Target, split: Split) -> Observed:
        """As `MeshRouter.shift`; the share that the replicas make is what is answered."""
        self._steady.begun.pop(target, None)
        return super().shift(target, split)

    def reset(self, target: Target, *, total: int | None = None) -> Observed:
        """As `MeshRouter.reset`."""
        self._steady.begun.pop(target, None)
        return super().reset(target, total=total)

    def establish(
        self, target: Target, service: ServiceSpec, owner: Mapping[str, Any] | None
    ) -> None:
        """
        Look at the Services, which are made with the workload of a managed release.

        Raises:
            RouterError: They are not there, or the apex selects neither side.
        """
        self.current(target)

    def hand_back(self, target: Target, service: ServiceSpec) -> HandedBack:
        """Nothing: the selector of the apex names pods, never the Services of the sides."""
        return HandedBack()

    def made_up(self, target: Target) -> Sequence[list[dict[str, Any]]]:
        """Nothing beside its Services, and a world of shares by replicas, for a rehearsal."""
        return [], shared_by_replicas(target)

    @property
    def _objects(self) -> MeshObjects:
        if self._reader is None:
            self._reader = _ServicesAndPods(self._codec, self.cluster, offline=self._offline)
        return self._reader

    def _plan(self, sight: Sight, target: Target, split: Split) -> Sequence[ObjectPatch]:
        patches = self._codec.write(sight.everything, target, split)
        if not patches or self._offline or split.canary == 0:
            return patches
        # pods come and go between two writes
        endpoints = self._objects.endpoints(target)
        if SERVICE.kind in {one.ref.kind for one in patches}:
            preflight.require_ready(endpoints, target, split, complete=True)
            return patches
        others = [one for one in sight.around or () if not ENDPOINT_SLICE.holds(one)]
        sight.around = [*others, *endpoints]
        return self._codec.write(sight.everything, target, split)


class _Steady(KubernetesCodec):
    """
    Goes on with a plan of two Deployments that was carried out for one.

    The status of a Deployment moves with its pods, and with it the resource version: the second
    write may have to be planned anew. Planned from what stands then, the sum of the replicas
    would have grown by the first.

    Attributes:
        begun: For each target the replicas of the Deployments before and after the present order.
    """

    def __init__(self) -> None:
        self.begun: dict[Target, dict[ResourceRef, tuple[int, int]]] = {}

    def write(
        self, objects: Sequence[Manifest], target: Target, split: Split
    ) -> tuple[ObjectPatch, ...]:
        return self._gone_on(objects, target, super().write(objects, target, split))

    def reset(
        self, objects: Sequence[Manifest], target: Target, *, total: int = 100
    ) -> tuple[ObjectPatch, ...]:
        return self._gone_on(objects, target, super().reset(objects, target, total=total))

    def _gone_on(
        self, objects: Sequence[Manifest], target: Target, patches: tuple[ObjectPatch, ...]
    ) -> tuple[ObjectPatch, ...]:
        found = {ref_of(one, target): one for one in of_kind(objects, DEPLOYMENT, target)}
        begun = self.begun.get(target, {})
        present = {ref: replicas_of(found[ref], target) for ref in begun if ref in found}
        if begun and all(present.get(ref) in steps for ref, steps in begun.items()):
            return tuple(
                scaled(found[ref], target, after)
                for ref, (_, after) in begun.items()
                if present[ref] != after
            )
        self.begun[target] = {
            one.ref: (replicas_of(found[one.ref], target), int(one.patch[-1]["value"]))
            for one in patches
            if one.ref in found
        }
        return patches


@define
class _Sight(Sight):
    """What is known of one target; after a write of replicas the endpoints are not known."""

    def replace(self, ref: ResourceRef, manifest: Manifest | None, target: Target) -> None:
        super().replace(ref, manifest, target)
        self.around = [one for one in self.around or () if not ENDPOINT_SLICE.holds(one)]


class _ServicesAndPods(MeshObjects):
    """Reads the apex each time, and what stands behind it where its share is made of pods."""

    def look(self, target: Target) -> Sight:
        sides = self._sides(target)
        apex = self.by_name(_service(target, target.service))
        found = [*sides, *([apex] if apex is not None else [])]
        refs = self._codec.steered(found, target)
        around = self._beside(target) if self._offline or not refs else []
        if not refs:
            found += self._deployments(target)
            refs = self._codec.steered(found, target)
        steered = [one for one in found if ref_of(one, target) in refs]
        if steered:
            around = [*(one for one in found if ref_of(one, target) not in refs), *around]
        if not refs and self.seen(target) is not None:
            # perhaps a side was given other labels since its Service was read
            self.forget(target)
            return self.look(target)
        # without a side to steer the codec explains what it saw, so it must see all
        sight = _Sight(refs, steered or found, around=around)
        self._sights[target] = sight
        return sight

    def _sides(self, target: Target) -> list[Manifest]:
        """The Services of the sides; those that were seen stand for themselves."""
        before = self._sights.get(target)
        known = {
            named(one): one
            for one in (before.around or () if before is not None and before.refs else ())
            if SERVICE.holds(one)
        }
        found = []
        for name in (target.primary, target.canary):
            one = known.get(name) or self.by_name(_service(target, name))
            found += [one] if one is not None else []
        return found

    def _beside(self, target: Target) -> list[Manifest]:
        """Endpoints and autoscalers; of a file all of them."""
        if self._offline:
            return self.around(target, (ENDPOINT_SLICE,))
        return [*self.endpoints(target), *self.around(target)]

    def _deployments(self, target: Target) -> list[Manifest]:
        try:
            return self._listed(DEPLOYMENT, target)
        except VersionNotServed:
            # a file without a single one
            return []


def _service(target: Target, name: str) -> ResourceRef:
    return ResourceRef(
        api_version=SERVICE.api_version(SERVICE.versions[0]),
        kind=SERVICE.kind,
        namespace=target.namespace,
        name=name,
    )
