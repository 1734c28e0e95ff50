"""A destination of a rule, and what shows that it is still the one that was read.

Floor 3, pure. Made by layouts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from progressive._mesh.access import Path, pointer
from progressive._mesh.codec import Operation
from progressive._model.traffic import Side


@frozen(kw_only=True, eq=False)
class Destination:
    """
    One destination of a rule.

    Attributes:
        path: Where it is in the object.
        body: As it stands there.
        side: The side of the release that it is; None: a third destination.
        identity: Paths and values that show that it is still this one; a patch tests them.
    """

    path: Path
    body: Mapping[str, Any]
    side: Side | None
    identity: tuple[tuple[Path, Any], ...]


def identity_tests(destination: Destination) -> list[Operation]:
    """Tests that a destination is still the one that was read."""
    return [
        {"op": "test", "path": pointer(path), "value": value}
        for path, value in destination.identity
    ]


def identity(path: Path, body: Mapping[str, Any], *keys: str) -> tuple[tuple[Path, Any], ...]:
    """The identity of a destination by those of these keys that it has."""
    return tuple(((*path, key), body[key]) for key in keys if key in body)
