"""Cookies that a backend of a route adds to answers: its ResponseHeaderModifier filter.

Floor 3, pure. A backend has one filter of that type, and its list names each header once; so a
backend that sets a cookie of its user cannot set ours. Asked by `layout.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from progressive._mesh.access import Path, inner, mapping, sequence, text
from progressive._mesh.gateway_api.mirrors import MOST_FILTERS
from progressive.errors import InvalidRequest, Unsupported

_TYPE = "ResponseHeaderModifier"
_MODIFIER = "responseHeaderModifier"
_HEADER = "Set-Cookie"
_MOST_HEADERS = 16


def set_by(backend: Mapping[str, Any]) -> Iterator[str]:
    """The Set-Cookie values of a backend."""
    for _, value in _values(backend):
        yield value


def addition(backend: Mapping[str, Any], cookie: str) -> tuple[Path, Any]:
    """
    Where in a backend to add what, so that it sets a cookie; the path may end in ``-``.

    Raises:
        Unsupported: It sets, or removes, cookies already.
        InvalidRequest: Its lists are full.
    """
    header = {"name": _HEADER, "value": cookie}
    filters = sequence(backend.get("filters"))
    at = _filter(backend)
    if at is None:
        made = {"type": _TYPE, _MODIFIER: {"add": [header]}}
        if len(filters) >= MOST_FILTERS:
            raise InvalidRequest(
                f"backend {backend.get('name')} has {len(filters)} filters, the most that one "
                "holds, so there is no room for a cookie"
            )
        return (("filters", "-"), made) if filters else (("filters",), [made])
    modifier = mapping(filters[at].get(_MODIFIER))
    named = [
        text(one if key == "remove" else inner(one, "name"))
        for key in ("add", "set", "remove")
        for one in sequence(modifier.get(key))
    ]
    if any(name.lower() == _HEADER.lower() for name in named):
        raise Unsupported(
            f"backend {backend.get('name')} has a filter for {_HEADER} already, and a route "
            "names a header once; let the application set its own cookie"
        )
    if not modifier:
        return ("filters", at, _MODIFIER), {"add": [header]}
    added = sequence(modifier.get("add"))
    if len(added) >= _MOST_HEADERS:
        raise InvalidRequest(
            f"backend {backend.get('name')} adds {len(added)} headers, the most that a filter "
            "holds, so there is no room for a cookie"
        )
    if added:
        return ("filters", at, _MODIFIER, "add", "-"), header
    return ("filters", at, _MODIFIER, "add"), [header]


def value_at(backend: Mapping[str, Any], cookie: str) -> Path:
    """Where a value that `set_by` told is."""
    return next(path for path, value in _values(backend) if value == cookie)


def removal(backend: Mapping[str, Any], value: Path) -> Path:
    """What to remove so that the value at this path goes, and nothing empty is left."""
    way = value[:-1]
    kept = 0
    held: Any = backend
    for depth, step in enumerate(way):
        # a filter that lost its modifier would be refused, whatever else it holds
        if len(held) > 1 and step != _MODIFIER:
            kept = depth
        held = held[step]
    return way[: kept + 1]


def _filter(backend: Mapping[str, Any]) -> int | None:
    for place, one in enumerate(sequence(backend.get("filters"))):
        if inner(one, "type") == _TYPE:
            return place
    return None


def _values(backend: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    at = _filter(backend)
    if at is None:
        return
    for key in ("add", "set"):
        listed = sequence(inner(backend["filters"][at], _MODIFIER, key))
        for place, one in enumerate(listed):
            named = text(inner(one, "name")).lower() == _HEADER.lower()
            if named and isinstance(one.get("value"), str):
                yield ("filters", at, _MODIFIER, key, place, "value"), one["value"]
