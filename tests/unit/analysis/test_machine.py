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
    AskReady,
    CanaryAnalysis,
    Cause,
    Command,
    Commanded,
    Deadlines,
    Done,
    DriftPolicy,
    ErrorKind,
    Measure,
    MetricCheck,
    NoData,
    Observed,
    Outcome,
    Pods,
    Promote,
    Read,
    Readiness,
    Reason,
    Reported,
    Reset,
    Sample,
    Scale,
    Seen,
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


def test_a_split_that_no_run_owns_goes_home_before_the_canary_rolls() -> None:
    """
    A lost journal must not leave traffic on pods of a template that nobody analysed.
    """
    analysis = CanaryAnalysis(PLAN, TARGET)
    first = analysis.receive(
        Started(at=NOW, situation=CHANGED, split=Observed(canary=30, total=100))
    )

    assert isinstance(first, Shift) and 0 == first.split.canary
    assert isinstance(analysis.receive(good(analysis)), Scale)


def test_an_unchanged_target_with_a_split_is_sent_home() -> None:
    """
    Exit 0 must not hide traffic on a canary.
    """
    analysis = CanaryAnalysis(PLAN, TARGET)
    same = Situation(revision="A", promoted="A")
    analysis.receive(Started(at=NOW, situation=same, split=Observed(canary=30)))
    report = finish(analysis).report

    assert Outcome.UNCHANGED is report.outcome
    assert (0,) == report.weights


@pytest.mark.parametrize("policy", DriftPolicy)
def test_drift_follows_its_policy(policy: DriftPolicy) -> None:
    """
    L14: put back, give up, or accept.
    """
    analysis = started(evolve(PLAN, drift=policy))
    read = go(analysis, Read)
    seen = Observed(canary=77, writer="kubectl-edit")
    analysis.receive(Seen(at=latest(analysis), answers=read.id, observed=seen))

    assert (
        "kubectl-edit"
        in analysis.report.events[-1 if policy is not DriftPolicy.ABORT else -2].message
    )
    match policy:
        case DriftPolicy.REASSERT:
            shift = standing(analysis)
            assert isinstance(shift, Shift) and 10 == shift.split.canary
        case DriftPolicy.ABORT:
            report = finish(analysis).report
            assert (Outcome.ROLLED_BACK, Reason.DRIFT) == (report.outcome, report.reason)
        case DriftPolicy.ACCEPT:
            go(analysis, Measure)
            assert 77 == analysis.report.final.weight


@pytest.mark.parametrize(("pods", "is_drift"), [(1, False), (2, True)])
def test_a_share_made_of_pods_is_compared_with_its_order_by_pods(
    pods: int, is_drift: bool
) -> None:
    """
    10 percent of four pods is one; that a second one is not ready yet is nobody's writing.
    """
    analysis = started()
    read = go(analysis, Read)
    seen = Observed(canary=25, pods=Pods(canary=pods, total=4))
    analysis.receive(Seen(at=latest(analysis), answers=read.id, observed=seen))

    assert is_drift == ("drift" in {one.kind for one in analysis.report.events})
    assert isinstance(standing(analysis), Shift if is_drift else Measure)
    assert 25 == analysis.report.final.weight


def test_the_third_drift_without_a_decision_is_a_fight() -> None:
    """
    L14: two controllers that correct each other for ever help nobody.
    """
    analysis = started()
    for _ in range(3):
        read = go(analysis, Read)
        analysis.receive(Seen(at=latest(analysis), answers=read.id, observed=Observed(canary=0)))

    assert Reason.DRIFT is finish(analysis).report.reason


def test_a_write_that_shows_another_split_is_drift_and_counted() -> None:
    """
    A webhook that rewrites our weights must not be mistaken for success.
    """
    analysis = started()
    for _ in range(3):
        shift = go(analysis, Shift)
        wrong = Shifted(at=latest(analysis), answers=shift.id, observed=Observed(canary=33))
        analysis.receive(wrong)

    report = finish(analysis).report
    assert (Outcome.ROLLED_BACK, Reason.DRIFT) == (report.outcome, report.reason)
    assert 0 == report.final.weight


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
