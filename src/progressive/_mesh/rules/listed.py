"""Which rules are ours where rules have no names: those listed in an annotation, but not blindly.

Floor 3, pure. Somebody may have put a rule in front of ours since, so that the indexes are off;
a rule of theirs must then not be taken for ours, for ours are removed. Used by layouts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from progressive._mesh.codec import Manifest
from progressive._mesh.rules.find import listed_rules

Asked = Sequence[frozenset[str]]
"""What a rule asks of a request: alternatives, each a set of conditions as text."""


def conditions(listed: Iterable[Any]) -> frozenset[str]:
    """Conditions that must all hold, to be compared with others."""
    return frozenset(json.dumps(one, sort_keys=True, default=str) for one in listed)


def ours(manifest: Manifest, asked: Sequence[Asked]) -> frozenset[int]:
    """
    The listed rules of an object that can be ours.

    One from which another rule was narrowed down, as ours are from theirs, is the base of it.

    Args:
        asked: What each rule of the list asks for.
    """
    listed = listed_rules(manifest)
    others = [one for place, one in enumerate(asked) if place not in listed]
    return frozenset(
        place
        for place in listed
        if place < len(asked) and not any(_narrower(one, asked[place]) for one in others)
    )


def _narrower(one: Asked, base: Asked) -> bool:
    return bool(one) and all(any(kept < alternative for kept in base) for alternative in one)
