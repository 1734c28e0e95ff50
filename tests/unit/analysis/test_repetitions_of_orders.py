"""Orders that fail: tried again, until a deadline sends the traffic home."""

from __future__ import annotations

from datetime import timedelta

from attrs import evolve
from tests.unit.analysis.world import (
    NOW,
    PLAN,
    finish,
    go,
    good,
    latest,
    refused,
    standing,
    started,
)

from progressive import (
    AskReady,
    Command,
    Commanded,
    Deadlines,
    ErrorKind,
    Outcome,
    Reason,
    Reset,
    Shift,
    Wait,
    Why,
)


def test_conflicts_are_tried_again_at_once_and_outages_after_a_growing_pause() -> None:
    """
    A conflict is over when the object is read again; a server that is down is not hammered.
    """
    analysis = started()
    go(analysis, Shift)
    pauses = []
    for _ in range(4):
        shift = standing(analysis)
        begun = latest(analysis)
        analysis.receive(refused(analysis, ErrorKind.UNAVAILABLE))
        wait = standing(analysis)
        assert isinstance(wait, Wait) and wait.why is Why.RETRY and wait.until is not None
        pauses.append((wait.until - begun).total_seconds())
        analysis.receive(good(analysis))
        assert isinstance(analysis.action, Shift) and analysis.action.id > shift.id
        assert shift.until == analysis.action.until, "the deadline must not move"

    assert [0.0, 1.0, 2.0, 4.0] == pauses


def test_a_cluster_that_is_away_does_not_shorten_the_time_to_become_ready() -> None:
    """
    L15: the canary has its whole deadline, however often the asking itself failed.
    """
    analysis = started(evolve(PLAN, deadlines=Deadlines(canary_ready=timedelta(minutes=5))))
    go(analysis, AskReady)
    while latest(analysis) < NOW + timedelta(minutes=4):
        assert isinstance(analysis.action, AskReady | Wait)
        if isinstance(analysis.action, AskReady):
            analysis.receive(refused(analysis, ErrorKind.UNAVAILABLE))
        else:
            analysis.receive(good(analysis))

    assert Outcome.PROMOTED is finish(analysis).report.outcome


def test_a_server_that_says_when_to_come_back_is_obeyed() -> None:
    """
    Retry-After is the API server's way to survive.
    """
    analysis = started()
    go(analysis, Shift)
    failed = refused(analysis, ErrorKind.UNAVAILABLE)
    analysis.receive(evolve(failed, error=evolve(failed.error, retry_after=17.0)))

    assert latest(analysis) + timedelta(seconds=17) == analysis.wake_at


def test_a_step_that_cannot_be_written_goes_home_at_its_deadline() -> None:
    """
    L15: no state lasts for ever.
    """
    analysis = started(evolve(PLAN, deadlines=Deadlines(route=timedelta(seconds=5))))
    go(analysis, Shift, times=2)
    while isinstance(analysis.action, Shift | Wait):
        if isinstance(analysis.action, Shift):
            analysis.receive(refused(analysis, ErrorKind.UNAVAILABLE, message="down"))
        else:
            analysis.receive(good(analysis))

    assert isinstance(analysis.action, Reset)
    report = finish(analysis).report
    assert (Outcome.ROLLED_BACK, Reason.ROUTER_ERROR) == (report.outcome, report.reason)
    assert "down" in report.message


def test_the_way_home_is_tried_until_its_deadline_whatever_the_answer() -> None:
    """
    L12: then the run is stuck, exit 10, and says that the traffic may be split.
    """
    analysis = started()
    go(analysis, Wait)
    analysis.receive(Commanded(at=latest(analysis), command=Command.ABORT))
    begun = latest(analysis)
    while not analysis.done:
        event = (
            refused(analysis, ErrorKind.FORBIDDEN)
            if isinstance(analysis.action, Reset)
            else good(analysis)
        )
        analysis.receive(event)

    report = analysis.report
    assert (Outcome.STUCK, Reason.ROUTER_ERROR, 10) == (
        report.outcome,
        report.reason,
        report.exit_code,
    )
    assert not report.split_restored
    assert timedelta(minutes=10) <= latest(analysis) - begun <= timedelta(minutes=11)


def test_the_deadline_of_the_run_sends_the_traffic_home() -> None:
    """
    L15: `timed_out`, exit 5, traffic restored.
    """
    analysis = started(evolve(PLAN, deadlines=Deadlines(run=timedelta(seconds=40))))
    report = finish(analysis).report

    assert (Outcome.TIMED_OUT, Reason.DEADLINE, 5) == (
        report.outcome,
        report.reason,
        report.exit_code,
    )
    assert report.split_restored
    assert timedelta(seconds=40) == report.duration
