"""One patch of one object, its tests first; and operations for one annotation of it.

Floor 3, pure. Asked by `codec.py` and `managed.py`, and by layouts that must remember something.
"""

from __future__ import annotations

from collections.abc import Sequence

from progressive._mesh.access import inner, mapping, pointer
from progressive._mesh.codec import Manifest, ObjectPatch, Operation, ref_of, version_test
from progressive._model.traffic import Target

_ALL = ("metadata", "annotations")


def patch_of(
    manifest: Manifest, target: Target, tests: Sequence[Operation], changes: Sequence[Operation]
) -> Sequence[ObjectPatch]:
    """One patch with its tests first; none without a change."""
    if not changes:
        return ()
    patch = (*version_test(manifest), *tests, *once(list(changes)))
    return (ObjectPatch(ref=ref_of(manifest, target), patch=patch),)


def annotating(manifest: Manifest, name: str, value: str) -> list[Operation]:
    """What writes an annotation; `once` is needed where several are written."""
    path = pointer((*_ALL, name))
    changes: list[Operation] = [{"op": "add", "path": path, "value": value}]
    if not mapping(inner(manifest, *_ALL)):
        changes.insert(0, {"op": "add", "path": pointer(_ALL), "value": {}})
    return changes


def unannotating(manifest: Manifest, name: str) -> list[Operation]:
    """What removes an annotation; nothing where it is not there."""
    if name not in mapping(inner(manifest, *_ALL)):
        return []
    return [{"op": "remove", "path": pointer((*_ALL, name))}]


def once(changes: list[Operation]) -> list[Operation]:
    """The same with the empty mapping of all annotations made by the first that needs it alone."""
    empty: Operation = {"op": "add", "path": pointer(_ALL), "value": {}}
    first = changes.index(empty) if empty in changes else None
    return [one for place, one in enumerate(changes) if one != empty or place == first]
