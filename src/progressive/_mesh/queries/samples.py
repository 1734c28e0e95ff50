"""What happened between scrapes of counters and histograms.

Floor 3, pure: numbers in, numbers out; it knows no mesh and no metrics server.
Asked by `series.py` for Prometheus' raw samples, and by `_mesh/envoy_stats.py` for Envoy's own.
Nothing is extrapolated: what is counted lies between the first and the last scrape of a window.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

Point = tuple[float, float]
"""Seconds since the epoch, and the counter at that instant."""


def increase(points: Sequence[Point], first_scrape: float) -> float:
    """
    How much a counter grew over its points, in the counter's unit; 0 or more.

    A counter that falls was reset: its process started again, and all that it shows since then
    is new. A series whose first point is later than `first_scrape` did not exist before, and
    counts from 0: the first error of a release must not be lost.

    Args:
        points: Samples of one series, oldest first.
        first_scrape: Instant of the oldest scrape in the window, in seconds since the epoch.
    """
    if not points:
        return 0.0
    time, before = points[0]
    grown = max(0.0, before) if time > first_scrape else 0.0
    for _, value in points[1:]:
        grown += value - before if value >= before else max(0.0, value)
        before = value
    return grown


def quantile(share: float, buckets: Mapping[float, float]) -> float:
    """
    The value that `share` of the observations do not exceed, in the unit of the bounds.

    Interpolated inside its bucket as Prometheus does; the lowest bucket starts at 0 where its
    bound is positive. Unlike Prometheus, an answer in the bucket without an upper bound is
    +Inf and not the largest bound: more than that is not known, and a bound that is guessed
    too low would let a slow release pass.

    Args:
        share: 0 < share < 1, such as 0.99.
        buckets: Upper bound → observations at or below it (cumulative); bounds may include
            +Inf. Counts that fall from one bound to the next are read as the larger one.

    Returns:
        NaN without any observation.

    Source:
        Prometheus, `promql/quantile.go`, `bucketQuantile`.
    """
    bounds = sorted(buckets)
    total = max(buckets.values(), default=0.0)
    if total <= 0:
        return math.nan
    rank = share * total
    low_bound, low_count = 0.0, 0.0
    for place, bound in enumerate(bounds):
        count = max(low_count, buckets[bound])
        if count >= rank and count > low_count:
            if math.isinf(bound):
                return math.inf
            if place == 0 and bound <= 0:
                return bound
            return low_bound + (bound - low_bound) * (rank - low_count) / (count - low_count)
        low_bound, low_count = bound, count
    return math.inf


def beyond_judgement(at_most: float | None, largest_bound: float) -> bool:
    """
    Whether an answer above every bucket leaves open if it is within `at_most`.

    A bound at or below the largest bucket is surely exceeded; above it nobody knows.
    """
    return at_most is not None and at_most > largest_bound
