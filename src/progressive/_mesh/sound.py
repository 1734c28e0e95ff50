"""Takes objects as the API server never stores them: whatever is where a mapping should be.

Floor 3, pure. A file may hold anything; an object that is used is made sure of first
(`require_sound`), so that all that comes after may rely on its shape. Asked by the codecs of
built-in kinds, whose objects are searched among many that do not concern the release.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from progressive._mesh.codec import Manifest, ObjectKind, ResourceRef, namespace_of
from progressive._mesh.preflight import SERVICE_LABEL
from progressive._model.traffic import Target
from progressive.errors import InvalidRequest

SERVICE = ObjectKind(group="", kind="Service", plural="services", versions=("v1",))
ENDPOINT_SLICE = ObjectKind(
    group="discovery.k8s.io", kind="EndpointSlice", plural="endpointslices", versions=("v1",)
)


def mapping(value: Any) -> Mapping[str, Any]:
    """The value, if it is a mapping with texts as keys; else an empty one."""
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return value
    return {}


def mappings(value: Any) -> list[Mapping[str, Any]]:
    """The mappings of a list; what is none is left out, and what is no list is empty."""
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def listed(value: Any) -> list[Any]:
    """The value, if it is a list; else an empty one."""
    return value if isinstance(value, list) else []


def pointer(*steps: str | int) -> str:
    """The JSON pointer of these steps (RFC 6901): ``~`` and ``/`` in keys are escaped."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def notes(manifest: Manifest) -> Mapping[str, Any]:
    """The annotations; empty where there are none."""
    return mapping(mapping(manifest.get("metadata")).get("annotations"))


def labels(manifest: Manifest) -> Mapping[str, Any]:
    """The labels; empty where there are none."""
    return mapping(mapping(manifest.get("metadata")).get("labels"))


def named(manifest: Manifest) -> str:
    """The name; empty where there is none."""
    return str(mapping(manifest.get("metadata")).get("name") or "")


def of_kind(objects: Sequence[Manifest], kind: ObjectKind, namespace: str) -> list[Manifest]:
    """The objects of a kind in a namespace; those that name none are in it."""
    found = []
    for one in objects:
        if isinstance(one, Mapping) and kind.holds(one):
            place = mapping(one.get("metadata")).get("namespace") or namespace
            if place == namespace:
                found.append(one)
    return found


def find(
    objects: Sequence[Manifest], kind: ObjectKind, target: Target, name: str
) -> Manifest | None:
    """
    One object of the target's namespace, by its name; None: it is not there.

    Raises:
        InvalidRequest: Its metadata is none.
    """
    for one in of_kind(objects, kind, target.namespace):
        if named(one) == name:
            require_sound(one, target)
            return one
    return None


def around_sides(objects: Sequence[Manifest], target: Target) -> list[Manifest]:
    """
    The Services and EndpointSlices of both sides, as `preflight` takes them.

    Raises:
        InvalidRequest: One of them is no object of the API.
    """
    sides = {target.primary, target.canary}
    services = [one for one in of_kind(objects, SERVICE, target.namespace) if named(one) in sides]
    slices = [
        one
        for one in of_kind(objects, ENDPOINT_SLICE, target.namespace)
        if str(labels(one).get(SERVICE_LABEL)) in sides
    ]
    for one in (*services, *slices):
        require_sound(one, target)
    for one in services:
        spec = mapping(one.get("spec"))
        if one.get("spec") is not None and not isinstance(one["spec"], Mapping):
            raise _wrong(one, target, "spec is no mapping")
        if spec.get("ports") is not None and not isinstance(spec["ports"], list):
            raise _wrong(one, target, "spec.ports is no list")
    for one in slices:
        endpoints = one.get("endpoints") or []
        if not isinstance(endpoints, list) or len(mappings(endpoints)) != len(endpoints):
            raise _wrong(one, target, "endpoints is no list of endpoints")
        for at, end in enumerate(endpoints):
            if end.get("conditions") is not None and not isinstance(end["conditions"], Mapping):
                raise _wrong(one, target, f"endpoints[{at}].conditions is no mapping")
            if end.get("addresses") is not None and not isinstance(end["addresses"], list):
                raise _wrong(one, target, f"endpoints[{at}].addresses is no list")
    return [*services, *slices]


def require_sound(manifest: Manifest, target: Target) -> None:
    """
    Do nothing when the metadata is that of an object of the API.

    Raises:
        InvalidRequest: It is not.
    """
    for fault in _faults(manifest):
        raise _wrong(manifest, target, fault)


def _faults(manifest: Manifest) -> Iterator[str]:
    meta = manifest.get("metadata")
    if not isinstance(meta, Mapping):
        yield "metadata is no mapping"
        return
    if not (isinstance(meta.get("name"), str) and meta["name"]):
        yield "metadata.name is no name"
    for key in ("labels", "annotations"):
        texts = meta.get(key)
        if texts is not None and not (
            isinstance(texts, Mapping)
            and all(isinstance(one, str) for pair in texts.items() for one in pair)
        ):
            yield f"metadata.{key} is no mapping of texts (numbers and words need quotes)"
    for key in ("ownerReferences", "managedFields"):
        listed = meta.get(key)
        if listed is not None and not (
            isinstance(listed, list) and len(mappings(listed)) == len(listed)
        ):
            yield f"metadata.{key} is no list of mappings"
    for entry in mappings(meta.get("managedFields")):
        if not _is_tree(entry.get("fieldsV1") or {}):
            yield "metadata.managedFields has fieldsV1 that name no fields"


def _is_tree(fields: Any) -> bool:
    return isinstance(fields, Mapping) and all(
        isinstance(key, str) and _is_tree(inner) for key, inner in fields.items()
    )


def _wrong(manifest: Manifest, target: Target, fault: str) -> InvalidRequest:
    ref = ResourceRef(
        api_version=str(manifest.get("apiVersion")),
        kind=str(manifest.get("kind")),
        namespace=namespace_of({"metadata": mapping(manifest.get("metadata"))}, target),
        name=named(manifest) or "?",
    )
    return InvalidRequest(f"{ref}: {fault}; the API server would not have stored it")
