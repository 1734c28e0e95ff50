"""L24: on the way home the canary keeps its pods while somebody gives it traffic."""

from __future__ import annotations

from datetime import timedelta

from tests.unit.analysis.world import (
    CHANGED,
    NOW,
    PLAN,
    TARGET,
    good,
    latest,
    refused,
    standing,
)

from progressive import (
    Action,
    CanaryAnalysis,
    Command,
    Commanded,
    ErrorKind,
    Observed,
    Outcome,
    Read,
    Reason,
    Reset,
    Scale,
    Seen,
    Shift,
    Started,
    Wait,
)


def settling() -> CanaryAnalysis:
    """A run that was aborted at its first weight; its split is home, and settles."""
    analysis = CanaryAnalysis(PLAN, TARGET)
    settle = timedelta(seconds=10)
    analysis.receive(Started(at=NOW, run="r1", situation=CHANGED, settle=settle))
    while not isinstance(analysis.receive(good(analysis)), Shift):
        pass
    analysis.receive(good(analysis))
    analysis.receive(Commanded(at=latest(analysis), command=Command.ABORT))
    analysis.receive(good(analysis))
    assert isinstance(analysis.action, Wait)
    return analysis


def look(analysis: CanaryAnalysis, weight: int) -> Action:
    """The settle is over, and the route shows a weight; what is ordered then."""
    analysis.receive(good(analysis))
    read = standing(analysis)
    assert isinstance(read, Read)
    seen = Observed(canary=weight, writer="kubectl-edit")
    return analysis.receive(Seen(at=latest(analysis), answers=read.id, observed=seen))


def test_the_split_is_looked_at_before_the_pods_go() -> None:
    """
    As before the end of a promotion; the split that stands as it was left costs one reading.
    """
    assert isinstance(look(settling(), 0), Scale)


def test_a_weight_that_somebody_wrote_meanwhile_is_taken_home_first() -> None:
    """
    Its users would meet nobody; it settles once more, and the outcome stays what it was.
    """
    analysis = settling()
    order = look(analysis, 30)
    analysis.receive(good(analysis))
    settles = standing(analysis)
    last = look(analysis, 0)
    analysis.receive(good(analysis))
    report = analysis.report
    drifts = [one.message for one in report.events if one.kind == "drift"]

    assert isinstance(order, Reset) and isinstance(settles, Wait)
    assert isinstance(last, Scale)
    assert (Outcome.ABORTED, True, False) == (
        report.outcome,
        report.split_restored,
        report.final.canary_scaled,
    )
    assert ["kubectl-edit" in one for one in drifts] == [True]


def test_whoever_writes_it_again_and_again_keeps_the_canary() -> None:
    """
    L14, L15: no state lasts for ever; the third time it is left to them, with its pods.
    """
    analysis = settling()
    for _ in range(2):
        look(analysis, 30)
        analysis.receive(good(analysis))
    look(analysis, 30)
    report = analysis.report

    assert (Outcome.STUCK, Reason.DRIFT, 10) == (report.outcome, report.reason, report.exit_code)
    assert not report.split_restored and report.final.canary_scaled
    assert 30 == report.final.weight


def test_a_split_that_cannot_be_read_stands_as_it_was_written() -> None:
    """
    It was read back when it was written; nothing else is known of it.
    """
    analysis = settling()
    analysis.receive(good(analysis))
    analysis.receive(refused(analysis, ErrorKind.FORBIDDEN))

    assert isinstance(standing(analysis), Scale)
