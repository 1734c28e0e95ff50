"""Names of managed rules, and the destination of a rule, as every mesh has them.

Floor 3, pure values. Made by layouts, read by everything else in this room.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from attrs import frozen

from progressive._mesh.access import Path
from progressive._model.traffic import Side

MANAGED_PREFIX = "progressive-"
"""Name of every rule that this project puts into an object of a person."""

MATCH = "progressive-match"
"""Name of the rule for matched requests."""

STICKY = "progressive-sticky"
"""Name of the rule that keeps users with the canary."""

PINNED = "progressive-sticky-primary"
"""Name of the rule that keeps users with the primary, until the next weight."""

Number = int | Fraction


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
