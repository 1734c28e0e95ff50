"""Counts the pods of both sides, and plans the replicas that make a share.

Floor 3, pure. Asked by `codec.py` for a Service over the pods of both sides. kube-proxy spreads
new connections evenly over ready endpoints, so a side's share is its part of them; it moves in
steps of one pod, and reused connections keep their pod.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from progressive._mesh.access import inner, mapping
from progressive._mesh.builtin import SERVICE, find, named, of_kind
from progressive._mesh.codec import Manifest, ObjectKind, ObjectPatch, ref_of, version_test
from progressive._mesh.kubernetes.services import Selector, Services
from progressive._mesh.preflight import ready_count
from progressive._model.traffic import Pods, Side, Split, Target
from progressive.errors import (
    AmbiguousRoute,
    DestinationNotFound,
    ErrorKind,
    InvalidRequest,
    InvalidWeight,
    PreflightFailed,
)

DEPLOYMENT = ObjectKind(group="apps", kind="Deployment", plural="deployments", versions=("v1",))

AUTOSCALERS = (
    ObjectKind(
        group="autoscaling",
        kind="HorizontalPodAutoscaler",
        plural="horizontalpodautoscalers",
        versions=("v2", "v1"),
    ),
    ObjectKind(
        group="keda.sh", kind="ScaledObject", plural="scaledobjects", versions=("v1alpha1",)
    ),
)
"""Kinds that write the replicas of a Deployment."""


@frozen(kw_only=True)
class Workloads:
    """
    The Deployments whose pods share the traffic of the apex.

    Attributes:
        sides: The Deployment of each side.
        replicas: How many pods each side is asked for.
        beside: How many pods other Deployments that the apex selects are asked for.
    """

    sides: Mapping[Side, Manifest]
    replicas: Mapping[Side, int]
    beside: int

    @property
    def asked(self) -> Pods | None:
        """The share that the Deployments ask for; None: no pod at all."""
        whole = sum(self.replicas.values()) + self.beside
        return Pods(canary=self.replicas[Side.CANARY], total=whole) if whole else None


def workloads_of(objects: Sequence[Manifest], target: Target, services: Services) -> Workloads:
    """
    The Deployments behind the Services of both sides, and those beside them.

    A side's Deployment is the one whose pods its Service selects; of several it is the one that
    has the name of the side's workload.

    Raises:
        DestinationNotFound: A side has no Deployment.
        AmbiguousRoute: A side has several, or both have the same one.
        InvalidRequest: The replicas of one are no number.
    """
    found = of_kind(objects, DEPLOYMENT, target)
    sides = {side: _behind(found, target, side, services.sides[side]) for side in Side}
    if sides[Side.PRIMARY] is sides[Side.CANARY]:
        raise AmbiguousRoute(
            f"{ref_of(sides[Side.CANARY], target)} has the pods of both {target.primary} and "
            f"{target.canary}; each side needs a Deployment of its own"
        )
    others = [
        one
        for one in found
        if _selects(services.selector, one) and all(one is not side for side in sides.values())
    ]
    return Workloads(
        sides=sides,
        replicas={side: replicas_of(one, target) for side, one in sides.items()},
        beside=sum(replicas_of(one, target) for one in others),
    )


def _behind(found: Sequence[Manifest], target: Target, side: Side, selector: Selector) -> Manifest:
    selected = [one for one in found if _selects(selector, one)]
    meant = [one for one in selected if named(one) == target.workload(side)] or selected
    if len(meant) > 1:
        listed = ", ".join(named(one) for one in meant)
        raise AmbiguousRoute(
            f"Service {target.namespace}/{target.on(side)} ({side}) selects the pods of "
            f"{len(meant)} Deployments: {listed}; name one of them {target.workload(side)}, or "
            "let the Service select one alone"
        )
    if not meant:
        raise DestinationNotFound(
            f"no Deployment of namespace {target.namespace} has pods that Service "
            f"{target.on(side)} ({side}) selects, so there are no replicas to set"
        )
    return meant[0]


def _selects(selector: Selector, deployment: Manifest) -> bool:
    labels = template_labels(deployment)
    return all(labels.get(key) == value for key, value in selector.items())


def template_labels(deployment: Manifest) -> Selector:
    """The labels of the pods of a Deployment."""
    return mapping(inner(deployment, "spec", "template", "metadata", "labels"))


def replicas_of(deployment: Manifest, target: Target) -> int:
    """
    How many pods a Deployment is asked for; absent means 1.

    Raises:
        InvalidRequest: It is no number of pods.
    """
    if not isinstance(deployment.get("spec"), Mapping):
        raise InvalidRequest(f"{ref_of(deployment, target)}: spec is no mapping")
    replicas = inner(deployment, "spec", "replicas")
    if replicas is None:
        return 1
    if not isinstance(replicas, int) or isinstance(replicas, bool) or replicas < 0:
        ref = ref_of(deployment, target)
        raise InvalidRequest(f"{ref}: spec.replicas is {replicas!r}, not a number of pods")
    return replicas


def share(objects: Sequence[Manifest], target: Target, workloads: Workloads) -> Pods:
    """
    The share that users get: ready endpoints where they are known, else the pods asked for.

    Args:
        objects: With the EndpointSlices of the sides.

    Raises:
        InvalidRequest: No pod is asked for on either side.
        PreflightFailed: Pods are asked for, and none is ready; kind ``unavailable``.
    """
    if workloads.asked is None:
        raise InvalidRequest(
            f"{target}: the Deployments of both sides have 0 replicas, so there is no split"
        )
    counted = {}
    for side in Side:
        ready = ready_count(objects, target, side)
        counted[side] = workloads.replicas[side] if ready is None else ready
    whole = sum(counted.values()) + workloads.beside
    if whole == 0:
        raise PreflightFailed(
            f"{target}: no pod of either side is ready, so nobody is served; look at the pods",
            ErrorKind.UNAVAILABLE,
        )
    return Pods(canary=counted[Side.CANARY], total=whole)


def wanted(workloads: Workloads, target: Target, split: Split) -> dict[Side, int]:
    """
    The replicas of both sides that come nearest to a split; their sum stays.

    Raises:
        PreflightFailed: There are too few pods to share.
        InvalidWeight: Pods beside the two sides leave no room for the weight.
    """
    ours, asked = sum(workloads.replicas.values()), workloads.asked
    if split.canary == 0:
        return {Side.PRIMARY: ours, Side.CANARY: 0}
    if asked is None or ours < (1 if split.canary == split.total else 2):
        raise PreflightFailed(
            f"{target}: the Deployments of both sides have {ours} replicas together, and weight "
            f"{split.canary} of {split.total} needs more pods to share; scale "
            f"{target.workload(Side.PRIMARY)} up first"
        )
    canary = Pods.nearest(split.canary, split.total, asked.total)
    room = ours if split.canary == split.total else ours - 1
    if canary > room:
        raise InvalidWeight(
            f"{target}: weight {split.canary} of {split.total} needs {canary} of "
            f"{asked.total} pods, and {workloads.beside} belong to neither side"
        )
    return {Side.PRIMARY: ours - canary, Side.CANARY: canary}


def resized(
    workloads: Workloads, target: Target, replicas: Mapping[Side, int]
) -> tuple[ObjectPatch, ...]:
    """One patch for each Deployment with other replicas; the one that grows comes first."""
    changed = [side for side in Side if replicas[side] != workloads.replicas[side]]
    changed.sort(key=lambda side: replicas[side] < workloads.replicas[side])
    return tuple(scaled(workloads.sides[side], target, replicas[side]) for side in changed)


def scaled(deployment: Manifest, target: Target, replicas: int) -> ObjectPatch:
    """The patch after which a Deployment is asked for so many pods."""
    before = inner(deployment, "spec", "replicas")
    tests = () if before is None else ({"op": "test", "path": "/spec/replicas", "value": before},)
    change = {"op": "add", "path": "/spec/replicas", "value": replicas}
    patch = (*version_test(deployment), *tests, change)
    return ObjectPatch(ref=ref_of(deployment, target), patch=patch)


def require_ready_to_grow(
    objects: Sequence[Manifest],
    target: Target,
    workloads: Workloads,
    replicas: Mapping[Side, int],
) -> None:
    """
    Do nothing when the side that grows is sound.

    A side without pods gets some by this very write, and users only once they are ready; so it is
    asked for ready endpoints only if it shall serve alone.

    Raises:
        PreflightFailed: Its pods are known, and none is ready.
    """
    for side in Side:
        if replicas[side] <= workloads.replicas[side]:
            continue
        alone = replicas[side] == sum(replicas.values())
        if ready_count(objects, target, side) == 0 and (workloads.replicas[side] > 0 or alone):
            raise PreflightFailed(
                f"service {target.namespace}/{target.on(side)} ({side}) has no ready endpoint, so "
                f"{ref_of(workloads.sides[side], target)} is not scaled to {replicas[side]}; look "
                "at its pods" + (", or move the traffic in steps" if alone else "")
            )


def autoscalers(
    objects: Sequence[Manifest], target: Target, deployment: Manifest
) -> Iterator[Manifest]:
    """The autoscalers that write the replicas of a Deployment."""
    for kind in AUTOSCALERS:
        for one in of_kind(objects, kind, target):
            reference = mapping(inner(one, "spec", "scaleTargetRef"))
            # KEDA takes a reference without a kind for a Deployment; versions do not count
            group = str(reference.get("apiVersion") or "apps/v1").partition("/")[0]
            meant = (reference.get("kind") or DEPLOYMENT.kind, group, reference.get("name"))
            if meant == (DEPLOYMENT.kind, DEPLOYMENT.group, named(deployment)):
                yield one


def require_no_autoscaler(
    objects: Sequence[Manifest], target: Target, workloads: Workloads
) -> None:
    """
    Do nothing when nobody else writes the replicas of the sides.

    Raises:
        PreflightFailed: An autoscaler does.
    """
    for deployment in workloads.sides.values():
        for one in autoscalers(objects, target, deployment):
            raise PreflightFailed(
                f"{one.get('kind')} {target.namespace}/{named(one)} scales "
                f"{ref_of(deployment, target)}, and would undo every share made of replicas: "
                "remove it for the release, or split the traffic by a mesh or a gateway"
            )


def canary_alone(
    objects: Sequence[Manifest], target: Target, selector: Selector | None
) -> Manifest | None:
    """The canary's Deployment, for a way home on which its Service may be gone; None: gone."""
    if selector is None:
        return find(objects, DEPLOYMENT, target, target.workload(Side.CANARY))
    try:
        found = of_kind(objects, DEPLOYMENT, target)
        return _behind(found, target, Side.CANARY, selector)
    except DestinationNotFound:
        return None


def shared_by_replicas(target: Target) -> list[dict[str, Any]]:
    """Services and Deployments of a release by replicas, as short as they can be."""
    apex = {"selector": {"app": target.service}}
    made = [_made("v1", SERVICE.kind, target, target.service, apex)]
    for side in Side:
        labels = {"app": target.service, "side": str(side)}
        spec = {"replicas": 2, "template": {"metadata": {"labels": labels}}}
        made.append(_made("v1", SERVICE.kind, target, target.on(side), {"selector": labels}))
        made.append(_made("apps/v1", DEPLOYMENT.kind, target, target.workload(side), spec))
    return made


def _made(
    api_version: str, kind: str, target: Target, name: str, spec: Mapping[str, Any]
) -> dict[str, Any]:
    meta = {"name": name, "namespace": target.namespace}
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, "spec": dict(spec)}
