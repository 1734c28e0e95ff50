"""Reads raw series: how many requests there were, how many failed, and how long they took.

Floor 3, pure: series in, a `Reading` out, in one way for every dialect. Asked by
`_adapters/prometheus/provider.py`.
The series are read raw and differenced here, not by `rate`: two scrapes are enough, nothing is
extrapolated, and the first error of a series that never failed before is not lost.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from attrs import frozen

from progressive._mesh.queries.dialect import Seen, View
from progressive._mesh.queries.samples import beyond_judgement, quantile
from progressive._mesh.queries.series import Growth, Series, growths, scrapes
from progressive._model.checks import Cause, MetricCheck

FEWEST_SCRAPES = 2
"""Of the counter of all requests: below two there is no difference to read (L5)."""


@frozen(kw_only=True)
class Reading:
    """
    What raw series say.

    Attributes:
        value: In the unit of the question; +Inf is a number; None: there is none.
        cause: Why there is none.
        detail: The cause, or what the value does not show, in words.
    """

    value: float | None = None
    cause: Cause | None = None
    detail: str = ""


def success_rate(check: MetricCheck, seen: Sequence[Seen]) -> Reading:
    """
    Percent of requests that did not fail, 0 to 100: bad over total, so that failures alone are
    0 % and no requests are no number.

    Args:
        seen: In the order in which it was asked. The first that has series is the whole; where
            the workload reports, callers add the requests that it never saw.
    """
    found = [one for one in seen if one.series]
    if not found:
        return Reading(cause=Cause.EMPTY)
    whole, others = found[0], found[1:]
    if few := _too_few_scrapes(whole.series):
        return few
    grown = [one for one in growths(whole.series) if whole.view.counts(one.labels)]
    if unread := _unread(whole.view, grown):
        return Reading(cause=Cause.REFUSED, detail=unread)
    lost = 0.0
    if not whole.view.callers:
        beside = next((one for one in others if one.view.lost), None)
        lost = _sum(one for one in _grown(beside) if beside and beside.view.loses(one.labels))
    total = _sum(grown) + lost
    if total <= 0:
        return Reading(cause=Cause.NAN)
    if few := _too_few_requests(check, total):
        return few
    bad = _sum(one for one in grown if whole.view.fails(one.labels)) + lost
    # multiplied first, so that 57 of 100 is 57; of large numbers that is rounded above 100
    return Reading(value=min(100.0, 100 * (total - bad) / total))


def duration(check: MetricCheck, seen: Sequence[Seen]) -> Reading:
    """
    The check's quantile of the time to answer in milliseconds, interpolated as Prometheus does.

    Beyond the largest bucket nothing is known but that it is slower: a bound within the
    buckets is then surely broken (the value is +Inf), a larger one cannot be judged.
    """
    whole = next((one for one in seen if one.series), None)
    if whole is None:
        return Reading(cause=Cause.EMPTY)
    if few := _too_few_scrapes(whole.series):
        return few
    grown = growths(whole.series)
    if unfit := _first(whole.view.unfit(one.labels) for one in grown if one.amount > 0):
        return Reading(cause=Cause.REFUSED, detail=unfit)
    return _quantile(check, _buckets(grown, whole.view.milliseconds))


def requests(seen: Seen) -> Reading:
    """How many requests a side got, whatever became of them; 0 without series."""
    grown = _grown(seen)
    if unfit := _first(seen.view.unfit(one.labels) for one in grown if one.amount > 0):
        return Reading(cause=Cause.REFUSED, detail=unfit)
    return Reading(value=_sum(grown))


def _buckets(grown: Iterable[Growth], milliseconds: float) -> dict[float, float]:
    buckets: dict[float, float] = {}
    for one in grown:
        try:
            # a nanosecond: 0.035 s are 35 ms and not 35.00000000000001
            bound = round(float(one.labels["le"]) * milliseconds, 6)
        except (KeyError, ValueError):
            continue
        if math.isnan(bound):
            continue
        buckets[bound] = buckets.get(bound, 0.0) + one.amount
    return buckets


def _quantile(check: MetricCheck, buckets: dict[float, float]) -> Reading:
    total = max(buckets.values(), default=0.0)
    value = quantile(check.quantile, buckets)
    if math.isnan(value):
        return Reading(cause=Cause.NAN)
    if few := _too_few_requests(check, total):
        return few
    if math.isfinite(value):
        return Reading(value=value)
    largest = max((bound for bound in buckets if math.isfinite(bound)), default=0.0)
    slower = (
        f"the {100 * check.quantile:g} % quantile is beyond the largest bucket, {largest:g} ms"
    )
    if any(beyond_judgement(bound, largest) for bound in (check.at_most, check.at_least)):
        detail = f"{slower}, and the bound is larger than that: add larger buckets"
        return Reading(cause=Cause.REFUSED, detail=detail)
    return Reading(value=math.inf, detail=slower)


def _too_few_scrapes(series: Sequence[Series]) -> Reading | None:
    seen = scrapes(series)
    if seen >= FEWEST_SCRAPES:
        return None
    detail = f"{seen} scrape since the weight took effect, {FEWEST_SCRAPES} are needed"
    return Reading(cause=Cause.TOO_FEW_SCRAPES, detail=detail)


def _too_few_requests(check: MetricCheck, total: float) -> Reading | None:
    if total >= check.least_requests:
        return None
    detail = f"{total:g} requests, {check.least_requests} are needed to judge"
    return Reading(cause=Cause.TOO_FEW_REQUESTS, detail=detail)


def _unread(view: View, grown: Iterable[Growth]) -> str:
    return _first(view.why_unread(one.labels) for one in grown if one.amount > 0)


def _first(words: Iterable[str]) -> str:
    return next((one for one in words if one), "")


def _grown(seen: Seen | None) -> tuple[Growth, ...]:
    return growths(seen.series) if seen is not None else ()


def _sum(grown: Iterable[Growth]) -> float:
    return sum(one.amount for one in grown)
