"""The beginning of a run: what is there, the first deploy (L2), and the start (L3).

Floor 3, pure. Rules for the phases `PENDING`, `INITIALIZING` and `STARTING`.
"""

from __future__ import annotations

from datetime import timedelta

from progressive._analysis.course import Course
from progressive._analysis.moves import (
    await_side,
    canary_lost,
    next_weight,
    pause,
    scale_up,
    waits_on,
)
from progressive._analysis.promotion import decide
from progressive._model.actions import Mark, Point, Prepare, Promote, Why
from progressive._model.events import Done, Readiness, Reported, Shifted, Started, Woke
from progressive._model.record import Outcome, Phase, Reason
from progressive._model.traffic import Side


def started(course: Course, event: Started) -> None:
    """The first event: decide what kind of run this is."""
    state, plan = course.state, course.plan
    state.run = event.run or f"{event.at:%Y%m%dT%H%M%S}"
    state.started = event.at
    state.situation = event.situation
    state.settle = event.settle
    state.drivers = (event.by,) if event.by else ()
    state.epoch = event.epoch
    if event.split is not None:
        state.weight = course.in_total(event.split)
        state.exposed = state.weight > 0
        state.home = state.weight == 0
    if event.situation is not None:
        state.primary_revision = event.situation.promoted
    if plan.suspended:
        course.finish(Outcome.UNCHANGED, None, "the release is suspended: nothing moves")
    elif event.situation is None:
        _two_workloads(course)
    elif event.situation.stuck:
        _repair(course)
    elif event.situation.promoted is None:
        _first_deploy(course)
    elif event.situation.promoted == event.situation.revision:
        _unchanged(course)
    else:
        _begin(course)


def _two_workloads(course: Course) -> None:
    state = course.state
    state.scaled = True  # somebody else's replicas
    if state.weight == course.plan.total:
        course.finish(
            Outcome.REJECTED,
            None,
            f"{course.target.canary} has all the traffic already: name the sides the other way "
            "round, or send the traffic home first",
        )
        state.home = True
        return
    course.tell("started", message=f"{course.target}: release started")
    if state.weight > 0:
        _orphan(course)
    next_weight(course)


def _repair(course: Course) -> None:
    state = course.state
    assert state.situation is not None
    state.phase, state.repairing = Phase.PROMOTING, True
    state.passed = state.scaled = True
    revision = state.situation.analysed or state.situation.revision
    course.tell("started", message=f"{course.target}: repairing the primary first")
    course.note("repair", message=f"the primary gets {revision}, which was analysed before")
    state.promoting = revision
    course.order(Promote(revision=revision), within=course.plan.deadlines.primary_ready)


def _first_deploy(course: Course) -> None:
    state = course.state
    state.phase, state.scaled = Phase.INITIALIZING, True
    course.tell("started", message=f"{course.target}: first deploy")
    course.order(Prepare(), within=course.plan.deadlines.route)


def _unchanged(course: Course) -> None:
    if course.state.weight == 0:
        course.finish(Outcome.UNCHANGED, None, "the target has the promoted template already")
        return
    _orphan(course)
    course.go_home(
        Outcome.UNCHANGED,
        None,
        "the target has the promoted template already; a split that no run owned was sent home",
    )


def _begin(course: Course) -> None:
    state = course.state
    assert state.situation is not None
    state.phase = Phase.STARTING
    course.tell("started", message=f"{course.target}: new revision {state.situation.revision}")
    if state.weight > 0:
        _orphan(course)
        # pods of a template that nobody analysed must not keep traffic while they roll
        course.shift(0, Phase.STARTING)
        return
    scale_up(course)


def _orphan(course: Course) -> None:
    message = f"the route showed {course.state.weight} for the canary, and no run owned that"
    course.note("orphan-split", weight=course.state.weight, message=message)


def cleared(course: Course, event: Shifted) -> None:
    """An orphaned split is home: now the canary may roll."""
    course.observed(event.observed)
    scale_up(course)


# the first deploy


def prepared(course: Course, event: Done) -> None:
    """The primary is made: await it."""
    await_side(course, Side.PRIMARY, course.plan.deadlines.primary_ready)


def first_primary(course: Course, event: Reported) -> None:
    """The new primary answered whether it is ready."""
    if event.readiness is Readiness.READY:
        course.order(Point(), within=course.plan.deadlines.route)
    elif not waits_on(course, event):
        message = f"the new primary did not become ready: {event.message or 'no reason given'}"
        course.finish(Outcome.TIMED_OUT, Reason.PRIMARY_NOT_READY, message)


def pointed(course: Course, event: Done) -> None:
    """Services and route are at the primary: write the split."""
    course.state.pointed = True
    course.shift(0, Phase.INITIALIZING)


def first_split(course: Course, event: Shifted) -> None:
    """All traffic is on the primary: once that has settled, the target may go."""
    course.observed(event.observed, listed=True)
    if course.state.settle > timedelta(0):
        course.wait(Why.SETTLE, course.at + course.state.settle)
    else:
        course.scale_down()


def first_settled(course: Course, event: Woke) -> None:
    """The data plane follows: the target goes to zero."""
    course.scale_down()


def emptied(course: Course, event: Done) -> None:
    """The target is at zero: the mark comes last of all."""
    course.state.scaled = False
    course.order(Mark(), within=course.plan.deadlines.route)


def marked(course: Course, event: Done) -> None:
    """The first deploy is complete."""
    state = course.state
    assert state.situation is not None
    state.primary_revision = state.situation.revision
    course.finish(Outcome.INITIALIZED, None, "the primary is made, ready, and has all the traffic")


# the start


def scaled_up(course: Course, event: Done) -> None:
    """The canary has replicas: await it."""
    if course.state.pause_due:
        pause(course)
    else:
        await_side(course, Side.CANARY, course.plan.deadlines.canary_ready)


def canary_before_first(course: Course, event: Reported) -> None:
    """The canary answered whether it may have its first traffic."""
    if event.readiness is Readiness.READY:
        course.state.lost = False
        if course.plan.skip_analysis or course.state.promote_due:
            decide(course)
        else:
            next_weight(course, looked=course.state.started)
    elif not waits_on(course, event):
        canary_lost(course, event.message)
