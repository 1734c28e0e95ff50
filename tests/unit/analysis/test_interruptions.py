"""What people, signals, targets and other drivers do to a run, rule by rule."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve
from tests.unit.analysis.world import (
    CHANGED,
    PLAN,
    finish,
    go,
    good,
    latest,
    standing,
    started,
)

from progressive import (
    Action,
    AskReady,
    Command,
    Commanded,
    Deadlines,
    DriverLost,
    Measure,
    Observed,
    Outcome,
    Phase,
    Promote,
    Read,
    Readiness,
    Reason,
    Reported,
    Reset,
    Seen,
    Shift,
    TargetMoved,
    TookOver,
    Wait,
    Why,
)


def test_an_abort_in_a_measurement_does_not_wait_for_it() -> None:
    """
    SIGTERM leaves seconds; the late answer of a slow query is stale.
    """
    analysis = started()
    go(analysis, Measure)
    late = good(analysis)

    home = analysis.receive(
        Commanded(at=latest(analysis), command=Command.ABORT, by="SIGTERM", signal=True)
    )

    assert isinstance(home, Reset)
    assert home == analysis.receive(late)
    assert Outcome.ABORTED is finish(analysis).report.outcome


def test_an_abort_after_the_decision_is_refused_with_words() -> None:
    """
    L26: the primary is not undone; the words say so.
    """
    analysis = started()
    promote = go(analysis, Promote)

    action = analysis.receive(Commanded(at=latest(analysis), command=Command.ABORT, by="eve"))

    assert promote == action
    assert analysis.transition is not None
    assert "abort by eve is refused" in analysis.transition.message
    assert Outcome.PROMOTED is finish(analysis).report.outcome


@pytest.mark.parametrize(
    ("readiness", "outcome", "restored"),
    [(Readiness.READY, Outcome.ABORTED, True), (Readiness.WAITING, Outcome.STUCK, False)],
)
def test_a_signal_after_the_decision_looks_at_the_primary_once(
    readiness: Readiness, outcome: Outcome, *, restored: bool
) -> None:
    """
    L26: ready, and all traffic goes to it; not ready, and the split stays for the next run.
    """
    analysis = started()
    go(analysis, Promote)
    analysis.receive(good(analysis))
    signal = Commanded(at=latest(analysis), command=Command.ABORT, signal=True)

    asked = analysis.receive(signal)
    assert isinstance(asked, AskReady)
    assert latest(analysis) == asked.until, "there is no time to wait"
    analysis.receive(Reported(at=latest(analysis), answers=asked.id, readiness=readiness))
    report = finish(analysis).report

    assert (outcome, Reason.ABORTED) == (report.outcome, report.reason)
    assert restored == report.split_restored


def test_a_hold_in_the_middle_of_a_write_waits_for_it() -> None:
    """
    L17: the split is kept as it is once the write has answered.
    """
    analysis = started()
    shift = go(analysis, Shift)

    assert shift == analysis.receive(Commanded(at=latest(analysis), command=Command.HOLD))
    analysis.receive(good(analysis))

    assert Phase.PAUSED is analysis.phase
    assert 10 == analysis.report.final.weight


def test_time_on_hold_does_not_count_for_the_run() -> None:
    """
    L17: a night on hold must not eat the deadline of the whole run.
    """
    limit = Deadlines(run=timedelta(minutes=2))
    analysis = started(evolve(PLAN, deadlines=limit))
    go(analysis, Wait)
    analysis.receive(Commanded(at=latest(analysis), command=Command.HOLD))
    later = latest(analysis) + timedelta(hours=8)
    analysis.receive(Commanded(at=later, command=Command.RESUME))
    wait = standing(analysis)

    assert isinstance(wait, Wait) and Why.HOLD is wait.why
    assert later + PLAN.interval == wait.until
    assert Outcome.PROMOTED is finish(analysis).report.outcome


def test_a_newer_template_leaves_the_canary_up_and_the_promoted_one_does_not() -> None:
    """
    L13: the next run needs the canary; a reverted one does not.
    """
    scaled = {}
    for revision in ("C", "A"):
        analysis = started()
        go(analysis, Wait)
        analysis.receive(TargetMoved(at=latest(analysis), revision=revision))
        report = finish(analysis).report
        assert Outcome.SUPERSEDED is report.outcome
        scaled[report.reason] = report.final.canary_scaled

    assert {Reason.NEW_REVISION: True, Reason.REVERTED: False} == scaled


def test_a_driver_that_lost_its_lease_touches_nothing() -> None:
    """
    L18: `busy`, reason `lease-lost`, and not even the way home is written.
    """
    analysis = started()
    go(analysis, Wait)
    analysis.receive(DriverLost(at=latest(analysis), message="taken by r2"))

    report = analysis.report
    assert (Outcome.BUSY, Reason.LEASE_LOST, 8) == (
        report.outcome,
        report.reason,
        report.exit_code,
    )
    assert not report.split_restored


def test_a_split_left_on_hold_can_still_be_aborted() -> None:
    """
    A person comes back the next day and wants the traffic home.
    """
    analysis = started()
    go(analysis, Wait)
    analysis.receive(Commanded(at=latest(analysis), command=Command.HOLD))
    analysis.receive(good(analysis))
    assert (Outcome.INCONCLUSIVE, None, 4) == (
        analysis.report.outcome,
        analysis.report.reason,
        analysis.report.exit_code,
    )

    action = analysis.receive(Commanded(at=latest(analysis), command=Command.ABORT))

    assert isinstance(action, Reset)
    assert Outcome.ABORTED is finish(analysis).report.outcome


def test_a_decision_is_worked_in_once_however_often_it_is_told() -> None:
    """
    L27: after a crash the whole inbox is told anew; a hold and its resume must not start over.
    """
    analysis = started(PLAN, CHANGED)
    go(analysis, Measure)
    for id, command in (("1", Command.HOLD), ("2", Command.RESUME), ("1", Command.HOLD)):
        analysis.receive(Commanded(at=latest(analysis), command=command, by="ann", id=id))
    told = [(one.id, one.command, one.answer) for one in analysis.report.decisions]

    assert Phase.HOLDING is analysis.phase
    assert [("1", "hold", "held at weight 10"), ("2", "resume", "goes on at weight 10")] == told


def test_a_signal_that_holds_ends_the_run_and_leaves_the_split() -> None:
    """
    `--on-abort hold`: the process is being ended, and a person decides tomorrow.
    """
    analysis = started(PLAN, CHANGED)
    go(analysis, Measure)
    at = latest(analysis)
    analysis.receive(Commanded(at=at, command=Command.HOLD, by="SIGTERM", signal=True))
    report = analysis.report

    assert (Outcome.INCONCLUSIVE, None, 4) == (report.outcome, report.reason, report.exit_code)
    assert (10, False) == (report.final.weight, report.split_restored)


def test_a_signal_that_holds_in_the_middle_of_a_write_lets_it_end_first() -> None:
    """
    The split that stays is one that the record knows.
    """
    analysis = started(PLAN, CHANGED)
    go(analysis, Shift)
    at = latest(analysis)
    analysis.receive(Commanded(at=at, command=Command.HOLD, by="SIGTERM", signal=True))

    assert isinstance(standing(analysis), Shift) and not analysis.done
    analysis.receive(good(analysis))
    assert (Outcome.INCONCLUSIVE, 10) == (analysis.report.outcome, analysis.report.final.weight)


def test_what_cannot_be_followed_is_refused_on_record() -> None:
    """
    Whoever decided reads why nothing happened.
    """
    analysis = started(PLAN, CHANGED)
    go(analysis, Measure)
    for command in (Command.RESUME, Command.APPROVE, Command.RETRY):
        analysis.receive(Commanded(at=latest(analysis), command=command, by="ann"))
    answers = [one.answer for one in analysis.report.decisions]

    assert [
        "refused: the run is not on hold",
        "refused: no gate waits for a decision",
        "refused: a run that goes on is not started again",
    ] == answers
    assert isinstance(standing(analysis), Measure)


@pytest.mark.parametrize(
    ("shown", "then", "kinds"),
    [
        (10, Wait, []),
        (0, Shift, []),
        (70, Shift, ["drift"]),
    ],
)
def test_a_driver_that_takes_over_looks_before_it_writes(
    shown: int, then: type[Action], kinds: list[str]
) -> None:
    """
    L14: the write may have landed, or not, or another writer came between it and the crash.
    """
    analysis = started(PLAN, CHANGED)
    go(analysis, Shift)
    analysis.receive(TookOver(at=latest(analysis), by="another build"))
    looked = standing(analysis)
    seen = Seen(at=latest(analysis), answers=looked.id, observed=Observed(canary=shown))
    analysis.receive(seen)

    assert isinstance(looked, Read)
    assert isinstance(standing(analysis), then)
    assert kinds == [one.kind for one in analysis.report.events if one.kind == "drift"]
    assert ("another build",) == analysis.report.drivers[-1:]


def test_a_retry_is_on_the_record_of_the_run_that_failed() -> None:
    """
    L17: the next run has a budget of its own; who wanted it belongs to this one.
    """
    analysis = started(PLAN, CHANGED)
    go(analysis, Measure)
    analysis.receive(Commanded(at=latest(analysis), command=Command.ABORT, by="ann"))
    ended = finish(analysis)
    ended.receive(
        Commanded(at=latest(ended), command=Command.RETRY, by="ben", why="fixed", id="7")
    )
    last = ended.report.decisions[-1]

    assert ("retry", "ben", "fixed") == (last.command, last.by, last.why)
    assert Outcome.ABORTED is ended.report.outcome
