"""Raw samples of counters, and what happened between their scrapes.

Floor 3, pure. `reading.py` asks what the series mean; `samples.py` differences one series.
Here is what needs several: which scrape was the first of a process, so that a series that
appears later counts from 0, and how often there was a scrape at all.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from statistics import median
from typing import Any

from attrs import frozen

from progressive._mesh.queries.samples import Point, increase


@frozen(kw_only=True)
class Series:
    """
    One counter of one process.

    Attributes:
        labels: Name → value.
        points: Instant and value of each scrape, oldest first.
    """

    labels: Mapping[str, str]
    points: tuple[Point, ...]

    @property
    def process(self) -> tuple[str, str]:
        """Whose scrape brought it: all series of one scrape carry the same instant."""
        return self.labels.get("job", ""), self.labels.get("instance", "")


@frozen(kw_only=True)
class Growth:
    """
    How much one series grew.

    Attributes:
        labels: Name → value.
        amount: In the counter's unit; 0 or more.
    """

    labels: Mapping[str, str]
    amount: float


def read_matrix(result: Iterable[Mapping[str, Any]]) -> tuple[Series, ...]:
    """
    The series of a range vector, as Prometheus' HTTP API writes it.

    Raises:
        ValueError, KeyError, TypeError: It is something else.
    """
    return tuple(
        Series(
            labels=dict(one["metric"]),
            points=tuple(
                (float(at), float(value))
                for at, value in one["values"]
                if math.isfinite(float(value))
            ),
        )
        for one in result
    )


def growths(series: Sequence[Series]) -> tuple[Growth, ...]:
    """
    How much each series grew between the first and the last scrape of its process.

    A series that its process did not have at the first scrape counts from 0.
    """
    first: dict[tuple[str, str], float] = {}
    for one in series:
        if one.points:
            begin = one.points[0][0]
            first[one.process] = min(begin, first.get(one.process, begin))
    return tuple(
        Growth(labels=one.labels, amount=increase(one.points, first[one.process]))
        for one in series
        if one.points
    )


def scrapes(series: Iterable[Series]) -> int:
    """The most scrapes that any process had."""
    return max((len(instants) for instants in _instants(series).values()), default=0)


def rhythm(series: Iterable[Series]) -> timedelta | None:
    """The usual time between two scrapes; None where no process had two."""
    gaps = [
        later - earlier
        for instants in _instants(series).values()
        for earlier, later in zip(sorted(instants), sorted(instants)[1:], strict=False)
    ]
    return timedelta(seconds=median(gaps)) if gaps else None


def _instants(series: Iterable[Series]) -> Mapping[tuple[str, str], set[float]]:
    found: dict[tuple[str, str], set[float]] = defaultdict(set)
    for one in series:
        found[one.process].update(at for at, _ in one.points)
    return found
