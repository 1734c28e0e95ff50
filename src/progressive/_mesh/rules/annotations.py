"""Notes of this project on a person's object: patch operations for one annotation.

Floor 3, pure. Asked by `managed.py`, and by layouts that must remember something.
"""

from __future__ import annotations

from progressive._mesh.access import inner, mapping, pointer
from progressive._mesh.codec import Manifest, Operation

_ALL = ("metadata", "annotations")


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
