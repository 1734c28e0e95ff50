"""Decides whether a split is in effect: is the measured share the one that was ordered?

Floor 3, pure: counts in, an `Effect` out. The third level of done, after stored and accepted;
asked by `_adapters/mesh/router.py`, counted by whoever can count (`CountsTraffic`).
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from attrs import frozen

from progressive._model.traffic import Split, Target

SIGMAS = 3.0
"""Width of the bound in standard deviations: chance alone leaves it 3 times in 1,000."""

STRAGGLERS = 0.001
"""Part of all requests that may go astray while proxies change over; a fraction."""

FEWEST = 30
"""Requests below which nothing is said: with none on a side, its share may still be a tenth."""

LOOK_FOR_ENDPOINTS = "look for ready endpoints, and for a rule that comes before"
"""What leaves a canary without any requests, on most meshes."""


class EffectKind(StrEnum):
    """What the measured share says."""

    IN_EFFECT = "in-effect"
    NOT_IN_EFFECT = "not-in-effect"
    UNDECIDED = "undecided"


@frozen(kw_only=True)
class Traffic:
    """
    Requests that reached the sides.

    Attributes:
        primary, canary: Counts, 0 or more.
        window: How long was counted; None: not told.
        query: What was asked.
        nothing: Where to look when the canary got none; the dialect knows.
    """

    primary: float
    canary: float
    window: timedelta | None = None
    query: str = ""
    nothing: str = LOOK_FOR_ENDPOINTS


@frozen(kw_only=True)
class Effect:
    """
    Whether users get the ordered split.

    Attributes:
        kind: ``in-effect``, ``not-in-effect`` or ``undecided``.
        share: Measured share of the canary, 0 to 1; None without requests.
        wanted: Ordered share, 0 to 1.
        bound: How far the two may be apart, 0 to 1.
        n: Requests counted on both sides.
        explanation: The same in words.
        query, window: What was asked, and how far back it looked.
    """

    kind: EffectKind
    share: float | None
    wanted: float
    bound: float
    n: int
    explanation: str
    query: str = ""
    window: timedelta | None = None


class CountsTraffic(Protocol):
    """Counts the requests of both sides; what `in_effect` needs from a metrics provider."""

    def traffic(
        self, target: Target, *, dialect: str, since: datetime, at: datetime | None = None
    ) -> Traffic:
        """
        Requests between `since` and `at` (None: now).

        Raises:
            MetricsError: They could not be counted.
        """


def judge_share(split: Split, traffic: Traffic) -> Effect:
    """
    Compare the measured share with the ordered one.

    In effect when they are no farther apart than chance explains. Undecided when the counts
    could not tell the ordered split from one that sends nothing to a side.

    Source:
        The normal approximation of the binomial distribution, and what goes astray besides:
        ``|p - p0| <= z * sqrt(p0 * (1 - p0) / n) + eps``.
    """
    wanted = split.canary / split.total
    n = traffic.primary + traffic.canary
    count = round(n)
    chance = SIGMAS * math.sqrt(wanted * (1 - wanted) / n) if n > 0 else 1.0
    bound = min(1.0, chance + STRAGGLERS)
    share = traffic.canary / n if n > 0 else None
    smallest = min(wanted, 1 - wanted)
    points = f"{100 * bound:.1f} points"
    if share is None:
        kind, words = EffectKind.UNDECIDED, "no requests were counted"
    elif n < FEWEST or (smallest > 0 and bound >= smallest):
        kind = EffectKind.UNDECIDED
        words = f"{count} requests are too few to tell {100 * wanted:g} % (within {points})"
    else:
        near = abs(share - wanted) <= bound
        kind = EffectKind.IN_EFFECT if near else EffectKind.NOT_IN_EFFECT
        words = (
            f"{100 * share:.1f} % of {count} requests went to the canary, "
            f"{'within' if near else 'not within'} {points} of {100 * wanted:g} %"
        )
        if share == 0 and wanted > 0:
            words += f"; none at all: {traffic.nothing}"
    return Effect(
        kind=kind,
        share=share,
        wanted=wanted,
        bound=bound,
        n=count,
        explanation=words,
        query=traffic.query,
        window=traffic.window,
    )
