"""What all frozen values share: how they are compared, hashed and shown.

Floor 2. attrs would write these three methods for each class, and compiling them took a third of
what the model costs at import (28 ms became 18 on a machine where attrs itself takes 26); so they
are written once, with the same meaning, and the decorators say ``eq=False, repr=False``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from operator import attrgetter
from typing import Any


class Value:
    """The base of a value: equal to another of its very class with equal fields."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        kind: Any = self.__class__  # mypy takes the class for unhashable, as its values hash
        told = _compared(kind)
        return told(self) == told(other)

    def __hash__(self) -> int:
        kind: Any = self.__class__
        return hash((kind, _hashed(kind)(self)))

    def __repr__(self) -> str:
        shown = (f"{one.name}={getattr(self, one.name)!r}" for one in _fields(self) if one.repr)
        return f"{self.__class__.__name__}({', '.join(shown)})"


@cache
def _compared(kind: type) -> Callable[[object], object]:
    return _getter(one.name for one in _fields(kind) if one.eq)


@cache
def _hashed(kind: type) -> Callable[[object], object]:
    # a field without a word on its hash follows its word on equality
    fields = _fields(kind)
    return _getter(one.name for one in fields if (one.eq if one.hash is None else one.hash))


def _getter(names: Iterable[str]) -> Callable[[object], object]:
    listed = tuple(names)
    return attrgetter(*listed) if listed else lambda _: ()


def _fields(value: object) -> tuple[Any, ...]:
    fields: tuple[Any, ...] = getattr(value, "__attrs_attrs__", ())
    return fields
