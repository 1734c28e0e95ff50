"""Moves that the rules of several phases share: ask a side, step, hold, pause.

Floor 3, pure. Knows `course.py` alone.
"""

from __future__ import annotations

from datetime import timedelta

from progressive._analysis.course import Course
from progressive._model.actions import AskReady, Scale, Why
from progressive._model.events import Readiness, Reported, Woke
from progressive._model.record import Outcome, Phase, Reason
from progressive._model.traffic import Side


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


def next_weight(course: Course) -> None:
    """Order the next weight of the plan."""
    course.state.step += 1
    course.state.accepted = None
    this_weight(course)


def this_weight(course: Course) -> None:
    """Order the weight of the present step, anew after the canary was lost."""
    course.state.recovering = False
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
