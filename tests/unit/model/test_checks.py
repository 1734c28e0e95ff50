"""`MetricCheck`: what may be asked, and what a lack of requests means."""

from __future__ import annotations

import pytest

from progressive import Cause, MetricCheck, Sample, SpecError, VerdictKind


@pytest.mark.parametrize("least", [-1, -1000])
def test_a_least_number_of_requests_is_a_count(least: int) -> None:
    """
    A bound that nothing can miss is a mistake, not a wish.
    """
    with pytest.raises(SpecError, match="no count"):
        MetricCheck.success_rate(at_least=99, least_requests=least)


def test_a_query_of_ones_own_counts_no_requests() -> None:
    """
    Nobody knows what its number is made of; a bound that is never looked at would be a trap.
    """
    with pytest.raises(SpecError, match="of a query"):
        MetricCheck(name="q", query="vector(1)", at_most=1, least_requests=10)


def test_too_few_requests_are_inconclusive_and_say_so() -> None:
    """
    M-133: neither good nor bad, and no silence either: `no_data: pass` must not pass it.
    """
    check = MetricCheck.success_rate(at_least=99, least_requests=100)
    verdict = check.judge(Sample(cause=Cause.TOO_FEW_REQUESTS))

    assert VerdictKind.INCONCLUSIVE is verdict.kind
    assert "request-success-rate cannot be judged: fewer requests than are needed to judge" == (
        verdict.explanation
    )
