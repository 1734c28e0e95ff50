"""Carries one order out in the world, and makes an answer of what came of it.

Floor 4. A refusal is an answer as well, and so is a fault in somebody's own router or workload:
the machine knows what to make of it. `session.py` saves before it lets anything be carried out.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define

from progressive._analysis.machine import CanaryAnalysis
from progressive._log import log
from progressive._model.actions import (
    Action,
    AskReady,
    Finish,
    Mark,
    Measure,
    Point,
    Prepare,
    Promote,
    Read,
    Reset,
    Scale,
    Shift,
    Wait,
)
from progressive._model.checks import Cause, MetricCheck, Question, Sample
from progressive._model.events import (
    ActionError,
    Done,
    Event,
    Failed,
    Measured,
    Reported,
    Seen,
    Shifted,
    Woke,
)
from progressive._model.origin import Origin
from progressive._model.traffic import Target
from progressive.errors import AdapterError, ErrorKind
from progressive.ports import (
    Clock,
    Inbox,
    Lock,
    MetricsProvider,
    Notifier,
    Observer,
    Store,
    TrafficRouter,
    Workload,
)


@define(kw_only=True)
class Parts:
    """What a run is made of; see `Runner` for what each one is."""

    router: TrafficRouter
    metrics: MetricsProvider
    workload: Workload | None
    store: Store
    lock: Lock
    inbox: Inbox
    clock: Clock
    observers: Sequence[Observer] = ()
    notifiers: Sequence[Notifier] = ()
    identity: str = ""
    origin: Origin | None = None


def carry_out(parts: Parts, analysis: CanaryAnalysis, target: Target, action: Action) -> Event:
    """Carry an order out and return its answer."""
    try:
        return _route(parts, analysis, target, action)
    except AdapterError as error:
        return failed(parts, action, error)
    except Exception as error:
        # a fault in somebody's router or workload must not leave the traffic split
        return failed(parts, action, _fault(analysis, error))


def failed(parts: Parts, action: Action, error: AdapterError, *, unsaved: bool = False) -> Failed:
    """The answer to an order that was refused; `unsaved`: not even begun."""
    told = ActionError(
        kind=error.kind, message=str(error), retry_after=error.retry_after, unsaved=unsaved
    )
    return Failed(at=parts.clock.now(), answers=action.id, error=told)


def _fault(analysis: CanaryAnalysis, error: Exception) -> AdapterError:
    log.exception("an unexpected error", extra={"run": analysis.run})
    return AdapterError(f"{type(error).__name__}: {error}", ErrorKind.INVALID)


def _route(parts: Parts, analysis: CanaryAnalysis, target: Target, action: Action) -> Event:
    at = parts.clock.now
    match action:
        case Shift():
            seen = parts.router.shift(target, action.split)
            return Shifted(at=at(), answers=action.id, observed=seen)
        case Reset():
            seen = parts.router.reset(target)
            return Shifted(at=at(), answers=action.id, observed=seen)
        case Read():
            seen = parts.router.current(target)
            return Seen(at=at(), answers=action.id, observed=seen)
        case Measure():
            checks = analysis.plan.checks
            samples = [_sample(parts, analysis, target, check, action) for check in checks]
            return Measured(at=at(), answers=action.id, samples=samples)
        case Wait():
            return Woke(at=at(), answers=action.id)
        case Finish():
            raise AssertionError("there is nothing to do when a run is over")
        case _:
            return _on_workload(parts, target, action)


def _on_workload(parts: Parts, target: Target, action: Action) -> Event:
    workload, at = parts.workload, parts.clock.now
    assert workload is not None, "the machine orders this only for a managed workload"
    match action:
        case Prepare():
            workload.prepare(target)
        case Point():
            workload.point(target)
        case Mark():
            workload.mark(target)
        case Scale():
            workload.scale(target, up=action.up)
        case Promote():
            workload.promote(target, action.revision)
        case AskReady():
            asked = workload.readiness(target, action.side, action.until or at())
            return Reported(
                at=at(), answers=action.id, readiness=asked.readiness, message=asked.message
            )
        case _:
            raise AssertionError(f"an order of an unknown kind: {action}")
    return Done(at=at(), answers=action.id)


def _sample(
    parts: Parts, analysis: CanaryAnalysis, target: Target, check: MetricCheck, action: Measure
) -> Sample:
    question = Question(
        check=check,
        target=target,
        dialect=parts.router.capabilities.dialect,
        since=action.since,
        at=parts.clock.now(),
        round=action.round,
    )
    try:
        return parts.metrics.sample(question)
    except AdapterError as error:
        # an outage is silence (L7); a refused query is nobody's failure, but no silence
        cause = Cause.UNREACHABLE if error.transient else Cause.REFUSED
        return Sample(cause=cause, detail=str(error), query=check.query or "")
    except Exception as error:
        detail = str(_fault(analysis, error))
        return Sample(cause=Cause.REFUSED, detail=detail, query=check.query or "")
