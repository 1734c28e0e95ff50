"""Decides how a run stands by its journal, its driver and its route, and who owns its split.

Floor 5, pure: what was read comes in, a `Found` goes out. `sweep.py` reads, and acts on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from attrs import define, evolve, frozen

from progressive._adapters.journal.inbox import Decision as Put
from progressive._adapters.lease.living import Life
from progressive._analysis.machine import CanaryAnalysis
from progressive._model.events import Command
from progressive._model.record import Decision, Outcome, Phase
from progressive._model.report import stamp
from progressive._model.traffic import Observed


class Standing(StrEnum):
    """How a run stands, or what is left of it."""

    RUNNING = "running"
    """A driver lives."""
    FINISHED = "finished"
    """It is over, and the traffic is where it left it."""
    HELD = "held"
    """A person said hold, and the time of that is not over."""
    INTERRUPTED = "interrupted"
    """It is not over, and nobody drives it."""
    LEFT = "left"
    """It is over and left a split behind."""
    STUCK = "stuck"
    """Its promotion was decided and failed: the traffic must not be sent to that primary."""
    MOVED = "moved"
    """It is over, and somebody moved the traffic after it."""
    MARKED = "marked"
    """A route carries the mark of a driver that is gone, and there is no journal."""
    UNREADABLE = "unreadable"
    """The journal cannot be read: what it would say is not known."""


@define(kw_only=True)
class Found:
    """
    One target, and what was found out about it.

    Attributes:
        target: ``namespace/service``; of a route without a journal, the route.
        standing: How its run stands.
        message: Why, and what to do, in words.
        run_id, release: Names; empty where they are not known.
        holder: Who drives it, or drove it last.
        since: When it was last heard of; None: not known.
        weight, total: The canary's share that the route shows now; None: it cannot be read.
        home: Whether all traffic is where a finished release leaves it; None: not known.
        orphan: A split that nobody owns.
        restorable: Whether a sweep may end it.
        restored: Whether this sweep did.
        outcome: How the run ended; None: it is not over, or there is none.
    """

    target: str
    standing: Standing
    message: str = ""
    run_id: str = ""
    release: str = ""
    holder: str = ""
    since: datetime | None = None
    weight: int | None = None
    total: int = 100
    home: bool | None = None
    orphan: bool = False
    restorable: bool = False
    restored: bool = False
    outcome: Outcome | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "target": self.target,
            "standing": self.standing,
            "message": self.message,
            "run_id": self.run_id,
            "release": self.release,
            "holder": self.holder,
            "since": None if self.since is None else stamp(self.since),
            "weight": self.weight,
            "total": self.total,
            "home": self.home,
            "orphan": self.orphan,
            "restored": self.restored,
            "outcome": self.outcome,
        }


@frozen(kw_only=True)
class Seen:
    """
    What the route of a target shows.

    Attributes:
        split: The split; None: it cannot be read.
        message: Why not.
        absent: There is no route: then nothing is split.
    """

    split: Observed | None = None
    message: str = ""
    absent: bool = False


@frozen(kw_only=True)
class Rules:
    """
    What the caller takes for an orphan.

    Attributes:
        now: The present instant.
        older_than: How long nobody must have been heard of.
        include_held: Whether a person's hold protects nothing.
    """

    now: datetime
    older_than: timedelta = timedelta(0)
    include_held: bool = False


def last_heard(run: CanaryAnalysis, life: Life | None = None) -> datetime | None:
    """The last sign of life of a run's driver, by the drivers' own clocks."""
    report = run.report
    said = None if report.started is None else report.started + report.duration
    renewed = None if life is None else life.renewed
    return max((at for at in (said, renewed) if at is not None), default=None)


def differs(run: CanaryAnalysis, seen: Seen) -> bool:
    """Whether a finished run's route shows anything else than the run left."""
    return _weight(run, seen) != run.report.final.weight or _beside(seen)


def judge(
    run: CanaryAnalysis, seen: Seen, life: Life, *, put: Sequence[Put], rules: Rules
) -> Found:
    """
    How a run stands.

    Args:
        put: People's decisions that no driver has worked in yet, oldest first.
    """
    report = run.report
    weight = _weight(run, seen)
    found = Found(
        target=report.target,
        standing=Standing.FINISHED,
        run_id=report.run_id,
        release="" if run.origin is None else run.origin.release,
        holder=life.holder or report.holder,
        since=last_heard(run, life),
        weight=None if seen.split is None and not seen.absent else weight,
        total=report.total,
        home=_is_home(run, seen),
        outcome=report.outcome,
        message=seen.message,
    )
    if life.alive:
        found.standing = Standing.RUNNING
        found.message = f"driven by {life.holder}"
        return found
    if not run.done:
        _interrupted(found, run, put, rules)
    elif report.split_restored:
        if seen.split is not None and differs(run, seen):
            _moved(found, run, seen)
    elif found.home is not True:
        _left(found, run, rules)
    return found


