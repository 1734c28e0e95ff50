"""Keeps `metadata.managedFields`: who wrote which field last.

Floor 4, but pure. The API server tracks updates the same way: fields that a write changed move
to its manager. Lists are taken whole, as they are for custom resources without a list type.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

from progressive._kube.patch import same

Path = tuple[str, ...]
"""Steps as `fieldsV1` writes them, such as ``f:spec``."""

_BOOKKEEPING = frozenset(
    {"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"}
)


def record_write(
    before: Mapping[str, Any] | None,
    after: dict[str, Any],
    *,
    manager: str,
    at: str,
    subresource: str | None = None,
) -> None:
    """
    Note in `after` that `manager` made it out of `before`.

    Args:
        at: The instant, as RFC 3339 writes it.
        subresource: Such as ``status``; keeps its own entry.
    """
    meta = after["metadata"]
    old = dict(_leaves(before or {}))
    new = dict(_leaves(after))
    changed = {p for p in new if p not in old or not same(old[p], new[p])}
    gone = old.keys() - new.keys()
    if not changed and not gone:
        return
    entries = []
    mine: set[Path] = set()
    for entry in meta.get("managedFields") or []:
        fields = set(_paths(entry.get("fieldsV1") or {}))
        if _is(entry, manager, subresource):
            mine |= fields
            continue
        left = {one for one in fields if not _within(one, changed) and not _within(one, gone)}
        if left:
            kept = dict(entry)
            if left != fields:
                kept["fieldsV1"] = _tree(left)
            entries.append(kept)
    ours = {
        "manager": manager,
        "operation": "Update",
        "apiVersion": after.get("apiVersion", ""),
        "time": at,
        "fieldsType": "FieldsV1",
        "fieldsV1": _tree((mine | changed) - gone),
    }
    if subresource:
        ours["subresource"] = subresource
    meta["managedFields"] = [*entries, ours]


def _within(path: Path, written: Set[Path]) -> bool:
    return any(path[:depth] in written for depth in range(1, len(path) + 1))


def _is(entry: Mapping[str, Any], manager: str, subresource: str | None) -> bool:
    return (
        entry.get("manager") == manager
        and entry.get("operation") == "Update"
        and (entry.get("subresource") or None) == subresource
    )


def _leaves(manifest: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    for key, value in manifest.items():
        if key in ("apiVersion", "kind"):
            continue
        if key == "metadata":
            kept = {k: v for k, v in value.items() if k not in _BOOKKEEPING}
            kept.pop("name", None)
            kept.pop("namespace", None)
            value = kept
        yield from _below((f"f:{key}",), value)


def _below(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _below((*path, f"f:{key}"), inner)
    elif not isinstance(value, Mapping) or path[:1] != ("f:metadata",):
        yield path, value


def _tree(paths: Iterable[Path]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path in sorted(paths):
        level = tree
        for step in path:
            level = level.setdefault(step, {})
    return tree


def _paths(tree: Mapping[str, Any], above: Path = ()) -> Iterator[Path]:
    for key, inner in tree.items():
        path = (*above, key)
        if inner:
            yield from _paths(inner, path)
        else:
            yield path
