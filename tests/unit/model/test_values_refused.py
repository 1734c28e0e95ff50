"""Values that cannot be meant are refused where they are written, in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from progressive import MetricCheck, Plan, SpecError

BARE: Any = 30
CHECK = MetricCheck.success_rate(at_least=99.0)


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (lambda: Plan(weights=(5,), checks=(CHECK,), interval=BARE), "interval"),
        (lambda: Plan(weights=(5,), checks=(CHECK,), drain=BARE), "drain"),
        (lambda: MetricCheck.success_rate(at_least=99.0, window=BARE), "window"),
    ],
    ids=["interval", "drain", "window"],
)
def test_a_bare_number_is_no_duration(make: Callable[[], Any], path: str) -> None:
    """
    It could be seconds, minutes or milliseconds, and Python's own error names no field.
    """
    with pytest.raises(SpecError) as told:
        make()

    assert path == told.value.path
    assert "30 is no timedelta; write one, such as timedelta(seconds=30)" == told.value.problem


def test_a_success_rate_above_100_percent_is_refused() -> None:
    """
    Nothing could ever pass it, as in a document; other checks know bounds of any size.
    """
    with pytest.raises(SpecError) as told:
        MetricCheck.success_rate(at_least=990.0)

    assert "at_least" == told.value.path
    assert "990 is above 100 percent" in told.value.problem
    assert 100.0 == MetricCheck.success_rate(at_least=100.0).at_least
    assert 990.0 == MetricCheck(name="queue", query="q", at_least=990.0).at_least
