"""Answers to orders, for tests that drive the machine by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from progressive import (
    Action,
    ActionError,
    Answer,
    AskReady,
    CanaryAnalysis,
    Done,
    ErrorKind,
    Failed,
    Measure,
    Measured,
    MetricCheck,
    Observed,
    Plan,
    Read,
    Readiness,
    Reported,
    Reset,
    Sample,
    Seen,
    Shift,
    Shifted,
    Situation,
    Started,
    Target,
    Wait,
    Woke,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TARGET = Target(
    namespace="shop", service="web", primary="web-primary", canary="web-canary", port=80
)
SUCCESS = MetricCheck.success_rate(at_least=99.0)
LATENCY = MetricCheck.latency(at_most=500.0)
PLAN = Plan(
    weights=(10, 50), interval=timedelta(seconds=30), threshold=2, checks=(SUCCESS, LATENCY)
)
CHANGED = Situation(revision="B", promoted="A")


def started(plan: Plan = PLAN, situation: Situation | None = CHANGED) -> CanaryAnalysis:
    """A run that has just begun."""
    analysis = CanaryAnalysis(plan, TARGET)
    analysis.receive(Started(at=NOW, run="r1", situation=situation))
    return analysis


def latest(analysis: CanaryAnalysis) -> datetime:
    """The latest instant that the run has heard of."""
    report = analysis.report
    assert report.started is not None
    return report.started + report.duration


def good(
    analysis: CanaryAnalysis, *, values: tuple[float | None, float | None] = (99.9, 20.0)
) -> Answer:
    """The answer that a healthy world gives to the standing order."""
    action, at = standing(analysis), latest(analysis)
    match action:
        case Wait():
            return Woke(at=action.until or at, answers=action.id)
        case Shift():
            seen = Observed(canary=action.split.canary, total=action.split.total)
            return Shifted(at=at, answers=action.id, observed=seen)
        case Reset():
            return Shifted(at=at, answers=action.id, observed=Observed(canary=0))
        case Read():
            weight = analysis.report.final.weight
            return Seen(at=at, answers=action.id, observed=Observed(canary=weight))
        case Measure():
            samples = [Sample(value=value) for value in values]
            return Measured(at=at, answers=action.id, samples=samples)
        case AskReady():
            return Reported(at=at, answers=action.id, readiness=Readiness.READY)
        case _:
            return Done(at=at, answers=action.id)


def measured(analysis: CanaryAnalysis, *samples: Sample) -> Measured:
    """The answer to a standing `Measure`."""
    return Measured(at=latest(analysis), answers=standing(analysis).id, samples=samples)


def refused(analysis: CanaryAnalysis, kind: ErrorKind, *, message: str = "no") -> Failed:
    """The standing order was not carried out."""
    error = ActionError(kind=kind, message=message)
    return Failed(at=latest(analysis), answers=standing(analysis).id, error=error)


def standing(analysis: CanaryAnalysis) -> Action:
    """The standing order."""
    assert analysis.action is not None
    return analysis.action


def go(analysis: CanaryAnalysis, until: type[Action], *, times: int = 1) -> Action:
    """Let a healthy world answer until an order of a kind stands for the n-th time."""
    for _ in range(200):
        if isinstance(analysis.action, until):
            times -= 1
            if times == 0:
                return analysis.action
        analysis.receive(good(analysis))
    raise AssertionError(f"{until.__name__} never stands; {standing(analysis)} does")


def finish(analysis: CanaryAnalysis) -> CanaryAnalysis:
    """Let a healthy world answer until the run is over."""
    while not analysis.done:
        analysis.receive(good(analysis))
    return analysis
