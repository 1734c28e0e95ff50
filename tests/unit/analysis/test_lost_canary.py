"""A canary that dies in a hold (L23): the split goes home at once, and waits for it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve
from tests.unit.analysis.world import CHANGED, PLAN, finish, go, good, latest, standing, started

from progressive import (
    AskReady,
    CanaryAnalysis,
    CanaryLost,
    Command,
    Commanded,
    Deadlines,
    Measure,
    Observed,
    Outcome,
    Phase,
    Promote,
    Readiness,
    Reason,
    Reported,
    Reset,
    Scale,
    Shift,
    Shifted,
    Side,
    Situation,
    Split,
    Started,
    TargetMoved,
    Wait,
)
from progressive.testing import Scenario, simulate

PATIENT = evolve(PLAN, deadlines=Deadlines(canary_ready=timedelta(minutes=5)))


def lose(analysis: CanaryAnalysis) -> None:
    """None of the canary's pods is ready any more."""
    analysis.receive(CanaryLost(at=latest(analysis), message="web: 0 of 3 replicas are ready"))


def command(analysis: CanaryAnalysis, what: Command) -> None:
    analysis.receive(Commanded(at=latest(analysis), command=what, by="ada"))


def reported(analysis: CanaryAnalysis, readiness: Readiness) -> None:
    """The canary answers; a side that still waits has used its time."""
    action = standing(analysis)
    assert isinstance(action, AskReady) and action.until is not None
    at = latest(analysis) if readiness is Readiness.READY else action.until
    analysis.receive(
        Reported(at=at, answers=action.id, readiness=readiness, message="web: 0 of 3 available")
    )


def held() -> CanaryAnalysis:
    """A run in the hold of its last weight."""
    analysis = started(PATIENT)
    while not (isinstance(standing(analysis), Wait) and analysis.report.weights[-1:] == (50,)):
        analysis.receive(good(analysis))
    return analysis


def test_the_split_goes_home_at_once_and_the_weight_comes_back_with_the_canary() -> None:
    """
    Nobody waits for the end of the hold, and the ramp goes on where it was.
    """
    analysis = held()
    lose(analysis)
    first = standing(analysis)
    analysis.receive(good(analysis))
    asked = standing(analysis)
    reported(analysis, Readiness.WAITING)
    reported(analysis, Readiness.READY)
    again = go(analysis, Shift)

    assert isinstance(first, Shift) and Split(canary=0) == first.split
    assert isinstance(asked, AskReady) and asked.side is Side.CANARY
    assert isinstance(again, Shift) and Split(canary=50) == again.split
    report = finish(analysis).report
    assert (Outcome.PROMOTED, (10, 50, 0, 50, 0)) == (report.outcome, report.weights)
    assert [10, 50] == [one.weight for one in report.rounds], "a hold that was cut is no round"


def test_it_is_told_once_with_what_was_seen() -> None:
    """
    Somebody is woken by it.
    """
    analysis = held()
    lose(analysis)
    lose(analysis)
    report = finish(analysis).report

    (told,) = [one for one in report.notifications if one.kind == "canary-lost"]
    assert "0 of 3 replicas are ready" in told.message
    assert 1 == [one.kind for one in report.events].count("canary-lost")


def test_a_canary_that_does_not_come_back_is_rolled_back() -> None:
    """
    Its deadline is that of a canary at the start; the traffic is home all the time.
    """
    analysis = held()
    lose(analysis)
    analysis.receive(good(analysis))
    begun = latest(analysis)
    while isinstance(standing(analysis), AskReady):
        assert 0 == analysis.report.final.weight
        reported(analysis, Readiness.WAITING)
    waited = latest(analysis) - begun
    report = finish(analysis).report

    assert timedelta(minutes=5) == waited
    assert (Outcome.ROLLED_BACK, Reason.CANARY_NOT_READY) == (report.outcome, report.reason)
    assert report.split_restored


def test_a_canary_that_kubernetes_gives_up_is_not_waited_for() -> None:
    """
    Its own progress deadline has passed.
    """
    analysis = held()
    lose(analysis)
    analysis.receive(good(analysis))
    reported(analysis, Readiness.STUCK)
    report = finish(analysis).report

    assert (Outcome.ROLLED_BACK, Reason.CANARY_NOT_READY) == (report.outcome, report.reason)


def test_a_loss_is_no_failed_round() -> None:
    """
    The budget is for checks; a node that restarts must not use it up.
    """
    analysis = held()
    for _ in range(PLAN.threshold + 1):
        lose(analysis)
        go(analysis, Measure)

    assert Outcome.PROMOTED is finish(analysis).report.outcome


def test_a_loss_while_the_first_weight_is_written_takes_it_back() -> None:
    """
    The weight arrives at a canary that is gone.
    """
    analysis = started(PATIENT)
    go(analysis, Shift)
    lose(analysis)
    stands = standing(analysis)
    analysis.receive(good(analysis))
    taken = standing(analysis)

    assert isinstance(stands, Shift) and Split(canary=10) == stands.split
    assert isinstance(taken, Shift) and Split(canary=0) == taken.split
    assert Outcome.PROMOTED is finish(analysis).report.outcome


