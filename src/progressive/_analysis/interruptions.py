"""What comes from outside: people's decisions, a target that moved, a driver that leaves.

Floor 3, pure. An interruption never answers an order; where it cannot be followed it is refused
with words in the record, and the standing order stays.
"""

from __future__ import annotations

from progressive._analysis import moves, promotion
from progressive._analysis.course import DRIVERS_KEPT, Course
from progressive._model.actions import Action, Read, Wait, Why
from progressive._model.events import (
    CanaryLost,
    Command,
    Commanded,
    TargetMoved,
    Told,
    TookOver,
    Woke,
)
from progressive._model.record import REFUSED, Outcome, Phase, Reason

_ANALYSING = frozenset({Phase.STARTING, Phase.STEPPING, Phase.HOLDING, Phase.PAUSED})


def commanded(course: Course, event: Commanded) -> None:
    """A person decided, or a signal did (L17); each entry of an inbox is worked in once."""
    if event.id and any(one.id == event.id for one in course.state.decisions):
        return
    match event.command:
        case Command.ABORT:
            answer = _abort(course, event)
        case Command.HOLD:
            answer = _hold(course, event)
        case Command.RESUME:
            answer = _resume(course, event)
        case Command.PROMOTE:
            answer = _promote(course, event)
        case Command.APPROVE:
            answer = _refuse(course, event, "no gate waits for a decision")
        case Command.RETRY:
            answer = _refuse(course, event, "a run that goes on is not started again")
    course.heard(event, answer)


def _signed(event: Commanded) -> str:
    by = f" by {event.by}" if event.by else ""
    return f"{event.command}{by}" + (f": {event.why}" if event.why else "")


def _refuse(course: Course, event: Commanded, why: str) -> str:
    course.note("refused", message=f"{_signed(event)} is refused: {why}")
    return f"{REFUSED}{why}"


def _abort(course: Course, event: Commanded) -> str:
    state = course.state
    if state.phase in _ANALYSING:
        course.go_home(Outcome.ABORTED, Reason.ABORTED, _signed(event))
    elif state.phase is Phase.INITIALIZING and not state.pointed:
        message = f"{_signed(event)}; the target keeps its replicas, run it again to go on"
        course.finish(Outcome.ABORTED, Reason.ABORTED, message)
        return "the first deploy ends, and the target keeps its replicas"
    elif state.phase is Phase.PROMOTING and event.signal:
        promotion.leave(course)
        return "the promotion is decided: it is left where users are served"
    elif state.phase is Phase.PROMOTING:
        return _refuse(course, event, "the promotion is decided, and the primary is not undone")
    elif state.phase is Phase.INITIALIZING:
        why = "the first deploy is nearly complete, and nothing is split"
        return _refuse(course, event, why)
    return "the traffic goes home"


def aborted_late(course: Course, event: Commanded) -> None:
    """The run is over and left a split behind: send it home now."""
    state = course.state
    state.outcome, state.reason, state.message, state.ended = None, None, "", None
    course.go_home(Outcome.ABORTED, Reason.ABORTED, _signed(event))
    course.heard(event, "the traffic goes home")


def retried(course: Course, event: Commanded) -> None:
    """The run is over, and a person wants its revision tried once more: a run of its own."""
    course.heard(event, "tried again, with a fresh budget and fresh deadlines")


def _hold(course: Course, event: Commanded) -> str:
    state = course.state
    if state.phase is Phase.PAUSED or state.pause_due:
        if event.signal:
            _leave_on_hold(course, event)
        return f"on hold already, at weight {state.weight}"
    if state.phase not in _ANALYSING:
        # a process that is being ended leaves as an abort would leave it
        return _abort(course, event) if event.signal else _not_now(course, event)
    course.note("held", weight=state.weight, message=_signed(event))
    course.tell("held", message=_signed(event))
    stepping = state.phase is Phase.STEPPING
    middle = stepping or _in_the_middle(state.action, state.again)
    if middle:
        state.pause_due = True
    else:
        moves.pause(course)
    if event.signal:
        _leave_on_hold(course, event)
    if stepping and not state.recovering:
        return f"held once weight {course.plan.weights[state.step]} is written"
    return f"held at weight {state.weight}"


