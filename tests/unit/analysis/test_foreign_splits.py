"""Splits that no order of the run made: left by another run, or drifted."""

from __future__ import annotations

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
    standing,
    started,
)

from progressive import (
    CanaryAnalysis,
    DriftPolicy,
    Measure,
    Observed,
    Outcome,
    Pods,
    Read,
    Reason,
    Scale,
    Seen,
    Shift,
    Shifted,
    Situation,
    Started,
)


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
