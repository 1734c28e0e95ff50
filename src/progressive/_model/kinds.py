"""Refuses a field whose value is of another kind than its annotation says.

Floor 2. A bare number for a duration, or a text for a number, is told where it is written, also
without a type checker, and not by a traceback in the middle of a release.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from progressive.errors import SpecError

_SHOWN = 60
_LARGEST = 2**1023
"""A larger int is perhaps no float."""
_Fault = tuple[str, str]
"""A path, and what is wrong there."""


def require_kinds(value: object, prefix: str = "") -> None:
    """
    Every field of a frozen value is what its annotation says; called before anything else.

    Args:
        prefix: Of the paths, such as ``deadlines.``.

    Raises:
        SpecError: One is not, at its path, such as ``weights[1]``.
    """
    kind: Any = type(value)  # mypy takes some classes for unhashable
    for name, at_once, hint in _fields(kind):
        given = getattr(value, name)
        if type(given) not in at_once:
            require_kind(prefix + name, given, hint)


def require_kind(path: str, value: object, hint: Any) -> None:
    """
    The same for one value, such as the argument of an adapter.

    Args:
        hint: A class, a union, ``tuple[X, ...]`` or ``Mapping[str, X]``.

    Raises:
        SpecError: It is none of that, at `path`.
    """
    if (fault := _fault(path, value, hint)) is not None:
        raise SpecError(*fault)


def require_waits(prefix: str = "", **times: timedelta) -> None:
    """
    Times that can be waited for, by the names of the arguments that they came in.

    Raises:
        SpecError: One is no duration, or none above zero, at its path.
    """
    for name, value in times.items():
        require_kind(prefix + name, value, timedelta)
        if value <= timedelta(0):
            raise SpecError(prefix + name, f"{value} is not a time to wait")


def sequence(value: Any) -> Any:
    """A converter's part: a tuple of what can be one; anything else stays, to be refused."""
    listed = isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)
    return tuple(value) if listed else value


@cache
def _fields(kind: type) -> tuple[tuple[str, frozenset[type], Any], ...]:
    """Each field with the classes that need no second look (a weight is an int, mostly)."""
    hints = get_type_hints(kind)
    names = [one.name for one in getattr(kind, "__attrs_attrs__", ())]
    return tuple((one, frozenset(_classes(hints[one])), hints[one]) for one in names)


def _classes(hint: Any) -> Iterable[type]:
    if get_origin(hint) in (Union, UnionType):
        for one in get_args(hint):
            yield from _classes(one)
    elif get_origin(hint) is None:
        yield hint


def _fault(path: str, value: Any, hint: Any) -> _Fault | None:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        faults = [(one, _fault(path, value, one)) for one in inner]
        wrong = [fault for one, fault in faults if fault is not None and one is not NoneType]
        return wrong[0] if all(fault is not None for _, fault in faults) else None
    if origin is tuple and isinstance(value, tuple):
        return _first(_fault(f"{path}[{n}]", one, inner[0]) for n, one in enumerate(value))
    if origin is Mapping and isinstance(value, Mapping):
        keys = (_fault(path, key, inner[0]) for key in value)
        return _first(keys) or _first(_fault(f"{path}.{k}", v, inner[1]) for k, v in value.items())
    if _is(value, origin or hint):
        return None
    shown = repr(value)
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
    return path, f"{shown} is {_words(origin or hint)}"


def _first(faults: Iterable[_Fault | None]) -> _Fault | None:
    return next((one for one in faults if one is not None), None)


def _is(value: Any, kind: type) -> bool:
    if isinstance(value, bool):  # an int to Python alone
        return kind is bool
    if kind is float and isinstance(value, int):
        return abs(value) <= _LARGEST
    return isinstance(value, kind)


def _words(kind: type) -> str:
    if issubclass(kind, Enum):
        told = ", ".join(f"{kind.__name__}.{one.name}" for one in kind)
        return f"none of {told}"
    return _WORDS.get(kind, f"no {kind.__name__}")


_WORDS: dict[type, str] = {
    int: "not a whole number",
    float: "not a number",
    str: "not a text",
    bool: "neither True nor False",
    timedelta: "no timedelta; write one, such as timedelta(seconds=30)",
    tuple: "no list or tuple",
    Mapping: "no mapping, such as a dict",
}
