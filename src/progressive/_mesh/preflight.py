"""Whether both sides can take the traffic that they shall get.

Floor 3, pure. Looks at the Services and EndpointSlices among the objects. Offline what is not in
the file is not asked for; on a cluster everything is there, so what is missing is a fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from progressive._mesh.access import inner, mapping, sequence
from progressive._mesh.codec import Manifest, ResourceRef, namespace_of
from progressive._model.traffic import Observed, Side, Split, Target
from progressive.errors import PreflightFailed

SERVICE_LABEL = "kubernetes.io/service-name"
"""Label of an EndpointSlice: the Service that it belongs to."""


def require_ready(
    objects: Sequence[Manifest],
    target: Target,
    split: Split,
    *,
    complete: bool = False,
    before: Observed | None = None,
) -> None:
    """
    Do nothing when every side that shall get weight has a ready endpoint.

    Canary weight 0 asks for nothing: the way home must not depend on it.

    Args:
        complete: Whether the EndpointSlices among `objects` are all that there are; False:
            a side without any is not judged.
        before: The split as it stands: a side that shall keep or lose weight gets none, so it is
            not judged; a broken primary must not keep its own mending from users. None: every
            side with weight is judged.

    Raises:
        PreflightFailed: A side that shall get traffic has no ready endpoint.
    """
    if split.canary == 0:
        return
    weights = {Side.CANARY: split.canary, Side.PRIMARY: split.primary}
    for side, weight in weights.items():
        if (
            weight == 0
            or not _grows(side, split, before)
            or is_outside(find_service(objects, target, target.on(side)))
        ):
            continue
        slices = _slices(objects, target, target.on(side))
        if not slices and not complete:
            continue
        if not any(_ready(one) for one in slices):
            known = sum(len(sequence(one.get("endpoints"))) for one in slices)
            raise PreflightFailed(
                f"service {target.namespace}/{target.on(side)} ({side}) has no ready endpoint "
                f"({known} known), so weight {weight} of {split.total} is not sent to it; "
                "look at its selector and its pods"
            )


def _grows(side: Side, split: Split, before: Observed | None) -> bool:
    if before is None:
        return True
    if side is Side.CANARY:
        return split.canary * before.total > before.canary * split.total
    stood = before.total - before.canary
    return split.primary * before.total > stood * split.total


def is_served(objects: Iterable[Manifest], target: Target, side: Side) -> bool:
    """Whether a side has a ready endpoint; the EndpointSlices are all that there are."""
    return any(_ready(one) for one in _slices(objects, target, target.on(side)))


def ready_count(objects: Iterable[Manifest], target: Target, side: Side) -> int | None:
    """
    How many ready endpoints a side has; None: it has no EndpointSlice among the objects.

    An endpoint with an address of each family counts once, and so does one that is in several
    slices because its ports differ.
    """
    slices = _slices(objects, target, target.on(side))
    if not slices:
        return None
    ready: dict[str, set[str]] = {}
    for one in slices:
        known = ready.setdefault(str(one.get("addressType")), set())
        for place, end in enumerate(map(mapping, sequence(one.get("endpoints")))):
            if _takes_traffic(end):
                unnamed = f"{inner(one, 'metadata', 'name')}/{place}"
                known.add(str(next(iter(sequence(end.get("addresses"))), unnamed)))
    return max(map(len, ready.values()))


def require_services(objects: Sequence[Manifest], target: Target) -> None:
    """
    Do nothing when the Services of both sides are among the objects.

    Raises:
        PreflightFailed: One is missing.
    """
    for side in (Side.PRIMARY, Side.CANARY):
        if find_service(objects, target, target.on(side)) is None:
            raise PreflightFailed(
                f"service {target.namespace}/{target.on(side)} ({side}) does not exist"
            )


def shown_by(endpoint_slices: Sequence[Manifest], target: Target) -> bool:
    """
    Whether the EndpointSlices tell all of the Services of both sides that a route must know.

    A slice that the endpoint controller made belongs to its Service and goes with it, so that
    one exists and selects pods; one port for each is a Service that needs none in a destination.
    """
    for side in Side:
        slices = _slices(endpoint_slices, target, target.on(side))
        owned = [one for one in slices if _owned(one, target.on(side))]
        ports = {str(inner(port, "name")) for one in owned for port in sequence(one.get("ports"))}
        if not owned or len(ports) != 1:
            return False
    return True


def _owned(endpoint_slice: Manifest, service: str) -> bool:
    owners = sequence(inner(endpoint_slice, "metadata", "ownerReferences"))
    return any((inner(one, "kind"), inner(one, "name")) == ("Service", service) for one in owners)


def ports_of(objects: Sequence[Manifest], target: Target, service: str) -> int | None:
    """How many ports a Service of the target's namespace has; None: it is not known."""
    found = find_service(objects, target, service)
    return None if found is None else len(sequence(inner(found, "spec", "ports")))


def require_cluster_ip(
    objects: Iterable[Manifest], target: Target, service: str, namespace: str, ref: ResourceRef
) -> None:
    """
    Do nothing when a Service, as far as it is known, has an address that a mesh can split.

    Args:
        ref: The route that shares its traffic.

    Raises:
        PreflightFailed: It is headless, or stands for a name outside.
    """
    found = find_service(objects, target, service, namespace)
    if found is None:
        return
    if is_outside(found):
        kind = "stands for a name outside the cluster (ExternalName)"
    elif inner(found, "spec", "clusterIP") == "None":
        kind = "is headless"
    else:
        return
    raise PreflightFailed(
        f"service {namespace}/{service} {kind}, so the mesh does not follow {ref}; give it a "
        "cluster IP"
    )


def find_service(
    objects: Iterable[Manifest], target: Target, name: str, namespace: str | None = None
) -> Manifest | None:
    """One Service among the objects, of the target's namespace unless said; None: not there."""
    wanted = namespace or target.namespace
    return next(
        (
            one
            for one in objects
            if one.get("kind") == "Service"
            and one.get("apiVersion") == "v1"
            and inner(one, "metadata", "name") == name
            and namespace_of(one, target) == wanted
        ),
        None,
    )


def is_outside(service: Manifest | None) -> bool:
    """Whether a Service has no endpoints of its own, so that what is behind it cannot be asked."""
    return service is not None and inner(service, "spec", "type") == "ExternalName"


def _slices(objects: Iterable[Manifest], target: Target, service: str) -> list[Manifest]:
    return [
        one
        for one in objects
        if one.get("kind") == "EndpointSlice"
        and namespace_of(one, target) == target.namespace
        and inner(one, "metadata", "labels", SERVICE_LABEL) == service
    ]


def _ready(endpoint_slice: Manifest) -> bool:
    return any(_takes_traffic(one) for one in sequence(endpoint_slice.get("endpoints")))


def _takes_traffic(endpoint: object) -> bool:
    conditions = mapping(inner(endpoint, "conditions"))
    # discovery/v1: a ready condition that is absent is to be read as ready
    return conditions.get("ready") is not False and conditions.get("terminating") is not True
