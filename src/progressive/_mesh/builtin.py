"""Finds objects of Kubernetes' own kinds among many that do not concern the release.

Floor 3, pure. Asked by codecs whose routing objects are such objects, and by the adapter, which
reads Services and EndpointSlices for every mesh.
"""

from __future__ import annotations

from collections.abc import Sequence

from progressive._mesh.access import inner, text
from progressive._mesh.codec import Manifest, ObjectKind
from progressive._model.traffic import Target

SERVICE = ObjectKind(group="", kind="Service", plural="services", versions=("v1",))
ENDPOINT_SLICE = ObjectKind(
    group="discovery.k8s.io", kind="EndpointSlice", plural="endpointslices", versions=("v1",)
)


def named(manifest: Manifest) -> str:
    """The name; empty where there is none."""
    return text(inner(manifest, "metadata", "name"))


def of_kind(objects: Sequence[Manifest], kind: ObjectKind, target: Target) -> list[Manifest]:
    """The objects of a kind in the target's namespace; those that name none are in it."""
    return [
        one
        for one in objects
        if kind.holds(one)
        and (inner(one, "metadata", "namespace") or target.namespace) == target.namespace
    ]


def find(
    objects: Sequence[Manifest], kind: ObjectKind, target: Target, name: str
) -> Manifest | None:
    """One object of the target's namespace, by its name; None: it is not there."""
    return next((one for one in of_kind(objects, kind, target) if named(one) == name), None)
