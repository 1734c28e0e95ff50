"""How a write is taken back: the object gets what it had, and nothing else is touched.

Floor 4, but pure. Asked by `writes.py` when a later object of the same order failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from progressive._kube.patch import pointer, same
from progressive._mesh.codec import Manifest, Operation

_NOT_RESTORED = {"apiVersion", "kind", "metadata", "status"}

_SERVERS = (
    "resourceVersion",
    "uid",
    "creationTimestamp",
    "generation",
    "managedFields",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
)
"""What the API server gives an object that is made."""


def restoration(present: Manifest, wanted: Manifest) -> Iterator[Operation]:
    """
    The patch that gives an object back what it had; what the server keeps is left to it.

    Labels and annotations are compared one by one, everything else of the object as a whole.
    """
    now, then = present.get("metadata") or {}, wanted.get("metadata") or {}
    for key in ("labels", "annotations"):
        yield from _entries(now.get(key) or {}, then.get(key), pointer("metadata", key))
    for key in ("ownerReferences", "finalizers"):
        yield from _whole_field(now, then, key, pointer("metadata", key))
    for key in sorted({*present, *wanted} - _NOT_RESTORED):
        yield from _whole_field(present, wanted, key, pointer(key))


def _entries(now: Mapping[str, Any], then: Any, path: str) -> Iterator[Operation]:
    if not then:
        if now:
            yield {"op": "remove", "path": path}
        return
    if not now:
        yield {"op": "add", "path": path, "value": dict(then)}
        return
    for key in sorted({*now, *then}):
        yield from _whole_field(now, then, key, path + pointer(key))


def _whole_field(
    now: Mapping[str, Any], then: Mapping[str, Any], key: str, path: str
) -> Iterator[Operation]:
    if key not in then:
        if key in now:
            yield {"op": "remove", "path": path}
    elif key not in now or not same(now[key], then[key]):
        yield {"op": "add", "path": path, "value": then[key]}


def anew(manifest: Manifest) -> dict[str, Any]:
    """An object to be made again as it was."""
    body = deepcopy(dict(manifest))
    meta = dict(body.get("metadata") or {})
    for key in _SERVERS:
        meta.pop(key, None)
    body.pop("status", None)
    return {**body, "metadata": meta}
