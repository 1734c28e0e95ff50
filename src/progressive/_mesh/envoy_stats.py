"""What Envoy's own counters say about a side.

Floor 3, pure: pages of statistics in, samples out; when to look is `_adapters/envoy/counters.py`'
affair. Reads the JSON form with detailed histograms, whose names no tag settings change and
whose bins are exact to two digits.

A request counts for a cluster when Envoy has chosen it: answers of its endpoints, and those that
Envoy gave in their place (no healthy endpoint, connection refused, time-out). A request whose
client left before the answer, and one that a retry saved, do not. gRPC failures with HTTP
status 200 are not seen; they need the application's own metrics.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from attrs import field, frozen

from progressive._mesh.effect import Traffic
from progressive._mesh.envoy import stat_name
from progressive._mesh.queries import samples
from progressive._model.checks import Builtin, Cause, MetricCheck, Question, Sample
from progressive._model.traffic import Side, Target

_STAT = re.compile(r"cluster\.(?P<cluster>.+)\.upstream_rq_(?P<what>\d{3}|time)")

Bin = tuple[float, float]
"""Lower bound and width, in milliseconds."""


@frozen(kw_only=True)
class Counted:
    """
    One cluster's counters since its Envoy started.

    Attributes:
        codes: HTTP status → requests that ended with it.
        times: Bin of the time to answer → requests.
    """

    codes: Mapping[int, int] = field(factory=dict, hash=False)
    times: Mapping[Bin, int] = field(factory=dict, hash=False)


@frozen(kw_only=True)
class Scrape:
    """All clusters' counters at one instant; a cluster that was never asked may be missing."""

    at: datetime
    clusters: Mapping[str, Counted] = field(hash=False)


def stat_filter(clusters: Sequence[str]) -> str:
    """The regular expression that Envoy filters by, for these clusters; empty: for all."""
    names = "|".join(re.escape(stat_name(one)) for one in clusters)
    return rf"^cluster\.{f'({names})' if names else '.+'}\.upstream_rq_(\d\d\d|time)$"


def read_page(page: Mapping[str, Any], at: datetime) -> Scrape:
    """
    A scrape from the answer to ``/stats?format=json&histogram_buckets=detailed``.

    Raises:
        ValueError, KeyError, TypeError: It is no such page.
    """
    codes: dict[str, dict[int, int]] = {}
    times: dict[str, dict[Bin, int]] = {}
    for stat in page["stats"]:
        for histogram in stat.get("histograms", {}).get("details", ()):
            named = _STAT.fullmatch(histogram["name"])
            if named and named["what"] == "time":
                times[named["cluster"]] = {
                    (float(one["lower_bound"]), float(one["width"])): int(one["count"])
                    for one in histogram.get("totals", ())
                }
        named = _STAT.fullmatch(stat.get("name", ""))
        if named and named["what"] != "time":
            codes.setdefault(named["cluster"], {})[int(named["what"])] = int(stat["value"])
    return Scrape(
        at=at,
        clusters={
            name: Counted(codes=codes.get(name, {}), times=times.get(name, {}))
            for name in codes.keys() | times.keys()
        },
    )