def _weight(run: CanaryAnalysis, seen: Seen) -> int:
    """What the route shows, in parts of the plan's total; what the journal says if it shows
    nothing."""
    if seen.split is not None:
        return round(seen.split.canary * run.report.total / seen.split.total)
    return 0 if seen.absent else run.report.final.weight


def _beside(seen: Seen) -> bool:
    return seen.split is not None and (seen.split.mirror is not None or seen.split.matched)


def _is_home(run: CanaryAnalysis, seen: Seen) -> bool | None:
    if seen.absent:
        return True
    if seen.split is None:
        return None
    if run.done and run.report.split_restored:
        return not differs(run, seen)  # of two existing workloads the canary may have it all
    return seen.split.canary == 0 and not _beside(seen)


def _interrupted(found: Found, run: CanaryAnalysis, put: Sequence[Put], rules: Rules) -> None:
    if _protected(found, run, put, rules):
        return
    found.standing = Standing.INTERRUPTED
    since = "" if found.since is None else f" since {stamp(found.since)}"
    who = f" (it was {found.holder})" if found.holder else ""
    found.message = _and(f"nobody drives it{since}{who}", found.message)
    if run.phase is Phase.INITIALIZING:
        found.message = _and(found.message, "a first deploy, nothing is split: run it again")
        return
    if found.since is not None and rules.now - found.since < rules.older_than:
        found.message = _and(found.message, f"not older than {rules.older_than}")
        return
    found.orphan = found.home is not True
    found.restorable = True


def _left(found: Found, run: CanaryAnalysis, rules: Rules) -> None:
    if run.promotion_undecided is not None:
        found.standing, found.orphan = Standing.STUCK, True
        found.message = (
            f"not touched: {run.report.message or 'its promotion failed'}; what was analysed "
            "serves the users, and the primary cannot: 'progressive run' repairs it first"
        )
        return
    if _protected(found, run, (), rules):
        return
    found.standing, found.orphan, found.restorable = Standing.LEFT, True, True
    found.message = _and(run.report.message, found.message)


def _moved(found: Found, run: CanaryAnalysis, seen: Seen) -> None:
    found.standing, found.orphan = Standing.MOVED, True
    by = f" by {seen.split.writer}" if seen.split is not None and seen.split.writer else ""
    found.message = f"moved{by} after the run was over"
    if run.report.final.weight == 0:
        found.restorable = True
    else:
        found.message += "; the run left all on the canary, so nobody can say what is home"


def _protected(found: Found, run: CanaryAnalysis, put: Sequence[Put], rules: Rules) -> bool:
    """Whether a person's hold says that the split is wanted."""
    hold = _hold(run.report.decisions, put)
    if hold is None or (run.done and run.report.outcome is not Outcome.INCONCLUSIVE):
        return False
    until = hold.at + run.plan.deadlines.on_hold
    by, why = f" by {hold.by}" if hold.by else "", f": {hold.why}" if hold.why else ""
    said = f"on hold since {stamp(hold.at)}{by}{why}"
    if rules.now >= until:
        found.message = _and(f"{said}; that ended {stamp(until)}", found.message)
        return False
    if rules.include_held:
        found.message = _and(said, found.message)
        return False
    found.standing = Standing.HELD
    found.message = _and(f"{said}; until {stamp(until)} it is nobody else's", found.message)
    return True


def _hold(heard: Sequence[Decision], put: Sequence[Put]) -> Decision | None:
    """The hold that stands: of several in a row the first, for its time runs since then."""
    told = [one for one in heard if not one.refused]
    told += [
        Decision(id=one.id, at=one.at, command=one.command.value, by=one.by, why=one.why)
        for one in put
    ]
    standing: Decision | None = None
    for one in told:
        if one.command != Command.HOLD:
            standing = None
        elif standing is None:
            standing = evolve(one)
    return standing


def _and(*words: str) -> str:
    return "; ".join(one for one in words if one)
