"""The state machine alone: events, saves, a whole simulated release, a release of 200 rounds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from benchmarks.figures import Figure, Spread
from progressive import (
    Action,
    Answer,
    AskReady,
    CanaryAnalysis,
    Done,
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
from progressive.testing import Scenario, simulate

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TARGET = Target(namespace="shop", service="web", primary="web-primary", canary="web-canary")
CHECKS = (MetricCheck.success_rate(at_least=99.0), MetricCheck.latency(at_most=500.0))
FIVE = Plan(weights=(10, 20, 30, 40, 50), interval=timedelta(seconds=10), checks=CHECKS)
GOOD = Scenario(metrics={"request-success-rate": 99.9, "request-duration": 20.0})


def measure(*, small: bool = False) -> list[Figure]:
    """All figures; `small`: each thing once."""
    times = 1 if small else 30
    events = len(_release(FIVE))
    plain = _timed(lambda: _release(FIVE), times)
    saved = _timed(lambda: _release(FIVE, saving=True), times)
    analysis = CanaryAnalysis(FIVE, TARGET)
    _release(FIVE, analysis=analysis)
    text = analysis.to_json()
    save = _timed(analysis.to_json, times)
    simulated = _timed(lambda: simulate(FIVE, TARGET, GOOD), times)
    return [
        Figure(
            what="events of a five-step release, without saves",
            measured=f"{1000 * events / plain.median:,.0f} a second; {events} events in {plain}",
            beside=f"with to_json and from_json after each: {saved.median / plain.median:.0f} "
            "times as long",
        ),
        Figure(
            what="one save of it (to_json)",
            measured=f"{1000 / save.median:,.0f} a second; {len(text.encode()):,} bytes",
        ),
        Figure(
            what="a five-step release simulated with runner, journal and world",
            measured=str(simulated),
            beside=f"the machine alone: {plain}",
            budget="< 5 ms",
        ),
        _long(small=small),
    ]


def _long(*, small: bool) -> Figure:
    """Two hundred rounds, as a release of a hundred steps with repetitions would have them."""
    count = 20 if small else 200
    plan = Plan(
        weights=tuple(range(1, 101)),
        interval=timedelta(seconds=10),
        threshold=count + 1,
        checks=CHECKS,
    )
    analysis = CanaryAnalysis(plan, TARGET)
    begun = time.perf_counter()
    largest, text = 0, ""
    for _ in _course(analysis, bad_first=True):
        text = analysis.to_json()
        largest = max(largest, len(text.encode()))
        if len(analysis.report.rounds) + analysis.report.trimmed.get("rounds", 0) >= count:
            break
    spent = (time.perf_counter() - begun) * 1000
    report = CanaryAnalysis.from_json(text).report
    kept, trimmed = len(report.rounds), report.trimmed.get("rounds", 0)
    return Figure(
        what=f"the largest journal of {kept + trimmed} rounds",
        measured=f"{largest / 1024:.1f} KiB; {spent:.0f} ms, saved after each event",
        beside=f"{kept} rounds are listed in the last one, {trimmed} only counted",
        budget="≤ 64 KiB",
    )


def _release(
    plan: Plan, *, saving: bool = False, analysis: CanaryAnalysis | None = None
) -> list[str]:
    """A whole promoted release; the names of its events."""
    analysis = analysis or CanaryAnalysis(plan, TARGET)
    names = []
    for name in _course(analysis):
        names.append(name)
        if saving:
            CanaryAnalysis.from_json(analysis.to_json())
    if not analysis.done:
        raise RuntimeError(f"it ended nowhere: {analysis.report}")
    return names


def _course(analysis: CanaryAnalysis, *, bad_first: bool = False) -> Iterator[str]:
    """Drive a machine to its end; `bad_first`: the first round of each weight fails."""
    analysis.receive(Started(at=NOW, run="r1", situation=Situation(revision="B", promoted="A")))
    yield "Started"
    at, measured = NOW, 0
    while not analysis.done:
        action = analysis.action
        assert action is not None
        at = max(at, action.until) if isinstance(action, Wait) and action.until else at
        measured += isinstance(action, Measure)
        answer = _answer(analysis, action, at, bad=bad_first and measured % 2 == 1)
        analysis.receive(answer)
        yield type(answer).__name__


def _answer(analysis: CanaryAnalysis, action: Action, at: datetime, *, bad: bool) -> Answer:
    match action:
        case Wait():
            return Woke(at=at, answers=action.id)
        case Shift():
            seen = Observed(canary=action.split.canary, total=action.split.total)
            return Shifted(at=at, answers=action.id, observed=seen)
        case Reset():
            return Shifted(at=at, answers=action.id, observed=Observed(canary=0))
        case Read():
            seen = Observed(canary=analysis.report.final.weight)
            return Seen(at=at, answers=action.id, observed=seen)
        case Measure():
            samples = [Sample(value=50.0 if bad else 99.9), Sample(value=20.0)]
            return Measured(at=at, answers=action.id, samples=samples)
        case AskReady():
            return Reported(at=at, answers=action.id, readiness=Readiness.READY)
        case _:
            return Done(at=at, answers=action.id)


def _timed(work: Callable[[], object], times: int) -> Spread:
    work()  # caches are warm in a process that lives
    spent = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        spent.append((time.perf_counter() - begun) * 1000)
    return Spread.of(spent, "ms")
