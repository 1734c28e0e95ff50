"""The way home (L12), and what a failed order means in each phase.

Floor 3, pure. Rules for the phase `RETURNING`, and for `Failed` everywhere.
"""

from __future__ import annotations

from datetime import timedelta

from progressive._analysis import moves, promotion, rounds
from progressive._analysis.course import Course
from progressive._model.actions import (
    Action,
    AskReady,
    Measure,
    Promote,
    Read,
    Reset,
    Scale,
    Shift,
    Why,
)
from progressive._model.events import ActionError, Done, Failed, Seen, Shifted, Woke
from progressive._model.plan import DriftPolicy
from progressive._model.record import Outcome, Phase, Reason
from progressive._model.traffic import Observed
from progressive.errors import ErrorKind

_TRANSIENT = frozenset({ErrorKind.CONFLICT, ErrorKind.UNAVAILABLE})


def home(course: Course, event: Shifted) -> None:
    """All traffic is on the primary: now the rest."""
    state = course.state
    course.observed(event.observed)
    keep = state.due_reason is Reason.NEW_REVISION  # the next run needs it (L13)
    if state.situation is None or not state.scaled or keep or state.due is Outcome.UNCHANGED:
        course.finish_due()
    elif state.exposed and state.settle > timedelta(0):
        course.wait(Why.SETTLE, course.at + state.settle)
    else:
        course.scale_down()


def settled(course: Course, event: Woke) -> None:
    """The data plane follows: look once more before the canary loses its pods (L24)."""
    course.order(Read(), within=course.plan.deadlines.route)


def seen(course: Course, event: Seen) -> None:
    """The split was read: ours, or another writer's, who has given the canary traffic (L14)."""
    if course.as_ordered(event.observed, 0):
        course.scale_down()
        return
    message = moves.tell_drift(course, event.observed, 0)
    if moves.may_put_home(course):
        course.order(Reset(), within=course.plan.deadlines.route)
    else:
        words = f"{message}, again and again on the way home; the canary keeps running"
        course.finish(Outcome.STUCK, Reason.DRIFT, words)


def emptied(course: Course, event: Done) -> None:
    """The canary is at zero: the run is over."""
    course.state.scaled = False
    course.finish_due()


# failures


def failed(course: Course, event: Failed) -> None:
    """An order was not carried out: again, or what its phase makes of it."""
    action, error = course.state.action, event.error
    assert action is not None
    if error.kind is ErrorKind.LOST:
        lost(course, error.message)
        return
    if isinstance(action, Measure):
        rounds.measured(course, rounds.silent(course, error.message))
        return
    if _again(course, action, error):
        course.repeat(action, error)
        return
    _given_up(course, action, error)


def _again(course: Course, action: Action, error: ActionError) -> bool:
    # one asking lasts an interval, a side has until its own deadline
    asked = isinstance(action, AskReady)
    limit = course.state.deadline if asked else action.until
    if limit is not None and course.at >= limit:
        return False
    if isinstance(action, Reset):
        return True  # the way home is tried until its deadline, whatever the answer (L12)
    if error.kind is ErrorKind.NOT_READY and isinstance(action, Shift):
        # endpoints follow readiness after a moment; with traffic on the canary nobody waits
        if course.state.phase is Phase.STEPPING and course.state.weight == 0:
            ready_by = course.state.deadline
            return ready_by is None or course.at < ready_by
        return course.state.phase is not Phase.STEPPING
    if error.kind is ErrorKind.DRIFT:
        return course.state.phase is not Phase.STEPPING  # there it is counted (L14)
    return error.kind in _TRANSIENT


