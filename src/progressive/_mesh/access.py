"""Looks into decoded JSON that may hold anything: what is not of the wanted type is not there.

Floor 3, pure. Routing objects come from files and from clusters without a schema as well, so no
reader may trust a type. Used by every codec.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

_NOTHING: Mapping[str, Any] = {}

# decoded JSON is made of dicts, and asking an abstract class takes ten times as long
_MAPPINGS = (dict, Mapping)

Path = tuple[str | int, ...]
"""Keys and indexes from the top of an object."""


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, _MAPPINGS) else _NOTHING


def sequence(value: object) -> Sequence[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list | tuple) else ()


def text(value: object) -> str:
    """The value if it is a text, else an empty one."""
    return value if isinstance(value, str) else ""


def inner(value: object, *keys: str) -> Any:
    """
    What stands at the end of a way of keys; None where the way ends before.

    >>> inner({"spec": {"provider": {"name": "web"}}}, "spec", "provider", "name")
    'web'
    >>> inner({"spec": 5}, "spec", "provider")
    """
    for key in keys:
        value = mapping(value).get(key)
    return value


def without(body: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """
    A copy, all the way down, of what a mapping holds beside these keys.

    >>> without({"name": "main", "route": []}, "name")
    {'route': []}
    """
    return {key: deepcopy(value) for key, value in body.items() if key not in keys}


def at(value: Any, path: Path) -> Any:
    """
    What stands at a path of keys and indexes that is known to exist.

    >>> at({"http": [{"name": "main"}]}, ("http", 0, "name"))
    'main'
    """
    for step in path:
        value = value[step]
    return value


def pointer(path: Path) -> str:
    """
    A JSON pointer (RFC 6901).

    >>> pointer(("metadata", "annotations", "a/b"))
    '/metadata/annotations/a~1b'
    """
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