def _leave_on_hold(course: Course, event: Commanded) -> None:
    """Nobody drives on: the run ends where it is held, once a standing order is carried out."""
    course.state.leaving = True
    left(course, _signed(event))


def _not_now(course: Course, event: Commanded) -> str:
    return _refuse(course, event, f"the run is {course.state.phase}")


def _in_the_middle(action: Action | None, again: Action | None) -> bool:
    """Whether an order that changes the world stands, or will be repeated."""
    return any(one is not None and one.acts for one in (action, again))


def _resume(course: Course, event: Commanded) -> str:
    state = course.state
    if state.pause_due:
        state.pause_due = False
    elif state.phase is Phase.PAUSED:
        _unpause(course)
        if state.recovering:
            moves.await_canary(course)
        elif state.step < 0:
            state.phase = Phase.STARTING
            moves.scale_up(course)
        else:
            moves.hold(course)
    else:
        return _refuse(course, event, "the run is not on hold")
    course.note("resumed", weight=state.weight, message=_signed(event))
    course.tell("resumed", message=_signed(event))
    return f"goes on at weight {state.weight}"


def _unpause(course: Course) -> None:
    state = course.state
    assert state.paused_at is not None
    state.paused_for += course.at - state.paused_at
    state.paused_at = None


def _promote(course: Course, event: Commanded) -> str:
    state = course.state
    if state.phase not in _ANALYSING:
        return _not_now(course, event)
    course.note("promote", weight=state.weight, message=_signed(event))
    if state.phase is Phase.PAUSED:
        _unpause(course)
        state.phase = Phase.HOLDING if state.step >= 0 else Phase.STARTING
    elif state.pause_due:
        state.pause_due = False
    if state.phase is Phase.HOLDING and not state.recovering:
        promotion.decide(course)
        return "the promotion begins"
    state.promote_due = True
    if isinstance(state.action, Wait) and state.action.why is Why.PAUSED:
        if state.recovering:
            moves.await_canary(course)
        else:
            moves.scale_up(course)
    return "the promotion begins once the canary is ready"


def canary_down(course: Course, event: CanaryLost) -> None:
    """The canary has no ready endpoint (L23): with weight on it, the split goes home at once."""
    state = course.state
    if state.situation is None or state.phase not in _ANALYSING or state.recovering:
        return
    if state.weight == 0 or state.step < 0:
        # a weight that is being written just now is taken back; before the first one there is
        # none of ours, and an orphaned split is on its way home
        state.lost = True
        return
    if state.phase is Phase.PAUSED:
        _unpause(course)
        state.pause_due = True
    moves.take_back(course, event.message)


def took_over(course: Course, event: TookOver) -> None:
    """Another driver goes on with the run."""
    course.state.epoch = max(course.state.epoch, event.epoch)
    if event.by and course.state.drivers[-1:] != (event.by,):
        course.state.drivers = (*course.state.drivers, event.by)[-DRIVERS_KEPT:]
    if course.state.phase is Phase.STEPPING:
        course.order(Read(), within=course.plan.deadlines.route)


def held_too_long(course: Course, event: Woke) -> None:
    """A hold ends: nobody decided, so the split stays and the exit code says so (L17)."""
    left(course, "nobody went on with it in time")


def left(course: Course, message: str) -> None:
    """Nobody drives a run on hold any more."""
    if course.state.phase is Phase.PAUSED:
        moves.left_on_hold(course, message)


def target_moved(course: Course, event: TargetMoved) -> None:
    """The target has another template (L13)."""
    state = course.state
    situation = state.situation
    if situation is None or state.phase not in _ANALYSING:
        return
    if event.revision == situation.revision:
        return
    if event.revision == situation.promoted:
        message = "the target is back at the promoted template"
        course.go_home(Outcome.SUPERSEDED, Reason.REVERTED, message)
    else:
        message = f"the target has a newer template, {event.revision}"
        course.go_home(Outcome.SUPERSEDED, Reason.NEW_REVISION, message)


def told(course: Course, event: Told) -> None:
    """A notification was delivered, or given up."""
    kept = {int(one.id.rsplit("/", 1)[1]) for one in course.state.notifications}
    sent = {*course.state.sent, event.number} & kept
    course.state.sent = tuple(sorted(sent))
