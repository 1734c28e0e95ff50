"""A transition as log lines: what an engineer reads on the console of a build.

Floor 4, pure. One line an event; the first word after the target is stable.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from attrs import frozen

from progressive._model.checks import VerdictKind
from progressive._model.record import Phase, Transition
from progressive._model.traffic import Target

_LOUD = frozenset({"drift", "retry", "going-home", "promotion-failed", "refused", "orphan-split"})


_BEGINNINGS = {
    Phase.INITIALIZING: "first-deploy the primary is made from the target",
    Phase.STARTING: "starting the canary is scaled up and awaited",
}


@frozen(kw_only=True)
class Line:
    """
    One line for the log.

    Attributes:
        level: Of the standard library's logging.
        text: Without time and level.
    """

    level: int
    text: str


def lines_of(transition: Transition, target: Target) -> Iterator[Line]:
    """What a transition says, in order; nothing for a transition without news."""
    if transition.round is not None:
        passed = transition.round.verdict is VerdictKind.PASS
        level = logging.INFO if passed else logging.WARNING
        said = "; ".join(v.explanation for v in transition.round.checks) or "no checks"
        text = f"round weight={transition.round.weight} {transition.round.verdict} ({said})"
        yield Line(level=level, text=f"{target} {text}")
    returned = transition.before is Phase.RETURNING and transition.event == "Shifted"
    if returned and transition.weight == 0:
        yield Line(level=logging.INFO, text=f"{target} home all traffic is on the primary")
    for one in transition.happenings:
        weight = "" if one.weight is None else f" weight={one.weight}"
        words = f" {one.message}" if one.message else ""
        level = logging.WARNING if one.kind in _LOUD else logging.INFO
        yield Line(level=level, text=f"{target} {one.kind}{weight}{words}")
    if transition.outcome is not None:
        words = f": {transition.message}" if transition.message else ""
        reason = f" ({transition.reason})" if transition.reason else ""
        level = logging.INFO if transition.outcome.exit_code == 0 else logging.WARNING
        yield Line(level=level, text=f"{target} {transition.outcome}{reason}{words}")
    elif transition.after is not transition.before:
        if transition.after in _BEGINNINGS:
            yield Line(level=logging.INFO, text=f"{target} {_BEGINNINGS[transition.after]}")
    elif not transition.happenings and transition.round is None and transition.message:
        yield Line(level=logging.INFO, text=f"{target} waiting {transition.message}")
