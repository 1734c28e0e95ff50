"""What comes from outside: people's decisions, a target that moved, a driver that leaves.

Floor 3, pure. An interruption never answers an order; where it cannot be followed it is refused
with words in the record, and the standing order stays.
"""

from __future__ import annotations

from progressive._analysis import moves, promotion
from progressive._analysis.course import Course
from progressive._model.actions import Action, Wait, Why
from progressive._model.events import Command, Commanded, TargetMoved, Told, Woke
from progressive._model.report import Outcome, Phase, Reason

_ANALYSING = frozenset({Phase.STARTING, Phase.STEPPING, Phase.HOLDING, Phase.PAUSED})


def commanded(course: Course, event: Commanded) -> None:
    """A person decided, or a signal did (L17)."""
    match event.command:
        case Command.ABORT:
            _abort(course, event)
        case Command.HOLD:
            _hold(course, event)
        case Command.RESUME:
            _resume(course, event)
        case Command.PROMOTE:
            _promote(course, event)
        case Command.RETRY:
            _refuse(course, event, "a run that goes on is not started again")


def _signed(event: Commanded) -> str:
    by = f" by {event.by}" if event.by else ""
    return f"{event.command}{by}" + (f": {event.why}" if event.why else "")


def _refuse(course: Course, event: Commanded, why: str) -> None:
    course.note("refused", message=f"{_signed(event)} is refused: {why}")


def _abort(course: Course, event: Commanded) -> None:
    state = course.state
    if state.phase in _ANALYSING:
        course.go_home(Outcome.ABORTED, Reason.ABORTED, _signed(event))
    elif state.phase is Phase.INITIALIZING and not state.pointed:
        message = f"{_signed(event)}; the target keeps its replicas, run it again to go on"
        course.finish(Outcome.ABORTED, Reason.ABORTED, message)
    elif state.phase is Phase.PROMOTING and event.signal:
        promotion.leave(course)
    elif state.phase is Phase.PROMOTING:
        _refuse(course, event, "the promotion is decided, and the primary is not undone")
    elif state.phase is Phase.INITIALIZING:
        _refuse(course, event, "the first deploy is nearly complete, and nothing is split")
    # going home already: nothing to add


def aborted_late(course: Course, event: Commanded) -> None:
    """The run is over and left a split behind: send it home now."""
    state = course.state
    state.outcome, state.reason, state.message, state.ended = None, None, "", None
    course.go_home(Outcome.ABORTED, Reason.ABORTED, _signed(event))


def _hold(course: Course, event: Commanded) -> None:
    state = course.state
    if state.phase is Phase.PAUSED or state.pause_due:
        return
    if state.phase not in _ANALYSING:
        _refuse(course, event, f"the run is {state.phase}")
        return
    course.note("held", weight=state.weight, message=_signed(event))
    course.tell("held", message=_signed(event))
    if _in_the_middle(state.action, state.again):
        state.pause_due = True
    else:
        moves.pause(course)


def _in_the_middle(action: Action | None, again: Action | None) -> bool:
    """Whether an order that changes the world stands, or will be repeated."""
    return any(one is not None and one.acts for one in (action, again))


def _resume(course: Course, event: Commanded) -> None:
    state = course.state
    if state.pause_due:
        state.pause_due = False
    elif state.phase is Phase.PAUSED:
        _unpause(course)
        if state.step < 0:
            state.phase = Phase.STARTING
            moves.scale_up(course)
        else:
            moves.hold(course)
    else:
        return
    course.note("resumed", weight=state.weight, message=_signed(event))
    course.tell("resumed", message=_signed(event))


def _unpause(course: Course) -> None:
    state = course.state
    assert state.paused_at is not None
    state.paused_for += course.at - state.paused_at
    state.paused_at = None


def _promote(course: Course, event: Commanded) -> None:
    state = course.state
    if state.phase not in _ANALYSING:
        _refuse(course, event, f"the run is {state.phase}")
        return
    course.note("promote", weight=state.weight, message=_signed(event))
    if state.phase is Phase.PAUSED:
        _unpause(course)
        state.phase = Phase.HOLDING if state.step >= 0 else Phase.STARTING
    elif state.pause_due:
        state.pause_due = False
    if state.phase is Phase.HOLDING:
        promotion.decide(course)
        return
    state.promote_due = True
    if isinstance(state.action, Wait) and state.action.why is Why.PAUSED:
        moves.scale_up(course)


def held_too_long(course: Course, event: Woke) -> None:
    """A hold ends: nobody decided, so the split stays and the exit code says so (L17)."""
    left(course, "nobody went on with it in time")


def left(course: Course, message: str) -> None:
    """Nobody drives a run on hold any more."""
    if course.state.phase is Phase.PAUSED:
        weight = course.state.weight
        words = f"left on hold at weight {weight}: {message}"
        course.finish(Outcome.INCONCLUSIVE, None, words)


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