def answer(
    question: Question, scrapes: Sequence[Scrape], *, now: datetime, every: timedelta
) -> Sample:
    """
    What the scrapes say; the question is about a built-in check, and has a target.

    They are differenced from the first to the last in the check's window, or in the time since
    the present weight took effect, whichever is shorter.

    Args:
        scrapes: Oldest first.
        now: The instant that is asked about, where the question names none.
        every: Time between two scrapes.
    """
    check, target = question.check, question.target
    if target is None:
        raise ValueError("a built-in check needs a target")
    end = question.at or now
    start = end - check.window
    if question.since is not None:
        start = max(start, question.since)
    seen = [one for one in scrapes if start <= one.at <= end]
    cluster = target.on(question.side)
    query, window = _words(check, cluster), max(end - start, timedelta(0))

    def without(cause: Cause, detail: str, again: timedelta | None = None) -> Sample:
        return Sample(cause=cause, detail=detail, query=query, window=window, again=again)

    if len(seen) < 2:
        return without(Cause.TOO_FEW_SCRAPES, _too_few(check, len(seen), every), every)
    name = stat_name(cluster)
    if not any(name in one.clusters for one in seen):
        return without(Cause.EMPTY, f"Envoy counted no request to a cluster {cluster!r}")
    value, total = _value(check, [one.clusters.get(name, Counted()) for one in seen])
    if math.isnan(value):
        return without(Cause.NAN, f"{cluster!r} answered no request in {window}")
    if total < check.least_requests:
        few = f"{total:g} requests, {check.least_requests} are needed to judge"
        return without(Cause.TOO_FEW_REQUESTS, few)
    return Sample(value=value, query=query, window=window)


def count_traffic(
    target: Target, scrapes: Sequence[Scrape], *, since: datetime, until: datetime
) -> Traffic:
    """
    The requests of both sides between the first and the last scrape from `since` to `until`.

    Args:
        scrapes: Oldest first; of fewer than two in that time nothing is counted.
    """
    seen = [one for one in scrapes if since <= one.at <= until]
    counts = dict.fromkeys(Side, 0.0)
    for side in Side if len(seen) > 1 else ():
        name = stat_name(target.on(side))
        codes = [one.clusters.get(name, Counted()).codes for one in seen]
        counts[side] = sum(_grown(codes).values())
    return Traffic(
        primary=counts[Side.PRIMARY],
        canary=counts[Side.CANARY],
        window=seen[-1].at - seen[0].at if seen else timedelta(0),
        query="; ".join(_counters(target.on(side)) for side in Side),
    )


def _value(check: MetricCheck, counted: Sequence[Counted]) -> tuple[float, float]:
    """The value, NaN without requests; and how many requests it is of."""
    if check.builtin is Builtin.SUCCESS_RATE:
        grown = _grown([one.codes for one in counted])
        total = sum(grown.values())
        bad = sum(number for code, number in grown.items() if code >= 500)
        return (100.0 * (total - bad) / total if total > 0 else math.nan), total
    grown = _grown([one.times for one in counted])
    slow = samples.quantile(check.quantile, _cumulative(grown))
    return round(slow, 6), sum(grown.values())  # a nanosecond; the bins are far wider


def _grown(counters: Sequence[Mapping[Any, int]]) -> dict[Any, float]:
    # numbered instants will do: of time, only before and after matter here; what a look does
    # not list was 0 then, for Envoy makes a counter when it first counts
    keys = {key for one in counters for key in one}
    return {
        key: samples.increase(
            [(float(n), float(one.get(key, 0))) for n, one in enumerate(counters)], 0.0
        )
        for key in keys
    }


def _cumulative(bins: Mapping[Bin, float]) -> dict[float, float]:
    buckets: dict[float, float] = {}
    count = 0.0
    for (lower, width), number in sorted(bins.items()):
        buckets[lower] = max(buckets.get(lower, 0.0), count)
        count += number
        buckets[lower + width] = count
    return buckets


def _words(check: MetricCheck, cluster: str) -> str:
    if check.builtin is Builtin.SUCCESS_RATE:
        return _counters(cluster)
    return (
        f"Envoy histogram cluster.{stat_name(cluster)}.upstream_rq_time, p{check.quantile * 100:g}"
    )


def _counters(cluster: str) -> str:
    return f"Envoy counters cluster.{stat_name(cluster)}.upstream_rq_<code>"


def _too_few(check: MetricCheck, count: int, every: timedelta) -> str:
    seconds = every.total_seconds()
    told = f"{count} of the 2 looks that are needed, one each {seconds:g} s"
    if check.window < 2 * every:
        return f"{told}; the window of {check.window.total_seconds():g} s is too short for it"
    return told
