"""The law of the machine: what it takes, what it refuses, what it remembers."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from attrs import evolve
from tests.unit.analysis.world import (
    CHANGED,
    NOW,
    PLAN,
    TARGET,
    finish,
    go,
    good,
    latest,
    measured,
    refused,
    standing,
    started,
)

from progressive import (
    CanaryAnalysis,
    Cause,
    Command,
    Commanded,
    Done,
    ErrorKind,
    Measure,
    MetricCheck,
    NoData,
    Observed,
    Outcome,
    Promote,
    Read,
    Readiness,
    Reason,
    Reported,
    Sample,
    Scale,
    Shift,
    Shifted,
    Situation,
    Started,
    TransitionError,
    Wait,
    Why,
    Woke,
)


def test_two_workloads_begin_with_the_first_weight() -> None:
    """
    A driver of its own starts with `Started(at=now)` and gets a `Shift`.
    """
    analysis = CanaryAnalysis(PLAN, TARGET)

    action = analysis.receive(Started(at=NOW))

    assert isinstance(action, Shift)
    assert 1 == action.id
    assert 10 == action.split.canary
    assert NOW + PLAN.deadlines.route == analysis.wake_at


def test_a_failure_of_a_wait_changes_nothing() -> None:
    """
    A driver may answer any order with `Failed`.
    """
    analysis = CanaryAnalysis(PLAN, TARGET)
    action = analysis.receive(Started(at=NOW))
    seen = Observed(canary=10)
    action = analysis.receive(Shifted(at=NOW, answers=action.id, observed=seen))
    wait = action
    action = analysis.receive(refused(analysis, ErrorKind.CONFLICT))

    assert wait == action
    assert isinstance(wait, Wait)


def test_a_promoted_pair_of_workloads_ends_with_the_total_on_the_canary() -> None:
    """
    L10: without a managed workload promotion means that the traffic stays on the canary.
    """
    report = finish(started(situation=None)).report

    assert Outcome.PROMOTED is report.outcome
    assert (10, 50, 100) == report.weights
    assert report.split_restored


def test_sides_named_the_wrong_way_round_are_refused() -> None:
    """
    After such a promotion the same document would send everybody back to the old version.
    """
    analysis = CanaryAnalysis(PLAN, TARGET)

    analysis.receive(Started(at=NOW, split=Observed(canary=100)))

    assert Outcome.REJECTED is analysis.report.outcome
    assert "the other way round" in analysis.report.message


def test_an_instant_without_a_zone_is_refused() -> None:
    """
    A naive time from another host would be wrong by hours, silently.
    """
    analysis = CanaryAnalysis(PLAN, TARGET)

    with pytest.raises(TransitionError, match="zone"):
        analysis.receive(Started(at=datetime(2026, 1, 1)))  # noqa: DTZ001


def test_nothing_is_received_before_the_start_and_no_second_start() -> None:
    """
    A driver that mixes two runs up must hear of it.
    """
    with pytest.raises(TransitionError, match="start it first"):
        CanaryAnalysis(PLAN, TARGET).receive(Commanded(at=NOW, command=Command.ABORT))
    with pytest.raises(TransitionError, match="starts once"):
        started().receive(Started(at=NOW))


def test_samples_must_match_the_checks() -> None:
    """
    One sample too few would judge a check by another one's value.
    """
    analysis = started()
    go(analysis, Measure)
    one = measured(analysis, Sample(value=1.0))

    with pytest.raises(TransitionError, match="1 samples for 2 checks"):
        analysis.receive(one)


def test_time_never_runs_backwards() -> None:
    """
    A driver on another host may have a slower clock; durations stay sane.
    """
    analysis = started()
    analysis.receive(Done(at=NOW + timedelta(seconds=9), answers=standing(analysis).id))
    asked = standing(analysis).id

    analysis.receive(
        Reported(at=NOW - timedelta(hours=1), answers=asked, readiness=Readiness.READY)
    )

    assert timedelta(seconds=9) == analysis.report.duration


def test_a_wait_is_not_over_early() -> None:
    """
    A timer that fires a little early must not shorten a hold.
    """
    analysis = started()
    wait = go(analysis, Wait)

    assert wait == analysis.receive(Woke(at=latest(analysis), answers=wait.id))
    assert wait == analysis.action


def test_a_failed_promotion_sends_all_traffic_to_the_canary_and_asks_for_a_repair() -> None:
    """
    L11: the canary passed, the primary is broken; the next run must know.
    """
    analysis = started()
    go(analysis, Promote)
    analysis.receive(good(analysis))
    asked = standing(analysis)
    analysis.receive(
        Reported(
            at=latest(analysis), answers=asked.id, readiness=Readiness.STUCK, message="0 of 3"
        )
    )
    shift = standing(analysis)
    assert isinstance(shift, Shift) and 100 == shift.split.canary
    report = finish(analysis).report

    assert (Outcome.STUCK, Reason.PRIMARY_NOT_READY) == (report.outcome, report.reason)
    assert "0 of 3" in report.message
    assert "B" == analysis.promotion_undecided
    assert "B" == CanaryAnalysis.from_json(analysis.to_json()).promotion_undecided


def test_a_repair_of_a_target_that_moved_releases_the_newer_template_afterwards() -> None:
    """
    L11, L13: the analysed template first, then an analysis of its own for the newer one.
    """
    analysis = started(situation=Situation(revision="C", promoted="B", stuck=True, analysed="B"))
    first = standing(analysis)
    assert isinstance(first, Promote) and "B" == first.revision
    analysis.receive(Done(at=NOW, answers=first.id))
    go(analysis, Scale)
    scale = standing(analysis)
    assert isinstance(scale, Scale) and scale.up

    promoted = go(analysis, Promote)

    assert isinstance(promoted, Promote) and "C" == promoted.revision


def test_one_more_scrape_is_awaited_once_in_a_round() -> None:
    """
    At most one more scrape interval, then the round has no data.
    """
    analysis = started()
    few = Sample(cause=Cause.TOO_FEW_SCRAPES, again=timedelta(seconds=15))
    for _ in range(2):
        measure = go(analysis, Measure)
        event = measured(analysis, few, Sample(value=1.0))
        analysis.receive(event)
        if not analysis.report.rounds:
            wait = standing(analysis)
            assert isinstance(wait, Wait) and wait.why is Why.SCRAPE
            assert latest(analysis) + timedelta(seconds=15) == wait.until
        assert measure.id < standing(analysis).id

    assert ["no_data"] == [one.verdict for one in analysis.report.rounds]


@pytest.mark.parametrize(
    ("no_data", "verdict"),
    [(NoData.HOLD, "no_data"), (NoData.FAIL, "fail"), (NoData.PASS, "pass")],
)
def test_what_silence_means_is_said_by_the_check(no_data: NoData, verdict: str) -> None:
    """
    L7: hold unless the author says otherwise.
    """
    check = MetricCheck.success_rate(at_least=99.0, no_data=no_data)
    analysis = started(evolve(PLAN, checks=(check,), threshold=1))
    go(analysis, Measure)
    analysis.receive(measured(analysis, Sample(cause=Cause.EMPTY)))

    assert [verdict] == [one.verdict for one in analysis.report.rounds]


def test_pods_go_only_after_the_split_has_settled() -> None:
    """
    L24: proxies follow a second later; until then the canary still gets requests.
    """
    analysis = CanaryAnalysis(PLAN, TARGET)
    analysis.receive(Started(at=NOW, situation=CHANGED, settle=timedelta(seconds=10)))
    go(analysis, Wait)
    analysis.receive(Commanded(at=latest(analysis), command=Command.ABORT))
    analysis.receive(good(analysis))
    wait = standing(analysis)

    assert isinstance(wait, Wait) and Why.SETTLE is wait.why
    assert latest(analysis) + timedelta(seconds=10) == wait.until
    assert isinstance(analysis.receive(good(analysis)), Read)
    assert isinstance(analysis.receive(good(analysis)), Scale)
