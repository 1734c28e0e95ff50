"""Reads a file of objects that stands for a cluster, as the API server would hold them.

Floor 3, but for the file itself. Asked by `plan --objects` and `route --objects`. What is in a
spec is the owner's business; what every object must have, and what the API server types for
every kind (names, labels, managed fields), is checked, so that nothing behind this meets less.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from attrs import field, frozen

from progressive._documents.files import load_file
from progressive._documents.shapes import described


@frozen(kw_only=True)
class ClusterFile:
    """
    What a file of objects holds.

    Attributes:
        objects: In the order of the file; lists, as `kubectl get -o yaml` writes them, are taken
            apart.
        unreadable: Why it is no YAML; each names file, line and column.
        faults: What is wrong with single objects.
    """

    objects: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    unreadable: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


def load_objects(path: str | Path) -> ClusterFile:
    """The objects of a file, as JSON values; never raises on what the file holds."""
    loaded = load_file(path, may_be_empty=True)
    if loaded.problems:
        return ClusterFile(unreadable=tuple(str(one) for one in loaded.problems))
    found = [one for document in loaded.documents for one in _apart(document)]
    faults = []
    objects = []
    for number, one in enumerate(found, 1):
        try:
            objects.append(_json(one))
        except ValueError as error:
            faults.append(f"{path}: object {number}: {error}")
    for number, one in enumerate(objects, 1):
        faults += [f"{path}: object {number}: {words}" for words in _faults(one)]
    if not faults:
        faults = [f"{path}: {words}" for words in _doubles(objects)]
    return ClusterFile(objects=() if faults else tuple(objects), faults=tuple(faults))


def _apart(document: Mapping[str, Any]) -> list[Any]:
    items = document.get("items")
    if str(document.get("kind", "")).endswith("List") and isinstance(items, list):
        return items
    return [document]


def _json(value: Any) -> Any:
    """A value of YAML as the JSON that kubectl makes of it."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            if not math.isfinite(value):
                raise ValueError(f"{value} is no number that JSON has")
            return value
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case bytes():
            return base64.b64encode(value).decode()
        case Mapping():
            return {_key(key): _json(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_json(inner) for inner in value]
        case _:
            raise ValueError(f"a {type(value).__name__} has no place in an object")


def _key(key: Any) -> str:
    if isinstance(key, bool):
        return str(key).lower()
    return str(_json(key))


def _doubles(objects: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    first: dict[tuple[str | None, ...], int] = {}
    for number, one in enumerate(objects, 1):
        meta, group = one["metadata"], one["apiVersion"].rpartition("/")[0]
        key = (group, one["kind"], meta.get("namespace"), meta["name"])
        if key in first:
            name = "/".join(part for part in key[2:] if part)
            yield f"object {number}: {one['kind']} {name} is object {first[key]} already"
        first.setdefault(key, number)


def _faults(one: Any) -> Iterator[str]:
    if not isinstance(one, Mapping):
        yield f"{described(one)} where an object belongs"
        return
    meta = one.get("metadata")
    if not isinstance(meta, Mapping):
        yield "it has no metadata.name"
        return
    for key, value in (("apiVersion", one.get("apiVersion")), ("kind", one.get("kind"))):
        if not isinstance(value, str) or not value:
            yield f"{key} is {described(value)}, and must be a text"
    if not isinstance(meta.get("name"), str) or not meta["name"]:
        yield f"metadata.name is {described(meta.get('name'))}, and must be a text"
    for key in ("namespace", "resourceVersion"):
        if meta.get(key) is not None and not isinstance(meta[key], str):
            yield f"metadata.{key} is {described(meta[key])}, and must be a text"
    if not isinstance(meta.get("generation", 0), int):
        yield f"metadata.generation is {described(meta['generation'])}, and must be a number"
    for key in ("labels", "annotations"):
        if meta.get(key) is not None and not isinstance(meta[key], Mapping):
            yield f"metadata.{key} is {described(meta[key])}, and must be a mapping"
    for key in ("managedFields", "ownerReferences"):
        listed = meta.get(key)
        if listed is not None and not (
            isinstance(listed, list) and all(isinstance(each, Mapping) for each in listed)
        ):
            yield f"metadata.{key} must be a list of mappings"
