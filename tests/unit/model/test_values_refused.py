"""Values that cannot be meant are refused where they are written, in words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import attrs
import pytest

from progressive import (
    Bounds,
    Deadlines,
    Match,
    MetricCheck,
    Plan,
    RouteRef,
    SpecError,
    Split,
    Sticky,
    Subsets,
    Target,
    TextMatch,
)
from progressive.metrics import EnvoyMetrics, PrometheusMetrics
from progressive.routers import ContourRouter, EnvoyRouter
from progressive.stores import LeaseLock
from progressive.testing import MemoryCluster

BARE: Any = 30
CHECK = MetricCheck.success_rate(at_least=99.0)
PLAN = Plan(weights=(5,), checks=(CHECK,))
SIDES: Any = {"primary": "web-primary", "canary": "web-canary"}
EXAMPLES: tuple[Any, ...] = (
    Bounds(),
    CHECK,
    Deadlines(),
    Match(headers={"x-user": TextMatch(exact="qa")}),
    PLAN,
    RouteRef(name="web"),
    Split(canary=5),
    Sticky(cookie="web"),
    Subsets(**SIDES),
    Target(namespace="shop", service="web", **SIDES),
    TextMatch(exact="qa"),
)
WRONG: tuple[Any, ...] = (
    5, -1, "x", "", None, True, object(), [], {}, [1], [None], {"a": 1}, {1: 2}, b"x", 1.5,
    10**400, float("nan"), float("inf"), timedelta(0), timedelta(days=-1), timedelta.max,
)  # fmt: skip


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (lambda: Plan(weights=(5,), checks=(CHECK,), interval=BARE), "interval"),
        (lambda: Plan(weights=(5,), checks=(CHECK,), drain=BARE), "drain"),
        (lambda: MetricCheck.success_rate(at_least=99.0, window=BARE), "window"),
        (lambda: Deadlines(route=BARE), "deadlines.route"),
        (lambda: Sticky(cookie="web", max_age=BARE), "sticky.max_age"),
        (lambda: PrometheusMetrics("http://prometheus:9090", timeout=BARE), "timeout"),
        (lambda: EnvoyMetrics("http://envoy:9901", keep=BARE), "keep"),
        (lambda: EnvoyRouter("routes.yaml", patience=BARE), "patience"),
        (lambda: ContourRouter(patience=BARE), "patience"),
        (lambda: LeaseLock(MemoryCluster(), duration=BARE), "duration"),
    ],
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


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: type(one).__name__)
def test_whatever_a_field_is_given_it_is_taken_or_refused_by_its_path(example: Any) -> None:
    """
    A value of another kind would be a traceback in the middle of a release.
    """
    refused = 0
    for one in attrs.fields(type(example)):
        for wrong in WRONG:
            try:
                made = attrs.evolve(example, **{one.alias: wrong})
            except SpecError as told:
                refused += bool(told.path)
                continue
            assert isinstance(hash(made), int), (one.name, wrong)
            assert repr(made)

    assert refused > len(attrs.fields(type(example))) * len(WRONG) / 2


@pytest.mark.parametrize(
    ("example", "fields", "told"),
    [
        (PLAN, {"weights": 30}, "weights: 30 is no list or tuple"),
        (PLAN, {"weights": ["5"]}, "weights[0]: '5' is not a whole number"),
        (PLAN, {"checks": ["errors"]}, "checks[0]: 'errors' is no MetricCheck"),
        (PLAN, {"suspended": "no"}, "suspended: 'no' is neither True nor False"),
        (PLAN, {"drift": "abort"}, "drift: 'abort' is none of DriftPolicy.REASSERT, "
         "DriftPolicy.ABORT, DriftPolicy.ACCEPT"),
        (CHECK, {"at_least": "5"}, "at_least: '5' is not a number"),
        (Split(canary=5), {"canary": True}, "canary: True is not a whole number"),
        (Match(), {"headers": {"a": "b"}}, "match.headers.a: 'b' is no TextMatch"),
        (Sticky(cookie="web"), {"max_age": timedelta(milliseconds=500)},
         "sticky.max_age: 0:00:00.500000 is shorter than a second"),
    ],
)  # fmt: skip
def test_a_value_of_another_kind_is_told_in_words(
    example: Any, fields: dict[str, Any], told: str
) -> None:
    """
    What stands there, and what may.
    """
    with pytest.raises(SpecError) as caught:
        attrs.evolve(example, **fields)

    assert told == str(caught.value)
