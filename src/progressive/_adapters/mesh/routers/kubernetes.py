"""The router of plain Kubernetes: Services and replicas, without a mesh.

Floor 4: writes Services and Deployments, through `ports.Cluster` alone. What to write is decided
in `_mesh/kubernetes/`; here is what must be read for that decision.

Requests: an apex that is switched is one GET, and one list of the EndpointSlices before it goes to
the canary. Over the pods of both sides the Deployments, the EndpointSlices and the autoscalers are
listed as well, and the EndpointSlices once more before the canary gets a pod or gives all to a
primary. The Services of the
sides are asked for once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
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
from progressive._model.traffic import Observed, Side, Split, Target
from progressive.errors import ErrorKind, PreflightFailed, RouterError, VersionNotServed
from progressive.ports import Cluster, HandedBack

_PATIENCE = timedelta(seconds=30)
"""How long one call waits for the pods of a primary that had none."""

_POLL = 1.0
"""Seconds between two looks at them."""


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
        self._unready: set[Target] = set()
        super().__init__(self._steady, cluster, **settings)

    def shift(self, target: Target, split: Split) -> Observed:
        """
        As `MeshRouter.shift`; the share that the replicas make is what is answered.

        Raises:
            PreflightFailed: As for `reset`.
        """
        if split.canary == 0:
            self._bring_up(target)
        else:
            self._steady.begun.pop(target, None)
        return super().shift(target, split)

    def reset(self, target: Target, *, total: int | None = None) -> Observed:
        """
        As `MeshRouter.reset`; a primary that serves nobody gets its pods before the canary loses
        those that do.

        Raises:
            PreflightFailed: Kind ``unavailable``: no pod of the primary was ready within half a
                minute; the canary keeps its pods, and the same call goes on.
        """
        self._bring_up(target)
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

    def _bring_up(self, target: Target) -> None:
        """At the total the primary has no pod: until one is back the canary serves alone."""
        if target not in self._unready:
            self._steady.begun.pop(target, None)
        if self._offline or getattr(self.cluster, "dry_run", False):
            return  # there nobody becomes ready
        if not (grows := self._homeward(target)):
            return
        self._unready.add(target)
        ref, (before, after) = grows
        if before == 0:

            def plan(sight: Sight) -> Sequence[ObjectPatch]:
                planned = self._codec.reset(sight.everything, target)
                return [one for one in planned if one.ref == ref]

            self._writes.carry_out(target, plan, homeward=lambda _: True)
        self._await_primary(target, after if before == 0 else before)
        self._unready.discard(target)

    def _homeward(self, target: Target) -> tuple[ResourceRef, tuple[int, int]] | None:
        """The primary's replicas now and at home, if the canary serves alone."""
        try:
            sight = self._objects.seen(target) or self._objects.look(target)
            if not any(ref.kind == DEPLOYMENT.kind for ref in sight.refs):
                return None
            ready = self._ready(target)
            if ready[Side.PRIMARY] or not ready[Side.CANARY]:
                return None
            self._objects.forget(target)
            self._codec.reset(self._objects.look(target).everything, target)
        except RouterError:
            return None  # the way home does not depend on what can be read
        steps = self._steady.begun.get(target, {})
        return next((one for one in steps.items() if one[1][1] > one[1][0]), None)

    def _await_primary(self, target: Target, asked: int) -> None:
        """As many as asked for; once the patience is over one is enough."""
        until = self._now() + _PATIENCE
        while (ready := self._ready(target)[Side.PRIMARY]) < asked:
            if self._now() < until:
                self._pause(_POLL)
            elif ready:
                return
            else:
                refused = PreflightFailed(
                    f"service {target.namespace}/{target.primary} (primary) has no ready endpoint "
                    "yet, so the canary keeps its pods, which serve the users; look at the pods "
                    "of the primary, then send the traffic home again",
                    ErrorKind.UNAVAILABLE,
                )
                refused.unsettled = True  # pods of the primary may have been asked for
                raise refused

    def _ready(self, target: Target) -> dict[Side, int]:
        endpoints = self._objects.endpoints(target)
        return {side: preflight.ready_count(endpoints, target, side) or 0 for side in Side}

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
