"""What happens between two scrapes: the worlds in which every dialect is asked.

Used with plain values by `test_dialects.py` and in a real Prometheus by
`tests/real/metrics/test_queries.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import field, frozen
from tests.unit.mesh.reporters import BAD, GONE, GOOD, Example, Labels

from progressive._model.checks import Cause
from progressive._model.traffic import Side


@frozen(kw_only=True)
class World:
    """
    What one side shows at two scrapes.

    Attributes:
        name: As part of a name of Kubernetes.
        ends: How requests ended → the counter at the first and the second scrape, above
            `BEFORE`; None: the series is not there.
        counts: Of the four buckets, at the first and the second scrape, above `BEFORE`.
        rate, latency: What must be said: a number in percent or milliseconds, or the cause of
            its lack.
        rates_agree: Whether `rate` of Prometheus sees the same.
    """

    name: str
    ends: Mapping[str, tuple[int | None, int]] = field(factory=dict)
    counts: tuple[tuple[int, ...], tuple[int, ...]] | None = None
    rate: float | Cause
    latency: float | Cause
    rates_agree: bool = True


NONE = (0, 0, 0, 0)

BEFORE = 10_000
"""What every counter counted before the world began; `rate` extrapolates one that begins near 0
in another way than its neighbours."""

WORLDS: tuple[World, ...] = (
    World(
        name="allfailed",
        ends={BAD: (3, 43)},
        counts=(NONE, (0, 100, 100, 100)),
        rate=0.0,
        latency=99.1,
    ),
    World(name="nothing", rate=Cause.EMPTY, latency=Cause.EMPTY),
    World(
        name="oneseries",
        ends={GOOD: (7, 57)},
        counts=(NONE, (100, 100, 100, 100)),
        rate=100.0,
        latency=9.9,
    ),
    World(
        name="idle",
        ends={GOOD: (9, 9), BAD: (1, 1)},
        counts=((4, 5, 6, 6), (4, 5, 6, 6)),
        rate=Cause.NAN,
        latency=Cause.NAN,
    ),
    World(
        name="twoseries",
        ends={GOOD: (100, 195), BAD: (0, 5)},
        counts=(NONE, (0, 98, 100, 100)),
        rate=95.0,
        latency=550.0,
    ),
    World(
        name="firsterror",
        ends={GOOD: (100, 190), BAD: (None, 10)},
        counts=(NONE, (0, 0, 99, 100)),
        rate=90.0,
        latency=1000.0,
        rates_agree=False,
    ),
    World(
        name="slowest",
        ends={GOOD: (0, 20)},
        counts=(NONE, (0, 0, 0, 100)),
        rate=100.0,
        latency=float("inf"),
    ),
    World(
        name="gone",
        ends={GOOD: (0, 30), BAD: (0, 10), GONE: (0, 60)},
        counts=(NONE, (0, 100, 100, 100)),
        rate=75.0,
        latency=99.1,
    ),
)
"""Every dialect is asked in each of them. Largest finite bucket: 1000 ms."""


def exposed(example: Example, world: World, namespace: str) -> Iterator[tuple[str, Labels, int]]:
    """
    The series of the canary and of its neighbours, as metric, labels and value, for the first
    scrape; the second follows with `exposed_later`.
    """
    yield from _exposed(example, world, namespace, 0)


def exposed_later(
    example: Example, world: World, namespace: str
) -> Iterator[tuple[str, Labels, int]]:
    """The same at the second scrape."""
    yield from _exposed(example, world, namespace, 1)


def _exposed(
    example: Example, world: World, namespace: str, scrape: int
) -> Iterator[tuple[str, Labels, int]]:
    sides = example.sides(namespace)
    mine = sides[Side.CANARY]
    for end, seen in world.ends.items():
        value = seen[scrape]
        if value is not None and end in example.ends:
            before = BEFORE if seen[0] is not None else 0
            yield example.requests, {**mine, **example.ends[end]}, before + value
    if world.counts is not None:
        for bound, count in zip(example.bounds, world.counts[scrape], strict=True):
            yield example.buckets, {**mine, "le": bound}, BEFORE + count
    # neighbours fail always, and slowly: one that is taken for the canary shows
    for other in (sides[Side.PRIMARY], *example.strangers(namespace)):
        yield example.requests, {**other, **example.ends[BAD]}, BEFORE + 1000 * scrape
        yield example.buckets, {**other, "le": example.bounds[2]}, BEFORE
        yield example.buckets, {**other, "le": "+Inf"}, BEFORE + 1000 * scrape
