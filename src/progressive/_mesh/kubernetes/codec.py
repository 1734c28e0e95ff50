"""The codec of plain Kubernetes: a selector that is switched, or a ratio of replicas.

Floor 3, pure; one of the codecs that `_adapters/mesh/router.py` carries out. The apex Service
decides which of the two: `services.py`; replicas are counted and planned in `pods.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from attrs import evolve

from progressive._mesh.builtin import SERVICE, find
from progressive._mesh.codec import Manifest, ObjectKind, ObjectPatch, ResourceRef, ref_of
from progressive._mesh.kubernetes import pods
from progressive._mesh.kubernetes.services import (
    Selector,
    Services,
    Style,
    cautions,
    pointed,
    selector_of,
    services_of,
    side_selector,
)
from progressive._mesh.ownership import (
    foreign,
    gitops_warnings,
    last_writer,
    refuse_foreign,
    written_by_us,
)
from progressive._mesh.preflight import require_ready
from progressive._mesh.rules.refusals import refuse_always, refuse_weight
from progressive._mesh.rules.weights import in_parts
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Capabilities, Observed, Side, Split, Target
from progressive.errors import DestinationNotFound, RouterError, Unsupported

SETTLE = timedelta(seconds=5)
"""How long nodes may still follow the old endpoints: kube-proxy gathers changes for 1 s
(`minSyncPeriod`) and then rewrites its rules, which takes seconds on a large node."""

MAX_TOTAL = 1_000_000
"""A weight is only a proportion here; no cluster has pods for finer ones."""

_CAPABILITIES = Capabilities(
    weights=True, max_total=MAX_TOTAL, dialect="kubernetes", settle=SETTLE
)


class KubernetesCodec:
    """
    Plans for plain Services; a `MeshCodec`.

    What an order of replicas leads to is told by `Observed.pods`: the share moves in steps of
    one pod, and is reached when the pods are ready. So `Observed.canary` is what users get now,
    and `Observed.shows` compares the replicas, which are what was ordered.
    """

    name = "kubernetes"
    capabilities = _CAPABILITIES
    kinds: tuple[ObjectKind, ...] = (SERVICE, pods.DEPLOYMENT)

    def surroundings(self, target: Target) -> tuple[ObjectKind, ...]:
        """Autoscalers, which would undo what is written."""
        return pods.AUTOSCALERS

    def steered(self, objects: Sequence[Manifest], target: Target) -> tuple[ResourceRef, ...]:
        """The apex Service, or the Deployments of both sides; empty: none is there."""
        try:
            return tuple(ref_of(one, target) for one in _steered(objects, target))
        except RouterError:
            return ()

    def read(self, objects: Sequence[Manifest], target: Target, *, total: int = 100) -> Observed:
        """
        The side that the apex selects; or the canary's part of the ready endpoints, where
        EndpointSlices are among the objects, else of the replicas.

        Raises:
            RouteNotFound, DestinationNotFound, AmbiguousRoute: As for a write.
            InvalidRequest: There is no pod, or replicas or a selector are none.
            PreflightFailed: No pod is ready.
        """
        services = services_of(objects, target)
        if services.style(target) is Style.SELECTOR:
            return Observed(
                canary=total if services.chosen is Side.CANARY else 0,
                total=total,
                writer=last_writer(services.apex, "spec", "selector"),
                warnings=tuple(_warnings(services, [services.apex], target, ".spec.selector")),
            )
        workloads = pods.workloads_of(objects, target, services)
        told = pods.share(objects, target, workloads)
        canary, whole = in_parts(told.canary, told.total, total)
        written = list(workloads.sides.values())
        return Observed(
            canary=canary,
            total=whole,
            pods=workloads.asked,
            writer=last_writer(workloads.sides[Side.CANARY], "spec", "replicas"),
            warnings=tuple(_warnings(services, written, target, ".spec.replicas")),
        )

    def write(
        self, objects: Sequence[Manifest], target: Target, split: Split
    ) -> tuple[ObjectPatch, ...]:
        """
        The apex switched to the other side, or the replicas that come nearest to the split.

        Raises:
            Unsupported: Match, mirror, stickiness, subsets; a share, where the apex selects one
                side alone.
            InvalidWeight: Outside the bounds, or no room beside other pods of the apex.
            ForeignController: Another controller moves this traffic.
            PreflightFailed: An autoscaler writes the replicas, there are too few pods, or a side
                that grows has no ready endpoint.
        """
        _refuse_unsupported(target, split)
        refuse_weight(_CAPABILITIES, target, split)
        services = services_of(objects, target)
        if services.style(target) is Style.SELECTOR:
            return _switched(objects, target, split, services)
        workloads = pods.workloads_of(objects, target, services)
        for one in workloads.sides.values():
            refuse_foreign(one, target)
        if split.canary == 0:
            return _home(objects, target, services)
        replicas = pods.wanted(workloads, target, split)
        patches = pods.resized(workloads, target, replicas)
        if patches:
            pods.require_no_autoscaler(objects, target, workloads)
            pods.require_ready_to_grow(objects, target, workloads, replicas)
        return patches

    def reset(
        self, objects: Sequence[Manifest], target: Target, *, total: int = 100
    ) -> tuple[ObjectPatch, ...]:
        """
        The apex on the primary, or no pod of the canary and the primary as many more.

        An apex that selects neither side is brought home as well; the canary's Service may be
        gone, and the apex too.

        Raises:
            DestinationNotFound: Nothing tells which pods are the primary.
            ForeignController: Another controller moves this traffic, and nothing of ours is there.
        """
        apex = find(objects, SERVICE, target, target.service)
        if apex is None:
            return ()
        selector, primary = selector_of(apex, target), side_selector(objects, target, Side.PRIMARY)
        if selector == primary:
            return ()
        if selector and selector.items() <= primary.items():
            canary = _canary_selector(objects, target)
            if canary is None or selector.items() < canary.items():
                sides = {Side.PRIMARY: primary, Side.CANARY: canary or {}}
                services = Services(apex=apex, selector=selector, sides=sides)
                return _home(objects, target, services)
        if not selector:
            raise Unsupported(
                f"{ref_of(apex, target)} has no selector, so its traffic cannot be brought home"
            )
        if not written_by_us(apex):
            refuse_foreign(apex, target)
        return (pointed(apex, target, primary),)

    def rival(
        self, objects: Sequence[Manifest], manifest: Manifest, target: Target
    ) -> ResourceRef | None:
        """None: a Service has its name, and so its traffic, for itself."""
        return None

    def make(self, target: Target, service: ServiceSpec) -> dict[str, Any]:
        """
        Nothing is made here: the Services of a managed release are made with its workload.

        Raises:
            Unsupported: Always.
        """
        raise Unsupported(
            f"{target}: the router kubernetes makes no Services; the apex Service must exist"
        )


def _steered(objects: Sequence[Manifest], target: Target) -> list[Manifest]:
    services = services_of(objects, target)
    if services.style(target) is Style.SELECTOR:
        return [services.apex]
    return list(pods.workloads_of(objects, target, services).sides.values())


def _warnings(
    services: Services, written: Sequence[Manifest], target: Target, weights: str
) -> Iterator[str]:
    yield from cautions(services.apex, target)
    for one in written:
        yield from gitops_warnings(one, target, weights=weights)
        if other := foreign(one, target):
            yield f"ForeignController: {ref_of(one, target)}: {other}"


def _refuse_unsupported(target: Target, split: Split) -> None:
    asked = {
        "match": bool(split.match),
        "mirror": split.mirror is not None,
        "stickiness": split.sticky is not None,
        "subsets": target.subsets is not None,
    }
    refuse_always(
        target, asked, "a plain Service does not look into requests; take a mesh or a gateway"
    )


def _switched(
    objects: Sequence[Manifest], target: Target, split: Split, services: Services
) -> tuple[ObjectPatch, ...]:
    if split.canary not in (0, split.total):
        raise Unsupported(
            f"{ref_of(services.apex, target)} selects the pods of one side alone, so it can be "
            f"switched, and not split into {split.canary} of {split.total}; let its selector "
            "name only labels that the pods of both sides have, to share by replicas"
        )
    refuse_foreign(services.apex, target)
    side = Side.CANARY if split.canary else Side.PRIMARY
    if services.chosen is side:
        return ()
    require_ready(objects, target, split)
    return (pointed(services.apex, target, services.sides[side]),)


def _home(
    objects: Sequence[Manifest], target: Target, services: Services
) -> tuple[ObjectPatch, ...]:
    """
    No pod of the canary; the primary gets as many more.

    What an autoscaler owns is left to it, which the way home must not depend on.
    """
    canary = services.sides[Side.CANARY] or None
    deployment = pods.canary_alone(objects, target, canary)
    if deployment is None or pods.replicas_of(deployment, target) == 0:
        return ()
    if canary is None:
        # the Service of the canary is gone, its pods are not
        sides = {**services.sides, Side.CANARY: pods.template_labels(deployment)}
        services = evolve(services, sides=sides)
    workloads = pods.workloads_of(objects, target, services)
    for one in workloads.sides.values():
        if not written_by_us(one):
            refuse_foreign(one, target)
    replicas = {Side.CANARY: 0, Side.PRIMARY: sum(workloads.replicas.values())}
    if any(pods.autoscalers(objects, target, workloads.sides[Side.PRIMARY])):
        replicas[Side.PRIMARY] = workloads.replicas[Side.PRIMARY]
    return pods.resized(workloads, target, replicas)


def _canary_selector(objects: Sequence[Manifest], target: Target) -> Selector | None:
    try:
        return side_selector(objects, target, Side.CANARY)
    except DestinationNotFound:
        return None