def test_a_late_answer_to_the_weight_that_was_taken_back_is_stale() -> None:
    """
    The write of 50 was under way; what counts is the order that came after it.
    """
    analysis = started(PATIENT)
    go(analysis, Shift, times=2)
    growing = standing(analysis)
    lose(analysis)
    late = Shifted(at=latest(analysis), answers=growing.id, observed=Observed(canary=50))
    analysis.receive(late)
    taken = standing(analysis)

    assert isinstance(taken, Shift) and Split(canary=0) == taken.split


def test_a_canary_that_dies_before_its_first_weight_is_asked_as_always() -> None:
    """
    There is nothing to take back: it is awaited already.
    """
    analysis = started(PATIENT)
    go(analysis, AskReady)
    before = standing(analysis)
    lose(analysis)

    assert before is standing(analysis)
    assert (10, 50, 0) == finish(analysis).report.weights


@pytest.mark.parametrize("until", [Shift, Scale, AskReady])
def test_an_orphaned_split_is_cleared_as_always(until: type) -> None:
    """
    Pods that are not ready at the start are no step that was lost: no weight may be skipped.
    """
    analysis = CanaryAnalysis(PATIENT, started().target)
    analysis.receive(
        Started(at=latest(started()), run="r1", situation=CHANGED, split=Observed(canary=30))
    )
    go(analysis, until)
    lose(analysis)

    assert (0, 10, 50, 0) == finish(analysis).report.weights


def test_a_run_on_hold_goes_home_too_and_is_on_hold_again() -> None:
    """
    Whoever held the weight wanted users on a canary that works.
    """
    analysis = held()
    command(analysis, Command.HOLD)
    lose(analysis)
    home = standing(analysis)
    analysis.receive(good(analysis))
    reported(analysis, Readiness.READY)
    analysis.receive(good(analysis))

    assert isinstance(home, Shift) and Split(canary=0) == home.split
    assert (Phase.PAUSED, 50) == (analysis.phase, analysis.report.final.weight)
    command(analysis, Command.RESUME)
    assert Outcome.PROMOTED is finish(analysis).report.outcome


def test_a_person_may_hold_resume_and_abort_while_it_is_awaited() -> None:
    """
    Each is heard; a weight comes back only to a canary that is ready.
    """
    for what, outcome in ((Command.RESUME, Outcome.PROMOTED), (Command.ABORT, Outcome.ABORTED)):
        analysis = held()
        lose(analysis)
        analysis.receive(good(analysis))
        command(analysis, Command.HOLD)
        assert Phase.PAUSED is analysis.phase
        assert 0 == analysis.report.final.weight
        command(analysis, what)
        action = standing(analysis)

        assert isinstance(action, AskReady if what is Command.RESUME else Reset)
        assert outcome is finish(analysis).report.outcome


def test_a_promotion_is_not_disturbed() -> None:
    """
    L26: it is decided, and the traffic is on its way to the primary anyway.
    """
    analysis = started(PATIENT)
    go(analysis, Promote)
    before = standing(analysis)
    lose(analysis)

    assert before is standing(analysis)
    assert Outcome.PROMOTED is finish(analysis).report.outcome


def test_a_first_deploy_is_not_disturbed() -> None:
    """
    Its users are on the target, and there is nowhere else to go.
    """
    analysis = started(PATIENT, Situation(revision="B"))
    before = standing(analysis)
    lose(analysis)

    assert before is standing(analysis)
    assert Outcome.INITIALIZED is finish(analysis).report.outcome


def test_a_new_template_ends_the_wait() -> None:
    """
    L13: the fix is here.
    """
    analysis = held()
    lose(analysis)
    analysis.receive(good(analysis))
    analysis.receive(TargetMoved(at=latest(analysis), revision="D"))

    assert Outcome.SUPERSEDED is finish(analysis).report.outcome


def test_two_workloads_of_somebody_else_are_not_awaited() -> None:
    """
    Nobody watches them, so a loss that is told all the same changes nothing.
    """
    analysis = started(PATIENT, None)
    go(analysis, Measure)
    before = standing(analysis)
    lose(analysis)

    assert before is standing(analysis)


def test_a_driver_that_goes_on_awaits_it_still() -> None:
    """
    The wait is in the journal, and so is the weight that it is for.
    """
    analysis = held()
    lose(analysis)
    analysis.receive(good(analysis))
    second = CanaryAnalysis.from_json(analysis.to_json())
    reported(second, Readiness.READY)
    again = standing(second)

    assert isinstance(again, Shift) and Split(canary=50) == again.split


def test_in_simulate_only_the_listed_askings_count() -> None:
    """
    L23: a scenario has no pods that anybody watches.
    """
    scenario = Scenario(workloads={"canary": ["ready", "ready", "waiting"]})
    report = simulate(PATIENT, started().target, scenario).report

    assert (Outcome.PROMOTED, (10, 50, 0)) == (report.outcome, report.weights)
    assert "canary-lost" not in [one.kind for one in report.events]
