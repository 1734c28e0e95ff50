"""Steps and rounds: write a weight, hold it, look, measure, judge (L4 to L7, L14).

Floor 3, pure. Rules for the phases `STEPPING` and `HOLDING`.
"""

from __future__ import annotations

from progressive._analysis.course import Course
from progressive._analysis.moves import (
    REASSERTS,
    await_canary,
    canary_lost,
    hold,
    next_weight,
    pause,
    take_back,
    tell_drift,
    this_weight,
    waits_on,
)
from progressive._analysis.promotion import decide
from progressive._model.actions import Measure, Read, Why
from progressive._model.checks import Cause, NoData, Sample, Verdict, VerdictKind
from progressive._model.events import Measured, Readiness, Reported, Seen, Shifted, Woke
from progressive._model.plan import DriftPolicy
from progressive._model.record import Outcome, Phase, Reason, Round
from progressive._model.traffic import Observed


def shifted(course: Course, event: Shifted | Seen) -> None:
    """A weight is in place: hold it."""
    state = course.state
    course.observed(event.observed)
    state.since = course.at
    state.deadline = None
    state.phase = Phase.HOLDING
    if state.recovering:
        await_canary(course)
        return
    course.note("step", weight=state.weight)
    if state.lost:
        take_back(course, "it was lost while the weight was written")
    elif state.pause_due:
        pause(course)
    elif state.promote_due:
        decide(course)
    else:
        hold(course)


def found(course: Course, event: Seen) -> None:
    """
    Somebody looked before a weight is written: it may stand there already.

    So does a driver that took over, and one whose canary took its time. What is neither the weight
    that is ordered nor the one before it is another writer's, who came between the write and the
    crash or while the canary was awaited, and must not be written over unseen (L14).
    """
    state, weights = course.state, course.plan.weights
    wanted = weights[state.step]
    before = weights[state.step - 1] if state.step > 0 else 0
    if state.recovering:
        course.shift(0, Phase.STEPPING)
    elif course.as_ordered(event.observed, wanted) and event.observed.mirror is None:
        shifted(course, event)
    elif course.in_total(event.observed) == state.weight or course.as_ordered(
        event.observed, before
    ):
        course.shift(wanted, Phase.STEPPING)
    else:
        state.phase = Phase.HOLDING
        drifted(course, event.observed)


def held(course: Course, event: Woke) -> None:
    """The hold is over: read the split before judging anything."""
    course.order(Read(), within=course.plan.deadlines.route)


def seen(course: Course, event: Seen) -> None:
    """The split was read: ours, or another writer's."""
    if course.as_ordered(event.observed, expected(course)):
        course.state.weight = course.in_total(event.observed)
        measure(course)
    else:
        drifted(course, event.observed)


def expected(course: Course) -> int:
    """The weight that the route must show."""
    state = course.state
    return course.plan.weights[state.step] if state.accepted is None else state.accepted


def drifted(course: Course, observed: Observed) -> None:
    """Another writer changed the split (L14)."""
    state, plan = course.state, course.plan
    message = tell_drift(course, observed, expected(course))
    if plan.drift is DriftPolicy.ACCEPT:
        state.accepted = state.weight
        state.since = course.at
        hold(course)
        return
    state.reasserts += 1
    if plan.drift is DriftPolicy.ABORT or state.reasserts >= REASSERTS:
        course.go_home(Outcome.ROLLED_BACK, Reason.DRIFT, message)
        return
    state.accepted = None
    course.shift(plan.weights[state.step], Phase.STEPPING)


def measure(course: Course) -> None:
    """Ask all checks."""
    since = course.state.since or course.at
    until = course.at + course.plan.interval
    course.order(Measure(since=since, round=course.state.round, until=until))


def scraped(course: Course, event: Woke) -> None:
    """One more scrape has passed: the same round is measured again."""
    measure(course)