def _given_up(course: Course, action: Action, error: ActionError) -> None:
    message = error.message or str(error.kind)
    match course.state.phase:
        case Phase.INITIALIZING:
            _no_first_deploy(course, error, message)
        case Phase.STARTING:
            if isinstance(action, Shift):
                course.go_home(Outcome.ROLLED_BACK, Reason.ROUTER_ERROR, message)
            else:
                moves.canary_lost(course, message)
        case Phase.STEPPING | Phase.HOLDING:
            _no_step(course, action, error, message)
        case Phase.PROMOTING:
            _no_promotion(course, action, error, message)
        case Phase.RETURNING:
            _no_way_home(course, action, message)
        case Phase.PENDING | Phase.PAUSED | Phase.FINISHED:
            raise AssertionError(f"{type(action).__name__} cannot stand in {course.state.phase}")


def _no_first_deploy(course: Course, error: ActionError, message: str) -> None:
    words = f"the first deploy could not be completed: {message}; run it again to go on"
    outcome = Outcome.TIMED_OUT if error.kind in _TRANSIENT else Outcome.ROLLED_BACK
    reason = Reason.ROUTER_ERROR if course.state.pointed else Reason.PRIMARY_NOT_READY
    course.finish(outcome, reason, words)


def _no_step(course: Course, action: Action, error: ActionError, message: str) -> None:
    if isinstance(action, AskReady) or error.kind is ErrorKind.NOT_READY:
        moves.canary_lost(course, message)
    elif error.kind is ErrorKind.DRIFT and _put_right(course):
        # the answer to our write shows another split: somebody corrects what we write
        course.state.reasserts += 1
        course.note("drift", message=message)
        course.tell("drift", message=message)
        course.repeat(action, error)
    else:
        reason = Reason.DRIFT if error.kind is ErrorKind.DRIFT else Reason.ROUTER_ERROR
        course.go_home(Outcome.ROLLED_BACK, reason, message)


def _put_right(course: Course) -> bool:
    if course.plan.drift is DriftPolicy.ABORT:
        return False
    return course.state.reasserts + 1 < moves.REASSERTS


def _no_promotion(course: Course, action: Action, error: ActionError, message: str) -> None:
    state = course.state
    if isinstance(action, Read):
        promotion.go_on(course)  # it stands as it was written and read back
    elif isinstance(action, Scale):
        promotion.end(course, f"; the canary could not be scaled down: {message}")
    elif state.due is not None:  # even the canary could not be given all traffic
        state.due_message = f"{state.due_message}; {message}"
        course.finish_due()
    elif state.situation is None or (isinstance(action, Promote) and error.unsaved):
        # a decision that was never saved binds nobody (L26)
        state.promoting = None
        course.go_home(Outcome.ROLLED_BACK, Reason.ROUTER_ERROR, message)
    elif isinstance(action, Promote | AskReady) or error.kind is ErrorKind.NOT_READY:
        promotion.failed(course, message)
    else:
        words = f"the traffic could not be returned to the primary: {message}; run it again"
        course.finish(Outcome.STUCK, Reason.ROUTER_ERROR, words)


def _no_way_home(course: Course, action: Action, message: str) -> None:
    state = course.state
    if isinstance(action, Reset):
        words = f"the traffic could not be sent home: {message}"
        state.home = False
        course.finish(Outcome.STUCK, Reason.ROUTER_ERROR, words)
    elif isinstance(action, Read):
        course.scale_down()  # it stands as it was written and read back
    else:
        state.due_message += f"; the canary could not be scaled down: {message}"
        course.finish_due()


def lost(course: Course, message: str) -> None:
    """Another driver owns the target: stop without touching traffic (L18)."""
    words = f"another driver has taken over: {message or 'the Lease is lost'}"
    course.finish(Outcome.BUSY, Reason.LEASE_LOST, words)


def differs(course: Course, observed: Observed, message: str) -> None:
    """A write is stored, and another split is there when it is read back."""
    state = course.state
    state.weight = course.in_total(observed)
    state.exposed = state.exposed or state.weight > 0
    state.home = False
    by = f" (written by {observed.writer})" if observed.writer else ""
    error = ActionError(kind=ErrorKind.DRIFT, message=message + by)
    assert state.action is not None
    failed(course, Failed(at=course.at, answers=state.action.id, error=error))
