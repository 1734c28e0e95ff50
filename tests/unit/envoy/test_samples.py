"""`_mesh/queries/samples.py`: what happened between scrapes."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from progressive._mesh.queries import samples


@given(
    steps=st.lists(st.tuples(st.integers(0, 50), st.booleans()), min_size=1, max_size=30),
    late=st.booleans(),
)
def test_an_increase_counts_every_event_once(steps: list[tuple[int, bool]], late: bool) -> None:
    """
    Against a model that counts as it goes: processes start again, series appear late.
    """
    shown, counted, points = 0, 0, []
    for n, (events, restart) in enumerate(steps):
        if restart and n > 0:
            shown = 0
        shown += events
        points.append((float(n), float(shown)))
        counted += events if n > 0 else 0
    expected = counted + (points[0][1] if late else 0)

    grown = samples.increase(points, first_scrape=-1.0 if late else 0.0)

    # a restart hides itself where the new counter passed the old one; then less is seen
    hidden = any(
        restart and after >= before
        for (_, restart), ((_, before), (_, after)) in zip(
            steps[1:], pairwise(points), strict=True
        )
    )
    assert grown <= expected if hidden else grown == expected


def test_nothing_grew_without_points() -> None:
    """
    A series that is not there has no events.
    """
    assert 0.0 == samples.increase([], first_scrape=0.0)


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.2, 0.8), (0.25, 1.0), (0.5, 2.0), (0.9, 3.6), (0.99, 3.96)],
)
def test_quantiles_are_those_of_prometheus(share: float, expected: float) -> None:
    """
    Values of `histogram_quantile` over testhistogram3 buckets 1, 2 and 4 with 25, 50 and 100.
    """
    buckets = {1.0: 25.0, 2.0: 50.0, 4.0: 100.0, math.inf: 100.0}

    assert math.isclose(expected, samples.quantile(share, buckets))


def test_above_all_bounds_nothing_is_claimed() -> None:
    """
    Prometheus would answer 2.0 here, and a slow release would pass a bound of 2 s.
    """
    assert math.inf == samples.quantile(0.99, {1.0: 10.0, 2.0: 90.0, math.inf: 100.0})


def test_without_observations_there_is_no_quantile() -> None:
    """
    No traffic is no data, not a fast answer.
    """
    assert math.isnan(samples.quantile(0.99, {}))
    assert math.isnan(samples.quantile(0.99, {1.0: 0.0, math.inf: 0.0}))


@given(
    times=st.lists(st.floats(0.001, 100), min_size=1, max_size=60),
    share=st.floats(0.01, 0.99),
)
def test_a_quantile_lies_in_the_bucket_of_the_true_one(times: list[float], share: float) -> None:
    """
    A quantile from buckets is as exact as its bucket, and no less.
    """
    bounds = [0.1, 0.5, 1.0, 5.0, 10.0, 50.0, 100.0]
    buckets = {bound: float(sum(one <= bound for one in times)) for bound in bounds}
    true = sorted(times)[max(0, math.ceil(share * len(times)) - 1)]
    low = max((bound for bound in bounds if bound < true), default=0.0)
    high = min(bound for bound in bounds if bound >= true)

    assert low <= samples.quantile(share, buckets) <= high * (1 + 1e-12)


@pytest.mark.parametrize(
    ("at_most", "open_question"), [(500.0, False), (1000.0, False), (2000.0, True), (None, False)]
)
def test_only_a_bound_above_all_buckets_cannot_be_judged(
    at_most: float | None, open_question: bool
) -> None:
    """
    More than the largest bucket is surely more than any smaller bound.
    """
    assert open_question == samples.beyond_judgement(at_most, 1000.0)
