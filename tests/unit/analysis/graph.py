"""Walks everything that can ever happen to a small plan."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator
from copy import copy
from datetime import datetime, timedelta
from typing import Any

from attrs import evolve, fields, has
from tests.unit.analysis.world import (
    PLAN,
    good,
    latest,
    refused,
    standing,
    started,
)

from progressive import (
    AskReady,
    CanaryAnalysis,
    CanaryLost,
    Command,
    Commanded,
    Deadlines,
    DriverLeft,
    DriverLost,
    ErrorKind,
    Event,
    Measure,
    Observed,
    Outcome,
    Phase,
    Plan,
    Read,
    Readiness,
    Reported,
    Scale,
    Seen,
    Situation,
    TargetMoved,
    Wait,
)
from progressive._analysis.state import State

SMALL = evolve(
    PLAN,
    deadlines=Deadlines(
        canary_ready=timedelta(seconds=1),
        primary_ready=timedelta(seconds=1),
        route=timedelta(seconds=1),
        undecided_rounds=2,
    ),
)
FIRST = Situation(revision="B")
REPAIR = Situation(revision="C", promoted="B", stuck=True, analysed="B")
REMEMBERED = [
    one.name
    for one in fields(State)
    if one.name
    not in ("rounds", "events", "notifications", "weights", "sent", "told", "round",
            "events_trimmed", "rounds_trimmed", "next_id", "message", "due_message",
            "started", "last", "ended", "paused_for", "decisions", "drivers", "since")
]  # fmt: skip
"""What of a state decides what comes next: no record, and not for how long is measured."""

ANALYSING = {Phase.STARTING, Phase.STEPPING, Phase.HOLDING, Phase.PAUSED}


def interruptions(at: datetime) -> Iterator[Event]:
    for command in (Command.ABORT, Command.HOLD, Command.RESUME, Command.PROMOTE):
        yield Commanded(at=at, command=command)
    yield Commanded(at=at, command=Command.ABORT, signal=True)
    yield Commanded(at=at, command=Command.HOLD, signal=True)
    yield CanaryLost(at=at, message="0 of 1 ready")
    yield TargetMoved(at=at, revision="A")
    yield TargetMoved(at=at, revision="D")
    yield DriverLost(at=at)
    yield DriverLeft(at=at)


def answers(analysis: CanaryAnalysis) -> Iterator[Event]:
    action, at = standing(analysis), latest(analysis)
    yield good(analysis)
    match action:
        case Measure():
            yield good(analysis, values=(50.0, 20.0))
            yield good(analysis, values=(None, 20.0))
        case AskReady():
            for readiness in (Readiness.WAITING, Readiness.STUCK):
                yield Reported(at=at, answers=action.id, readiness=readiness)
        case Read():
            yield Seen(at=at, answers=action.id, observed=Observed(canary=77))
    if not isinstance(action, Wait | Measure):
        for kind in (
            ErrorKind.UNAVAILABLE,
            ErrorKind.FORBIDDEN,
            ErrorKind.NOT_READY,
            ErrorKind.DRIFT,
        ):
            yield refused(analysis, kind)


def key(analysis: CanaryAnalysis) -> Hashable:
    """
    A state without its record, its ids and its absolute times.

    Taken from the state itself: by way of the journal a walk takes minutes.
    """
    state = analysis._state
    if analysis.done:
        return f"{state.outcome} {state.reason}"
    at = latest(analysis)
    return tuple(_relative(getattr(state, name), at) for name in REMEMBERED)


def _relative(value: Any, at: datetime) -> Hashable:
    if isinstance(value, datetime):
        return value - at
    if (names := NAMES.get(type(value))) is None:
        names = NAMES[type(value)] = _names(type(value))
    if names:
        return (type(value), *(_relative(getattr(value, name), at) for name in names))
    held: Hashable = value
    return held


NAMES: dict[type, tuple[str, ...]] = {}
"""The fields of values that are made of several; none for plain ones."""


def _names(kind: type) -> tuple[str, ...]:
    if not has(kind):
        return ()
    return tuple(one.name for one in fields(kind) if one.name not in ("id", "round", "since"))


class Graph:
    """Everything that can be reached from a beginning."""

    def __init__(self, plan: Plan, situation: Situation | None) -> None:
        begin = started(plan, situation)
        self.edges = 0
        self.outcomes: set[Outcome] = set()
        self.back: dict[Hashable, set[Hashable]] = {}
        self.ends: set[Hashable] = set()
        self.phases: set[Phase] = set()
        self.orders_after_abort: set[str] = set()
        queue = deque([(begin, False)])
        seen = {(key(begin), False)}
        self.states = {key(begin)}
        while queue:
            analysis, aborted = queue.popleft()
            here = key(analysis)
            self._look(analysis, here, aborted)
            if analysis.done:
                continue
            for event in (*answers(analysis), *interruptions(latest(analysis))):
                following = copy(analysis)
                before = following.phase
                following.receive(event)
                self.edges += 1
                there = key(following)
                self.back.setdefault(there, set()).add(here)
                abort = isinstance(event, Commanded) and event.command is Command.ABORT
                follows = aborted or (abort and before in ANALYSING)
                if (there, follows) not in seen:
                    seen.add((there, follows))
                    self.states.add(there)
                    queue.append((following, follows))

    def _look(self, analysis: CanaryAnalysis, here: Hashable, aborted: bool) -> None:
        self.phases.add(analysis.phase)
        if analysis.done:
            outcome = analysis.report.outcome
            assert outcome is not None
            self.outcomes.add(outcome)
            self.ends.add(here)
        elif aborted:
            action = standing(analysis)
            if isinstance(action, Wait):
                self.orders_after_abort.add(f"Wait {action.why}")
            elif isinstance(action, Scale):
                self.orders_after_abort.add("Scale up" if action.up else "Scale down")
            else:
                self.orders_after_abort.add(type(action).__name__)

    def that_end(self) -> set[Hashable]:
        """States from which an end can be reached."""
        reached, queue = set(self.ends), deque(self.ends)
        while queue:
            for before in self.back.get(queue.popleft(), ()):
                if before not in reached:
                    reached.add(before)
                    queue.append(before)
        return reached
