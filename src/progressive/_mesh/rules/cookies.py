"""Cookies of stickiness: their values, whose they are, and what must change on a rule.

Floor 3, pure. Ours is a cookie that a managed rule looks for; any other is the user's. Asked by
`codec.py` and `managed.py`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta

from attrs import frozen

from progressive._mesh.access import inner
from progressive._mesh.codec import Operation
from progressive._mesh.rules.layout import PINNED, STICKY, Rule
from progressive._model.traffic import Side, Split, Sticky, Target

_LENGTH = 10
"""Letters of a value, as Flagger's: 26**10 of them, so that no old cookie is met by chance."""


_ALONE = r"(?<![A-Za-z0-9_.-])"
"""What keeps `sid` from being found in `other-sid`."""


@frozen(kw_only=True)
class Jar:
    """
    The cookies of one steered rule; those of all rules of an object are the same.

    Attributes:
        name, value: Of users who saw the canary; kept while the rule for them stands, so that
            nobody changes sides at the next step.
        primary_name, primary_value: Of users who saw the primary; another value for each weight,
            so that a larger weight reaches them too. None: they are not kept.
        max_age: How long both live.
        standing: Whether a rule for users with the cookie stands already.
    """

    name: str
    value: str
    primary_name: str | None
    primary_value: str
    max_age: timedelta
    standing: bool

    @classmethod
    def of(
        cls, base: Rule, target: Target, split: Split, sticky: Sticky, standing: Sequence[Rule]
    ) -> Jar:
        """The cookies that an order means for a rule, beside the managed rules that stand."""
        looked_for = looked_for_by(standing)
        kept = re.search(rf"{_ALONE}{re.escape(sticky.cookie)}=([A-Za-z0-9_-]+)", looked_for)
        seed = f"{target} {inner(base.manifest, 'metadata', 'uid')} "
        seed += f"{inner(base.manifest, 'metadata', 'resourceVersion')}"
        value = kept[1] if kept else letters(seed)
        return cls(
            name=sticky.cookie,
            value=value,
            primary_name=sticky.primary_cookie,
            primary_value=letters(f"{value} {split.canary}/{split.total}"),
            max_age=sticky.max_age,
            standing=any(one.purpose == STICKY for one in standing),
        )

    @property
    def wanted(self) -> Mapping[Side, str]:
        """Set-Cookie values by side."""
        age = f"Max-Age={round(self.max_age.total_seconds())}"
        found = {Side.CANARY: f"{self.name}={self.value}; {age}"}
        if self.primary_name is not None:
            found[Side.PRIMARY] = f"{self.primary_name}={self.primary_value}; {age}"
        return found

    @property
    def expired(self) -> str:
        """The Set-Cookie value that makes a browser forget."""
        return f"{self.name}={self.value}; Max-Age=-1"


def letters(seed: str) -> str:
    """
    Ten lower-case letters that follow from a text: nobody guesses them, and a repetition of the
    same plan is the same plan.

    >>> letters("shop/web 100")
    'jgvilwosin'
    """
    digest = hashlib.sha256(seed.encode()).digest()
    return "".join(chr(ord("a") + byte % 26) for byte in digest[:_LENGTH])


def looked_for_by(managed: Sequence[Rule]) -> str:
    """The cookies that managed rules look for, as one text."""
    patterns = [
        pattern
        for rule in managed
        if rule.purpose in (STICKY, PINNED)
        for pattern in rule.layout.cookie_patterns(rule)
    ]
    return " ".join(patterns).replace("\\", "")


def operations(rule: Rule, wanted: Mapping[Side, str], managed: Sequence[Rule]) -> list[Operation]:
    """
    What makes the sides of a rule set these cookies, and no others of ours.

    Raises:
        Unsupported: A side sets a cookie of its user, and can set only one.
    """
    looked_for = looked_for_by(managed)
    changes: list[Operation] = []
    standing: dict[int, str] = {}
    for place, cookie in rule.layout.cookies(rule):
        pair = cookie.partition(";")[0].strip()
        if rule.destinations[place].side is not None and pair and pair in looked_for:
            standing[place] = cookie
    for place, destination in enumerate(rule.destinations):
        side = destination.side
        new = None if side is None else wanted.get(side)
        old = standing.get(place)
        if old != new:
            changes += rule.layout.cookie_operations(rule, place, old, new)
    return changes