def measured(course: Course, event: Measured) -> None:
    """The samples are there: judge."""
    state, plan = course.state, course.plan
    more = [sample.again for sample in event.samples if sample.again is not None]
    if more and not state.scrape_awaited:
        state.scrape_awaited = True
        course.wait(Why.SCRAPE, course.at + min(max(more), plan.interval))
        return
    verdicts = tuple(
        check.judge(sample) for check, sample in zip(plan.checks, event.samples, strict=True)
    )
    kind = combined(course, verdicts)
    course.decided(Round(at=course.at, weight=state.weight, verdict=kind, checks=verdicts))
    course.words = words_of(kind, verdicts, state.weight)
    match kind:
        case VerdictKind.PASS:
            _passed(course)
        case VerdictKind.FAIL:
            _failed(course, verdicts)
        case VerdictKind.NO_DATA | VerdictKind.INCONCLUSIVE:
            _undecided(course, verdicts)


def silent(course: Course, message: str) -> Measured:
    """The answer of a driver that could not ask at all: every check is without data."""
    assert course.state.action is not None
    sample = Sample(cause=Cause.UNREACHABLE, detail=message)
    samples = [sample for _ in course.plan.checks]
    return Measured(at=course.at, answers=course.state.action.id, samples=samples)


def combined(course: Course, verdicts: tuple[Verdict, ...]) -> VerdictKind:
    """The verdict of a round (L5): a failure beats silence, silence beats a pass."""
    kinds = set()
    for check, verdict in zip(course.plan.checks, verdicts, strict=True):
        kind = verdict.kind
        if kind is VerdictKind.NO_DATA and check.no_data is not NoData.HOLD:
            kind = VerdictKind.FAIL if check.no_data is NoData.FAIL else VerdictKind.PASS
        kinds.add(kind)
    order = (VerdictKind.FAIL, VerdictKind.NO_DATA, VerdictKind.INCONCLUSIVE)
    return next((kind for kind in order if kind in kinds), VerdictKind.PASS)


def words_of(kind: VerdictKind, verdicts: tuple[Verdict, ...], weight: int) -> str:
    """A round in words: what decided it, or everything that passed."""
    telling = [v for v in verdicts if v.kind is not VerdictKind.PASS] or list(verdicts)
    said = "; ".join(verdict.explanation for verdict in telling) or "no checks"
    return f"round at weight {weight}: {kind} ({said})"


def _passed(course: Course) -> None:
    state = course.state
    state.undecided = state.reasserts = 0
    if state.step + 1 >= len(course.plan.weights):
        decide(course)
    elif state.situation is None:
        next_weight(course)
    else:
        await_canary(course)


def _failed(course: Course, verdicts: tuple[Verdict, ...]) -> None:
    state, plan = course.state, course.plan
    state.undecided = state.reasserts = 0
    state.failures += 1
    if state.failures >= plan.threshold:
        said = "; ".join(
            verdict.explanation
            for check, verdict in zip(plan.checks, verdicts, strict=True)
            if verdict.kind is VerdictKind.FAIL
            or (verdict.kind is VerdictKind.NO_DATA and check.no_data is NoData.FAIL)
        )
        message = f"{said} at weight {state.weight} (failure {state.failures} of {plan.threshold})"
        course.go_home(Outcome.ROLLED_BACK, Reason.CHECK_FAILED, message)
    else:
        hold(course)


def _undecided(course: Course, verdicts: tuple[Verdict, ...]) -> None:
    state, limit = course.state, course.plan.deadlines.undecided_rounds
    state.undecided += 1
    if state.undecided >= limit:
        said = "; ".join(v.explanation for v in verdicts if v.kind is not VerdictKind.PASS)
        message = f"{said}: nothing was decided in {limit} rounds in a row"
        course.go_home(Outcome.INCONCLUSIVE, Reason.NO_DATA, message)
    else:
        hold(course)


def canary_before_next(course: Course, event: Reported) -> None:
    """The canary answered whether it may have more traffic."""
    state = course.state
    if event.readiness is Readiness.READY:
        state.lost = False
        asked = state.deadline and state.deadline - course.plan.deadlines.canary_ready
        if state.promote_due:
            decide(course)
        elif state.recovering:
            this_weight(course, looked=asked)
        else:
            next_weight(course, looked=asked)
    elif not waits_on(course, event):
        canary_lost(course, event.message)
