"""The end of a release that passed: the primary takes over (L10, L11, L20, L26).

Floor 3, pure. Rules for the phase `PROMOTING`. Once the decision is saved nothing undoes the
primary; a primary that does not become ready leaves the traffic on the canary, which passed.
"""

from __future__ import annotations

from datetime import timedelta

from progressive._analysis.course import Course
from progressive._analysis.moves import (
    ask_side,
    await_side,
    may_put_home,
    scale_up,
    tell_drift,
    waits_on,
)
from progressive._model.actions import AskReady, Promote, Read, Why
from progressive._model.events import Done, Readiness, Reported, Seen, Shifted, Woke
from progressive._model.record import Outcome, Phase, Reason
from progressive._model.traffic import Side


def decide(course: Course) -> None:
    """The promotion decision: the point of no return."""
    state, plan = course.state, course.plan
    state.phase = Phase.PROMOTING
    state.pause_due = state.promote_due = state.lost = state.recovering = False
    state.reasserts = state.undecided = 0
    state.accepted = None
    state.passed = state.step >= 0
    course.note("promotion", weight=state.weight, message="the analysis passed: promotion")
    if state.situation is not None:
        state.promoting = state.situation.revision
        course.order(Promote(revision=state.promoting), within=plan.deadlines.primary_ready)
    elif state.weight == plan.total:
        _two_workloads_done(course)
    else:
        course.shift(plan.total, Phase.PROMOTING)


def _two_workloads_done(course: Course) -> None:
    course.state.home = True
    message = f"{course.target.canary} has all the traffic and keeps it"
    course.finish(Outcome.PROMOTED, None, message)


def copied(course: Course, event: Done) -> None:
    """The primary has the analysed template: await it."""
    state = course.state
    state.primary_revision = state.promoting
    within = timedelta(0) if state.leaving else course.plan.deadlines.primary_ready
    await_side(course, Side.PRIMARY, within)


def primary_answered(course: Course, event: Reported) -> None:
    """The promoted primary answered whether it is ready."""
    state = course.state
    if event.readiness is Readiness.READY:
        if state.leaving:
            course.shift(0, Phase.PROMOTING)
        else:
            course.shift(_return_weights(course)[0], Phase.PROMOTING)
    elif state.leaving:
        message = (
            "ended in the middle of a promotion: the primary is not ready, the split stays and "
            "the canary keeps running; run it again to finish"
        )
        course.finish(Outcome.STUCK, Reason.ABORTED, message)
    elif not waits_on(course, event):
        failed(course, event.message)


def failed(course: Course, message: str) -> None:
    """The primary did not become ready: all traffic to the canary, if it passed (L11)."""
    state = course.state
    words = (
        f"the primary did not become ready: {message or 'no reason given'}; "
        "the canary keeps running, and the next run repairs the primary first"
    )
    state.due, state.due_reason, state.due_message = (
        Outcome.STUCK,
        Reason.PRIMARY_NOT_READY,
        words,
    )
    if state.passed:
        course.note("promotion-failed", weight=course.plan.total, message=words)
        course.shift(course.plan.total, Phase.PROMOTING)
    else:
        course.finish_due()


def _return_weights(course: Course) -> tuple[int, ...]:
    # what is on the canary now counts: a repair starts at the total, a promote anywhere
    step = course.plan.promotion_step or course.plan.total
    return (*range(course.state.weight - step, 0, -step), 0)


def returned(course: Course, event: Shifted) -> None:
    """A weight of the return is in place, or the total of a promotion without a workload."""
    state = course.state
    before = state.weight
    course.observed(event.observed)
    if state.due is not None:  # all traffic is on the canary, for the primary is broken
        course.finish_due()
    elif state.situation is None:
        _two_workloads_done(course)
    elif state.weight > 0:
        course.note("return", weight=state.weight)
        if state.leaving:
            course.shift(0, Phase.PROMOTING)
            return
        course.wait(Why.RETURN, course.at + course.plan.interval)
    else:
        course.note("return", weight=0)
        _drain(course, had_traffic=before > 0 or state.exposed)


def _drain(course: Course, *, had_traffic: bool) -> None:
    state = course.state
    if state.leaving:
        # a signal leaves no time to drain; pods still go only once the split has settled
        wait = state.settle
    elif had_traffic:
        wait = max(course.plan.drain_time, state.settle)
    else:
        wait = timedelta(0)
    if wait > timedelta(0):
        course.wait(Why.DRAIN, course.at + wait)
    else:
        _let_go(course)


def waited(course: Course, event: Woke) -> None:
    """An interval or the drain is over: look before traffic returns further, or pods go."""
    course.order(Read(), within=course.plan.deadlines.route)


def seen(course: Course, event: Seen) -> None:
    """The split was read: ours, or another writer's, who may have split what was home (L14)."""
    state = course.state
    if not course.as_ordered(event.observed, state.weight):
        before = state.weight
        message = tell_drift(course, event.observed, before)
        if state.home:
            _put_home(course, message)
            return
        # what somebody took from the canary is not given to it once more
        state.weight = min(before, state.weight)
    go_on(course)


def _put_home(course: Course, message: str) -> None:
    """Somebody gave the canary traffic while it drained: it keeps its pods until that is gone."""
    if may_put_home(course):
        course.shift(0, Phase.PROMOTING)
    else:
        words = f"{message}, again and again; the primary is promoted, the canary keeps running"
        course.finish(Outcome.STUCK, Reason.DRIFT, words)


def go_on(course: Course) -> None:
    """The next part of the traffic returns, or the canary may go."""
    if course.state.home:
        _let_go(course)
    else:
        course.shift(_return_weights(course)[0], Phase.PROMOTING)


def _let_go(course: Course) -> None:
    """No request is left on the canary: scale it down, or analyse what came meanwhile."""
    state = course.state
    situation = state.situation
    assert situation is not None
    if state.repairing and situation.revision != state.promoting and not state.leaving:
        _next_revision(course)
        return
    course.scale_down()


def _next_revision(course: Course) -> None:
    """The primary is repaired, and the target has another template by now: release that."""
    state = course.state
    state.repairing = state.passed = False
    state.promoting = None
    state.step = -1
    course.note("repaired", message="the primary is repaired; the newer revision starts")
    scale_up(course)


def emptied(course: Course, event: Done) -> None:
    """The canary is at zero: the release is complete."""
    course.state.scaled = False
    end(course)


def end(course: Course, more: str = "") -> None:
    """Give the outcome of a promotion whose traffic is home."""
    if course.state.leaving:
        message = (
            f"ended in the middle of a promotion: all traffic is on the primary, which runs "
            f"{course.state.primary_revision}"
        )
        course.finish(Outcome.ABORTED, Reason.ABORTED, message + more)
    else:
        message = "the analysed template is on the primary, and all traffic with it"
        course.finish(Outcome.PROMOTED, None, message + more)


def leave(course: Course) -> None:
    """The process is being ended after the decision (L26)."""
    state = course.state
    if state.leaving or state.due is not None:
        return
    state.leaving = True
    action = state.action
    course.note("leaving", message="the process is being ended in the middle of a promotion")
    if state.situation is None:
        return  # one write, and it is standing already
    if isinstance(action, AskReady) or (state.again is not None):
        state.deadline = course.at
        ask_side(course, Side.PRIMARY)
    elif state.home:
        if state.action is not None and getattr(action, "why", None) is Why.DRAIN:
            _drain(course, had_traffic=True)
    elif getattr(action, "why", None) is Why.RETURN:
        course.shift(0, Phase.PROMOTING)
