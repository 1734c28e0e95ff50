"""Moves that the rules of several phases share: ask a side, step, hold, pause.

Floor 3, pure. Knows `course.py` alone.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from progressive._analysis.course import Course
from progressive._model.actions import AskReady, Read, Scale, Why
from progressive._model.events import Readiness, Reported, Woke
from progressive._model.record import Outcome, Phase, Reason
from progressive._model.traffic import Observed, Side

FRESH = timedelta(seconds=5)
"""A split that was read this long ago is read again before a weight grows (L14). A canary that is
ready answers sooner, so a step that waits for nobody costs no request more."""

REASSERTS = 3
"""L14: so many drifts put right without a decided round between them are a fight."""


def scale_up(course: Course) -> None:
    """Order the canary's replicas."""
    course.state.phase = Phase.STARTING
    course.state.scaled = True  # from now on it may have: a driver can die before it hears of it
    course.order(Scale(up=True), within=course.plan.deadlines.canary_ready)


def canary_lost(course: Course, message: str) -> None:
    """The canary did not become ready in time."""
    words = f"the canary did not become ready: {message or 'no reason given'}"
    course.go_home(Outcome.ROLLED_BACK, Reason.CANARY_NOT_READY, words)


def hold(course: Course) -> None:
    """Keep the weight for an interval, then look."""
    course.state.phase = Phase.HOLDING
    course.wait(Why.HOLD, course.at + course.plan.interval)


def pause(course: Course) -> None:
    """Keep the split and stop the rounds."""
    state = course.state
    state.pause_due = False
    state.phase = Phase.PAUSED
    state.deadline = None
    state.paused_at = course.at
    course.wait(Why.PAUSED, course.at + course.plan.deadlines.on_hold)
    if state.leaving:
        left_on_hold(course, "its driver has gone")


def left_on_hold(course: Course, message: str) -> None:
    """Nobody drives a run on hold any more: it ends, and the split stays."""
    words = f"left on hold at weight {course.state.weight}: {message}"
    course.finish(Outcome.INCONCLUSIVE, None, words)


def tell_drift(course: Course, observed: Observed, wanted: int) -> str:
    """Another writer changed the split (L14): this is how it stands now, in words as well."""
    state, found = course.state, course.in_total(observed)
    state.weight = found
    state.exposed = state.exposed or found > 0
    by = f" by {observed.writer}" if observed.writer else ""
    message = f"the canary's weight is {found} instead of {wanted}, written{by or ' by another'}"
    course.note("drift", weight=found, message=message)
    course.tell("drift", message=message)
    return message


def may_put_home(course: Course) -> bool:
    """Somebody gave the canary traffic before its pods went; whether it is taken once more."""
    course.state.home = False
    course.state.reasserts += 1
    return course.state.reasserts < REASSERTS


def take_back(course: Course, message: str) -> None:
    """The canary cannot serve what it has: all traffic to the primary until it can (L23)."""
    state = course.state
    state.lost, state.recovering = False, True
    words = f"the canary has no ready endpoint, its weight is taken back: {message}"
    course.note("canary-lost", weight=state.weight, message=words)
    course.tell("canary-lost", message=words)
    course.shift(0, Phase.STEPPING)


def await_canary(course: Course) -> None:
    """Ask the canary until it may have (more) traffic, or its time is over."""
    course.state.phase = Phase.HOLDING
    await_side(course, Side.CANARY, course.plan.deadlines.canary_ready)


def next_weight(course: Course, *, looked: datetime | None = None) -> None:
    """Order the next weight of the plan; `looked`: as for `this_weight`."""
    course.state.step += 1
    course.state.accepted = None
    this_weight(course, looked=looked)


def this_weight(course: Course, *, looked: datetime | None = None) -> None:
    """
    Order the weight of the present step, anew after the canary was lost.

    Args:
        looked: Since when nobody has looked at the split; None: it was read just now.
    """
    course.state.recovering = False
    if looked is not None and course.at - looked > FRESH:
        course.state.phase = Phase.STEPPING
        course.order(Read(), within=course.plan.deadlines.route)
        return
    course.shift(course.plan.weights[course.state.step], Phase.STEPPING)


def await_side(course: Course, side: Side, within: timedelta) -> None:
    """Ask a side until it is ready or its time is over."""
    course.state.deadline = course.at + within
    ask_side(course, side)


def ask_side(course: Course, side: Side) -> None:
    """Ask once; the answer may take an interval."""
    deadline = course.state.deadline
    assert deadline is not None
    until = min(deadline, course.at + course.plan.interval)
    course.order(AskReady(side=side, until=course.before_the_end(until)))


def waits_on(course: Course, event: Reported) -> bool:
    """Whether a side that is not ready may still become it; then it is asked again (L15)."""
    deadline, action = course.state.deadline, course.state.action
    assert deadline is not None and isinstance(action, AskReady)
    if event.readiness is Readiness.STUCK or course.at >= deadline:
        return False
    course.words = event.message
    until = action.until or course.at
    if course.at < until:
        course.state.attempts = 0
        course.wait(Why.READINESS, until)
        course.state.again = AskReady(side=action.side)
    else:
        ask_side(course, action.side)
    return True


def retry(course: Course, event: Woke) -> None:
    """The pause after a failure is over: the order stands again, an asking for its full time."""
    again, attempts = course.state.again, course.state.attempts
    if isinstance(again, AskReady):
        ask_side(course, again.side)
        course.state.attempts = attempts
    else:
        course.again()


def ask_again(course: Course, event: Woke) -> None:
    """An interval has passed: the same side is asked again."""
    asked = course.state.again
    assert isinstance(asked, AskReady)
    ask_side(course, asked.side)
