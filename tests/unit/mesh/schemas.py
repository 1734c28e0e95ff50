"""What the schema of a CRD says of an object, without an API server.

The keywords of structural schemas that the routing kinds use; CEL is left to the real server
(`tests/real`). Fields that the schema does not know are faults, as with strict validation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

DEFINITIONS = Path(__file__).parents[2] / "realparts" / "manifests" / "crds"

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}


_OF_ALL = frozenset({"apiVersion", "kind", "metadata", "status"})


def faults(group: str, manifest: Mapping[str, Any]) -> list[str]:
    """
    What the API server would refuse in an object; empty: it would take it.

    Args:
        group: File of definitions, such as ``app-mesh``.
    """
    schemas = _schemas(group)
    known = schemas.get((str(manifest["apiVersion"]), str(manifest["kind"])))
    if known is None:
        return []
    # what every object has is not for the schema of its kind to say
    body = {key: one for key, one in manifest.items() if key not in _OF_ALL}
    needed = [key for key in known.get("required", ()) if key not in _OF_ALL]
    return list(_faults({**known, "required": needed}, body, ""))


@cache
def _schemas(group: str) -> dict[tuple[str, str], Mapping[str, Any]]:
    text = (DEFINITIONS / f"{group}.yaml").read_text(encoding="utf-8")
    found = {}
    for document in yaml.load_all(text, Loader=yaml.CSafeLoader):
        spec = document["spec"]
        for version in spec["versions"]:
            name = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
            found[name] = version["schema"]["openAPIV3Schema"]
    return found


def _faults(schema: Mapping[str, Any], value: Any, path: str) -> Iterator[str]:
    if value is None:
        if not schema.get("nullable") and path:
            yield f"{path}: null"
        return
    if schema.get("x-kubernetes-int-or-string"):
        if not isinstance(value, int | str) or isinstance(value, bool):
            yield f"{path}: neither number nor text"
        return
    wanted = schema.get("type")
    if wanted is not None and not _is(value, wanted):
        yield f"{path}: {value!r} is no {wanted}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is none of {schema['enum']}"
    if isinstance(value, dict):
        yield from _object(schema, value, path)
    elif isinstance(value, list):
        yield from _bounds(schema, len(value), "Items", path)
        for place, one in enumerate(value):
            yield from _faults(schema.get("items", {}), one, f"{path}/{place}")
    elif isinstance(value, str):
        yield from _bounds(schema, len(value), "Length", path)
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{path}: {value!r} does not fit {schema['pattern']}"
    elif not isinstance(value, bool):
        yield from _number(schema, value, path)
    yield from _alternatives(schema, value, path)


def _is(value: Any, wanted: str) -> bool:
    if wanted == "integer" and isinstance(value, float):
        return value.is_integer()
    if isinstance(value, bool):
        return wanted == "boolean"
    return isinstance(value, _TYPES[wanted])


def _object(schema: Mapping[str, Any], value: dict[str, Any], path: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    more = schema.get("additionalProperties")
    open_ended = schema.get("x-kubernetes-preserve-unknown-fields") or more is True
    for key, one in value.items():
        if key in properties:
            yield from _faults(properties[key], one, f"{path}/{key}")
        elif isinstance(more, Mapping):
            yield from _faults(more, one, f"{path}/{key}")
        elif properties and not open_ended:
            yield f"{path}/{key}: unknown"
    for key in schema.get("required", ()):
        # a default fills what is missing before it is validated
        if key not in value and "default" not in properties.get(key, {}):
            yield f"{path}/{key}: missing"
    yield from _bounds(schema, len(value), "Properties", path)


def _bounds(schema: Mapping[str, Any], length: int, what: str, path: str) -> Iterator[str]:
    if length < schema.get(f"min{what}", 0) or length > schema.get(f"max{what}", length):
        yield f"{path}: {length} {what.lower()}"


def _number(schema: Mapping[str, Any], value: float, path: str) -> Iterator[str]:
    if value < schema.get("minimum", value) or value > schema.get("maximum", value):
        yield f"{path}: {value} is out of range"
    bits = {"int32": 31, "int64": 63}.get(schema.get("format", ""))
    if bits is not None and not -(2**bits) <= value < 2**bits:
        yield f"{path}: {value} is no {schema['format']}"


def _alternatives(schema: Mapping[str, Any], value: Any, path: str) -> Iterator[str]:
    # inside these, structural schemas hold further conditions only, and no fields of their own
    for word, least, most in (("allOf", None, None), ("anyOf", 1, None), ("oneOf", 1, 1)):
        if word not in schema:
            continue
        fitting = [one for one in schema[word] if not [*_faults(one, value, path)]]
        if len(fitting) < (len(schema[word]) if least is None else least) or (
            most is not None and len(fitting) > most
        ):
            yield f"{path}: {word} does not hold"
    if "not" in schema and not [*_faults(schema["not"], value, path)]:
        yield f"{path}: not does not hold"
