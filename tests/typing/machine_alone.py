"""The machine in a loop of one's own, as users write it, for the type checker; never run."""

from __future__ import annotations

from datetime import datetime
from typing import assert_type

from tests.typing.api import plan, target

from progressive import (
    Action,
    ActionError,
    Answer,
    AskReady,
    CanaryAnalysis,
    CanaryLost,
    Command,
    Commanded,
    Done,
    DriverLeft,
    DriverLost,
    ErrorKind,
    Event,
    Failed,
    Finish,
    Mark,
    Measure,
    Measured,
    Observed,
    Point,
    Prepare,
    Promote,
    Read,
    Readiness,
    Report,
    Reported,
    Reset,
    Sample,
    Scale,
    Seen,
    Shift,
    Shifted,
    Side,
    Situation,
    Started,
    TargetMoved,
    Told,
    TookOver,
    Wait,
    Why,
    Woke,
)


def the_machine_alone(now: datetime, seen: Observed) -> None:
    """In a loop of one's own."""
    analysis = CanaryAnalysis(plan, target)
    action = analysis.receive(Started(at=now))
    assert_type(action, Action)
    action = analysis.receive(Shifted(at=now, answers=action.id, observed=seen))
    error = ActionError(kind="conflict", message="…")
    assert_type(error.kind, ErrorKind)
    action = analysis.receive(Failed(at=now, answers=action.id, error=error))
    saved = analysis.to_json()
    assert_type(saved, str)
    analysis = CanaryAnalysis.from_json(saved)
    assert_type(analysis.action, Action | None)
    assert_type(analysis.wake_at, datetime | None)
    assert_type(analysis.done, bool)
    assert_type(analysis.report, Report)


def answer(action: Action, now: datetime) -> Answer | None:
    """Every order, and what may answer it."""
    match action:
        case Shift(split=split):
            seen = Observed(canary=split.canary, total=split.total)
            return Shifted(at=now, answers=action.id, observed=seen)
        case Reset():
            return Shifted(at=now, answers=action.id, observed=Observed(canary=0))
        case Read():
            return Seen(at=now, answers=action.id, observed=Observed(canary=5))
        case Measure(since=since):
            assert_type(since, datetime)
            return Measured(at=now, answers=action.id, samples=[Sample(value=99.9)])
        case Wait(why=why):
            assert_type(why, Why)
            return Woke(at=now, answers=action.id)
        case AskReady(side=side):
            assert_type(side, Side)
            return Reported(at=now, answers=action.id, readiness=Readiness.READY)
        case Prepare() | Point() | Mark() | Scale() | Promote():
            return Done(at=now, answers=action.id)
        case Finish():
            return None
    return None


def interruptions(now: datetime) -> tuple[Event, ...]:
    """What may come at any time."""
    return (
        Started(at=now, situation=Situation(revision="B", promoted="A")),
        Commanded(at=now, command=Command.ABORT, by="me", why="it is late"),
        TargetMoved(at=now, revision="C"),
        DriverLost(at=now),
        DriverLeft(at=now),
        Told(at=now, number=0),
        CanaryLost(at=now, message="0 of 2 ready"),
        TookOver(at=now, by="another build"),
    )
