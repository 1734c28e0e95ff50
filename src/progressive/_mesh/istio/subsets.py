"""Subsets of a DestinationRule: what a VirtualService of subset style means by their names.

Floor 3, pure. A subset that no DestinationRule names is answered with 503, so labels come before
weight and leave after it. Asked by `codec.py` before a weight, and by the Istio router for labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from progressive._mesh.access import inner, mapping, pointer, sequence, text
from progressive._mesh.codec import (
    Manifest,
    ObjectKind,
    ObjectPatch,
    Operation,
    namespace_of,
    ref_of,
    version_test,
)
from progressive._mesh.hosts import qualified
from progressive._model.traffic import Side, Target
from progressive.errors import DestinationNotFound, PreflightFailed, Unsupported

DESTINATION_RULE = ObjectKind(
    group="networking.istio.io",
    kind="DestinationRule",
    plural="destinationrules",
    versions=("v1", "v1beta1", "v1alpha3"),
)


def name_of(side: Side, target: Target) -> str:
    """
    The subset of a side.

    Raises:
        Unsupported: The release has services for its sides, no subsets.
    """
    if target.subsets is None:
        raise Unsupported(
            f"{target}: the sides are services; name spec.traffic.subsets for labels"
        )
    return target.subsets.primary if side is Side.PRIMARY else target.subsets.canary


def require_known(objects: Sequence[Manifest], target: Target) -> None:
    """
    Do nothing when the DestinationRules of the apex among `objects` name both subsets.

    Without a single one nothing is known: it may stand in the namespace of the clients.

    Raises:
        PreflightFailed: They do not name one, so its share would be answered with 503.
    """
    rules = [one for one in objects if _is_for(one, target)]
    for side in Side if rules and target.subsets is not None else ():
        name = name_of(side, target)
        if not any(subset.get("name") == name for one in rules for _, subset in _subsets(one)):
            names = ", ".join(str(ref_of(one, target)) for one in rules)
            raise PreflightFailed(
                f"{names} has no subset {name} ({side}); add it, and wait until proxies have it, "
                "before it gets weight"
            )


def label(
    objects: Sequence[Manifest], target: Target, side: Side, labels: Mapping[str, str | None]
) -> ObjectPatch | None:
    """
    The patch that gives the subset of a side these labels; None: it has them.

    Args:
        labels: Name → value; None takes the label away. Others stay.

    Raises:
        DestinationNotFound: No DestinationRule of the apex has the subset.
        Unsupported: The release has services for its sides.
    """
    name = name_of(side, target)
    for manifest in objects:
        if not _is_for(manifest, target):
            continue
        for place, subset in _subsets(manifest):
            if subset.get("name") == name:
                return _patch(manifest, target, place, subset, labels)
    raise DestinationNotFound(
        f"no DestinationRule for {target.service} in namespace {target.namespace} has a subset "
        f"{name} ({side})"
    )


def _patch(
    manifest: Manifest,
    target: Target,
    place: int,
    subset: Mapping[str, Any],
    labels: Mapping[str, str | None],
) -> ObjectPatch | None:
    standing = mapping(subset.get("labels"))
    path = ("spec", "subsets", place)
    changes: list[Operation] = []
    if not standing and any(value is not None for value in labels.values()):
        changes.append({"op": "add", "path": pointer((*path, "labels")), "value": {}})
    for key, value in labels.items():
        at = pointer((*path, "labels", key))
        if value is None and key in standing:
            changes.append({"op": "remove", "path": at})
        elif value is not None and standing.get(key) != value:
            changes.append({"op": "add", "path": at, "value": value})
    if not changes:
        return None
    test = {"op": "test", "path": pointer((*path, "name")), "value": subset["name"]}
    patch = (*version_test(manifest), test, *changes)
    return ObjectPatch(ref=ref_of(manifest, target), patch=patch)


def _is_for(manifest: Manifest, target: Target) -> bool:
    host = qualified(text(inner(manifest, "spec", "host")), namespace_of(manifest, target))
    apex = qualified(target.service, target.namespace)
    return DESTINATION_RULE.holds(manifest) and host == apex


def _subsets(manifest: Manifest) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for place, one in enumerate(sequence(inner(manifest, "spec", "subsets"))):
        yield place, mapping(one)
