"""What all frozen values share: how they are compared, hashed and shown.

Floor 2. attrs would write these three methods for each class, and compiling them took a third of
what the model costs at import (28 ms became 18 on a machine where attrs itself takes 26); so they
are written once, with the same meaning, and the decorators say ``eq=False, repr=False``.
"""

from __future__ import annotations

from typing import Any


class Value:
    """The base of a value: equal to another of its very class with equal fields."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(
            getattr(self, one.name) == getattr(other, one.name) for one in _fields(self) if one.eq
        )

    def __hash__(self) -> int:
        # a field without a word on its hash follows its word on equality
        fields = (one for one in _fields(self) if (one.eq if one.hash is None else one.hash))
        return hash((self.__class__, *(getattr(self, one.name) for one in fields)))

    def __repr__(self) -> str:
        shown = (f"{one.name}={getattr(self, one.name)!r}" for one in _fields(self) if one.repr)
        return f"{self.__class__.__name__}({', '.join(shown)})"


def _fields(value: Value) -> tuple[Any, ...]:
    fields: tuple[Any, ...] = getattr(value, "__attrs_attrs__", ())
    return fields
