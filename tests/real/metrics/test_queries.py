"""Every dialect on a real Prometheus: it takes each selector, and each printed query agrees.

The series of all meshes in all worlds are scraped twice from one page; each world has a namespace
of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from tests.realparts.page import scraped_page
from tests.realparts.prometheus import Prometheus
from tests.unit.mesh.recorded import EXAMPLES
from tests.unit.mesh.reporters import Example, Labels
from tests.unit.mesh.scrapes import WORLDS, World, exposed, exposed_later

from progressive._mesh.queries import promql
from progressive._mesh.queries.dialect import View
from progressive._mesh.queries.known import DIALECTS
from progressive._mesh.queries.selectors import quoted
from progressive._model.checks import Cause, MetricCheck, Question, VerdictKind
from progressive._model.traffic import Side, Target
from progressive.metrics import PrometheusMetrics

pytestmark = pytest.mark.real

WINDOW = timedelta(minutes=5)
RATE = MetricCheck.success_rate(at_least=99, window=WINDOW)
LATENCY = MetricCheck.latency(at_most=1000, window=WINDOW)

by_name = pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.name)
in_world = pytest.mark.parametrize("world", WORLDS, ids=lambda one: one.name)


def place(example: Example, world: World) -> str:
    """The namespace of a world, which no other example has."""
    return f"{world.name}{EXAMPLES.index(example)}"


def page(scrape: Sequence[tuple[str, Labels, int]], number: int) -> str:
    lines = {
        f"{metric}{{{','.join(f'{key}={quoted(value)}' for key, value in labels.items())}}}": value
        for metric, labels, value in scrape
    }
    told = [f"{series} {value}" for series, value in lines.items()]
    return "\n".join([*told, f"scraped_pages {number}", ""])


@pytest.fixture(scope="module")
def metrics(prometheus: Prometheus) -> Iterator[PrometheusMetrics]:
    """A provider of a Prometheus that has scraped all worlds, before and after."""
    first, second = (
        [
            one
            for example in EXAMPLES
            for world in WORLDS
            for one in tell(example, world, place(example, world))
        ]
        for tell in (exposed, exposed_later)
    )
    with scraped_page(prometheus) as shown:
        shown.text = page(first, 1)
        prometheus.wait("scraped_pages", lambda value: value == 1)
        shown.text = page(second, 2)
        prometheus.wait("scraped_pages", lambda value: value == 2)
        made = PrometheusMetrics(prometheus.url, environment={})
        yield made
        made.close()


def ask(metrics: PrometheusMetrics, check: MetricCheck, target: Target, dialect: str) -> object:
    sample = metrics.sample(Question(check=check, target=target, dialect=dialect))
    return sample.cause if sample.value is None else sample.value


def near(wanted: float | Cause) -> object:
    return wanted if isinstance(wanted, Cause) else pytest.approx(wanted)


@by_name
@in_world
def test_a_dialect_says_of_a_world_what_happened(
    metrics: PrometheusMetrics, example: Example, world: World
) -> None:
    """
    M-132, M-133 and M-136 through the server: its label matching, its anchors, its raw samples.
    """
    target = example.target(place(example, world))

    assert near(world.rate) == ask(metrics, RATE, target, example.dialect)
    assert near(world.latency) == ask(metrics, LATENCY, target, example.dialect)


@by_name
@in_world
def test_a_printed_query_agrees_where_it_can(
    metrics: PrometheusMetrics, prometheus: Prometheus, example: Example, world: World
) -> None:
    """
    People ask again by hand: bad over total, an empty answer without traffic, and the largest
    bucket where nothing more is known.
    """
    dialect, target = DIALECTS[example.dialect], example.target(place(example, world))
    told = [*zip(dialect.views, promql.promql(RATE, target, Side.CANARY, dialect), strict=True)]
    slow = [*zip(dialect.views, promql.promql(LATENCY, target, Side.CANARY, dialect), strict=True)]
    rate, latency = (mine(prometheus, example, one) for one in (told, slow))

    if world.rates_agree:
        assert near_or_nothing(world.rate) == rate
    if not isinstance(world.latency, Cause):
        assert near(min(world.latency, 1000.0)) == latency


def mine(
    prometheus: Prometheus, example: Example, told: Sequence[tuple[View, str]]
) -> float | None:
    """The answer of the view that reports in this example; all must be taken by the server."""
    answers = [(view, prometheus.query(text)) for view, text in told]
    found = [
        answer[0][1]
        for view, answer in answers
        if answer
        and (example.requests in view.requests or example.buckets in view.durations)
        and not math.isnan(answer[0][1])
    ]
    return found[0] if found else None


def near_or_nothing(wanted: float | Cause) -> object:
    return None if isinstance(wanted, Cause) else pytest.approx(wanted)


@by_name
def test_the_share_and_the_number_of_requests_are_counted(
    metrics: PrometheusMetrics, prometheus: Prometheus, example: Example
) -> None:
    """
    What level 3 of done needs of every mesh: both sides, and nobody else.
    """
    world = next(one for one in WORLDS if one.name == "twoseries")
    dialect, target = DIALECTS[example.dialect], example.target(place(example, world))
    since = datetime.now(UTC) - WINDOW
    traffic = metrics.traffic(target, dialect=example.dialect, since=since)
    shares = [prometheus.query(one) for one in promql.share(target, dialect, WINDOW)]
    counts = [
        prometheus.query(one) for one in promql.requests(target, Side.CANARY, dialect, WINDOW)
    ]

    assert 100 == traffic.canary
    assert traffic.primary >= 1000
    share = traffic.canary / (traffic.canary + traffic.primary)
    assert pytest.approx(share) in [one[0][1] for one in shares if one]
    assert any(one and one[0][1] >= 100 for one in counts)


def test_a_bound_above_every_bucket_is_inconclusive(metrics: PrometheusMetrics) -> None:
    """
    M-136: at or below the largest bucket it is broken, above it nobody knows.
    """
    world = next(one for one in WORLDS if one.name == "slowest")
    for example in EXAMPLES:
        target = example.target(place(example, world))
        kinds = [
            check.judge(
                metrics.sample(Question(check=check, target=target, dialect=example.dialect))
            ).kind
            for check in (
                LATENCY,
                MetricCheck.latency(at_most=1000.5, window=WINDOW),
            )
        ]

        assert [VerdictKind.FAIL, VerdictKind.INCONCLUSIVE] == kinds, example.name


@pytest.mark.parametrize("dialect", list(DIALECTS))
def test_every_query_of_odd_names_is_taken(prometheus: Prometheus, dialect: str) -> None:
    """
    Names may hold what PromQL, regular expressions and RE2 each read in their own way.
    """
    odd = Target(
        namespace='s"h{o}p', service="w.e|b", primary="a\\b", canary="(c", canary_workload="c*+?["
    )
    told = DIALECTS[dialect]
    texts = [
        *promql.promql(RATE, odd, Side.CANARY, told),
        *promql.promql(LATENCY, odd, Side.PRIMARY, told),
        *promql.share(odd, told, WINDOW),
        *(promql.requests(odd, Side.CANARY, told, timedelta(seconds=s))[0] for s in (1.5, 2e6)),
    ]
    texts += [str(view.of_requests(odd, Side.CANARY)) for view in told.views]
    texts += [str(view.of_durations(odd, Side.CANARY)) for view in told.views]

    assert all(not prometheus.query(text) or "vector(0)" in text for text in texts)
