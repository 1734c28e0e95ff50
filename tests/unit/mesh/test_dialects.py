"""Every dialect in every world: which series it takes, and what it says of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.mesh.recorded import EXAMPLES
from tests.unit.mesh.reporters import LOST, Example, Labels
from tests.unit.mesh.scrapes import WORLDS, World, exposed, exposed_later

from progressive import plugins
from progressive._mesh.queries import reading
from progressive._mesh.queries.dialect import GRPC_FAILURES, Dialect, Seen
from progressive._mesh.queries.envoys import ENVOY_GATEWAY
from progressive._mesh.queries.istio import ISTIO
from progressive._mesh.queries.known import BLIND, DIALECTS
from progressive._mesh.queries.kubernetes import KUBERNETES
from progressive._mesh.queries.reading import Reading
from progressive._mesh.queries.selectors import Selector
from progressive._mesh.queries.series import Series
from progressive._model.checks import Cause, MetricCheck, Sample, VerdictKind
from progressive._model.traffic import RouteRef, Side, Subsets, Target

RATE = MetricCheck.success_rate(at_least=99)
LATENCY = MetricCheck.latency(at_most=1000)

by_name = pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.name)
in_world = pytest.mark.parametrize("world", WORLDS, ids=lambda one: one.name)

Stored = Sequence[tuple[str, Series]]


def stored(*scrapes: Iterator[tuple[str, Labels, int]]) -> Stored:
    """What a Prometheus keeps of these scrapes, ten seconds apart: metric and series."""
    found: dict[tuple[str, frozenset[tuple[str, str]]], list[tuple[float, float]]] = {}
    for number, scrape in enumerate(scrapes):
        for metric, labels, value in scrape:
            key = (metric, frozenset(labels.items()))
            found.setdefault(key, []).append((10.0 * number, float(value)))
    return [
        (metric, Series(labels={"instance": "pod-1", **dict(labels)}, points=tuple(points)))
        for (metric, labels), points in found.items()
    ]


def select(selector: Selector, kept: Stored) -> list[Series]:
    return [
        series
        for metric, series in kept
        if metric in selector.metrics and all(one.holds(series.labels) for one in selector.labels)
    ]


def read_rate(dialect: Dialect, target: Target, kept: Stored, side: Side = Side.CANARY) -> Reading:
    seen: list[Seen] = []
    while (view := dialect.following(seen)) is not None:
        series = select(view.of_requests(target, side), kept)
        seen.append(Seen(view=view, series=series))
    return reading.success_rate(RATE, seen)


def read_latency(dialect: Dialect, target: Target, kept: Stored) -> Reading:
    seen = [
        Seen(view=view, series=select(view.of_durations(target, Side.CANARY), kept))
        for view in dialect.views
    ]
    return reading.duration(LATENCY, seen)


def says(found: Reading, wanted: float | Cause) -> bool:
    if isinstance(wanted, Cause):
        return found.value is None and found.cause is wanted
    if math.isinf(wanted):
        return found.value == wanted
    return found.value == pytest.approx(wanted)


def recorded(example: Example, world: World) -> Stored:
    return stored(exposed(example, world, "shop"), exposed_later(example, world, "shop"))


@by_name
@in_world
def test_the_success_rate_of_every_dialect_in_every_world(example: Example, world: World) -> None:
    """
    M-132 and M-133: failures alone are 0 %, silence is no data, and neighbours are not counted.
    """
    found = read_rate(DIALECTS[example.dialect], *at(example, world))

    assert says(found, world.rate), found


@by_name
@in_world
def test_the_latency_of_every_dialect_in_every_world(example: Example, world: World) -> None:
    """
    M-136: seconds become milliseconds exactly once, and beyond the buckets nothing is made up.
    """
    found = read_latency(DIALECTS[example.dialect], *at(example, world))

    assert says(found, world.latency), found


def at(example: Example, world: World) -> tuple[Target, Stored]:
    return example.target("shop"), recorded(example, world)


@by_name
def test_the_primary_is_told_from_the_canary(example: Example) -> None:
    """
    A share is measured on both sides; the primary of these worlds fails always.
    """
    world = next(one for one in WORLDS if one.name == "oneseries")
    target, kept = at(example, world)
    dialect = DIALECTS[example.dialect]
    view = next(
        one for one in dialect.counting() if select(one.of_requests(target, Side.PRIMARY), kept)
    )
    counts = {
        side: reading.requests(
            Seen(view=view, series=select(view.of_requests(target, side), kept))
        ).value
        for side in Side
    }

    assert 50 == counts[Side.CANARY]
    assert (counts[Side.PRIMARY] or 0) >= 1000
    assert 0.0 == read_rate(dialect, target, kept, Side.PRIMARY).value


@pytest.mark.parametrize(
    "caller", [one for one in EXAMPLES if LOST in one.ends], ids=lambda one: one.name
)
def test_what_never_arrived_is_a_failure_by_the_callers_word(caller: Example) -> None:
    """
    M-135: the workload reports nothing of it, or only what else it answered.
    """
    dialect, target = DIALECTS[caller.dialect], caller.target("shop")
    labels = {**caller.sides("shop")[Side.CANARY], **caller.ends[LOST]}
    lost = [[(caller.requests, labels, value)] for value in (0, 10)]
    near = next(one for one in EXAMPLES if one.dialect == caller.dialect)
    answered = next(one for one in WORLDS if one.name == "oneseries")
    mixed = stored(
        chain(exposed(near, answered, "shop"), lost[0]),
        chain(exposed_later(near, answered, "shop"), lost[1]),
    )

    assert 0.0 == read_rate(dialect, target, stored(*map(iter, lost))).value
    assert read_rate(dialect, target, mixed).value == pytest.approx(100 * 50 / 60)


def test_a_time_out_counts_where_the_workload_saw_a_client_leave() -> None:
    """
    The sidecar of a canary that hangs notes status 0; a rate without it would be perfect.
    """
    sidecar, gateway = (
        next(one for one in EXAMPLES if one.name == f"istio/{reporter}")
        for reporter in ("destination", "source")
    )
    hung = {**sidecar.sides("shop")[Side.CANARY], **sidecar.ends["gone"]}
    late = {
        **gateway.sides("shop")[Side.CANARY],
        "response_code": "504",
        "response_flags": "UT",
    }
    kept = stored(
        *(
            iter([(sidecar.requests, hung, value), (gateway.requests, late, value)])
            for value in (0, 20)
        )
    )

    assert 0.0 == read_rate(ISTIO, sidecar.target("shop"), kept).value


@pytest.mark.parametrize("code", list(GRPC_FAILURES))
def test_a_grpc_fault_counts_by_number_and_by_name(code: str) -> None:
    """
    M-134: Istio writes numbers, Linkerd names; HTTP says 200 to both.
    """
    by_number = next(one for one in EXAMPLES if one.name == "istio/destination")
    by_name_ = next(one for one in EXAMPLES if one.name == "linkerd/outbound-grpc")
    fault = {
        by_number.name: {"response_code": "200", "grpc_response_status": code},
        by_name_.name: {"grpc_status": GRPC_FAILURES[code]},
    }
    for example in (by_number, by_name_):
        mine = example.sides("shop")[Side.CANARY]
        kept = stored(
            *(
                iter(
                    [
                        (example.requests, {**mine, **example.ends["good"]}, 95 * scrape),
                        (example.requests, {**mine, **fault[example.name]}, 5 * scrape),
                    ]
                )
                for scrape in (0, 1)
            )
        )
        found = read_rate(DIALECTS[example.dialect], example.target("shop"), kept)

        assert 95.0 == found.value, example.name


def test_fewer_requests_than_the_check_wants_are_inconclusive() -> None:
    """
    M-133: three good requests are no proof, and no silence either.
    """
    example = next(one for one in EXAMPLES if one.name == "contour")
    target, kept = at(example, next(one for one in WORLDS if one.name == "twoseries"))
    view = DIALECTS["contour"].views[0]
    rate = Seen(view=view, series=select(view.of_requests(target, Side.CANARY), kept))
    slow = Seen(view=view, series=select(view.of_durations(target, Side.CANARY), kept))
    check = MetricCheck.success_rate(at_least=99, least_requests=101)
    latency = MetricCheck.latency(at_most=500, least_requests=101)
    readings = [reading.success_rate(check, [rate]), reading.duration(latency, [slow])]
    enough = MetricCheck.success_rate(at_least=99, least_requests=100)

    assert [Cause.TOO_FEW_REQUESTS] * 2 == [one.cause for one in readings]
    assert "100 requests, 101 are needed to judge" == readings[0].detail
    assert 95.0 == reading.success_rate(enough, [rate]).value
    verdict = check.judge(Sample(cause=readings[0].cause, detail=readings[0].detail))
    assert VerdictKind.INCONCLUSIVE is verdict.kind


def test_both_sides_in_one_cluster_are_refused_and_not_guessed() -> None:
    """
    Envoy Gateway makes one cluster of a rule unless a backend has a filter.
    """
    target = Target(namespace="shop", service="web", primary="web-primary", canary="web-canary")
    cluster = {"envoy_cluster_name": "httproute/shop/web/rule/0", "envoy_response_code": "200"}
    kept = stored(*(iter([("envoy_cluster_upstream_rq", cluster, value)]) for value in (0, 50)))
    found = read_rate(ENVOY_GATEWAY, target, kept)
    view = ENVOY_GATEWAY.views[0]
    counted = reading.requests(
        Seen(view=view, series=select(view.of_requests(target, Side.CANARY), kept))
    )

    assert (None, Cause.REFUSED) == (found.value, found.cause)
    assert "filter" in found.detail
    assert Cause.REFUSED is counted.cause


def test_series_that_tell_no_outcome_are_refused() -> None:
    """
    An application that counts without a status would be perfect for ever.
    """
    example = next(one for one in EXAMPLES if one.name == "kubernetes")
    mine = example.sides("shop")[Side.CANARY]
    kept = stored(*(iter([(example.requests, mine, value)]) for value in (0, 50)))
    found = read_rate(KUBERNETES, example.target("shop"), kept)

    assert Cause.REFUSED is found.cause
    assert "label status" in found.detail


def test_subsets_of_one_service_are_told_apart_by_their_workloads() -> None:
    """
    Both sides have the apex's name there, and callers would be asked for a service that is none.
    """
    target = Target(
        namespace="shop",
        service="web",
        primary="web-primary",
        canary="web-canary",
        subsets=Subsets(primary="stable", canary="canary"),
    )
    callers = ISTIO.counting()[0]
    asked = str(callers.of_requests(target, Side.CANARY))

    assert 'destination_service_name="web",destination_workload="web-canary"' in asked


def test_a_named_route_is_asked_for_by_its_name() -> None:
    """
    Clusters and routes of Envoy Gateway and Skipper carry the name of the object.
    """
    target = Target(
        namespace="shop",
        service="web",
        primary="web-primary",
        canary="web-canary",
        routes=(RouteRef(name="front", namespace="edge", rule=2),),
    )
    gateway = str(ENVOY_GATEWAY.views[0].of_requests(target, Side.CANARY))
    skipper = str(DIALECTS["skipper"].views[0].of_requests(target, Side.CANARY))

    assert "/edge/front/rule/2(/backend/1)?" in gateway
    assert "kube(ew)?_shop__front__.*__web_canary(_[0-9]+)?" in skipper


def test_every_dialect_has_an_example() -> None:
    """
    A dialect that no recorded series of its mesh has met is a hope.
    """
    assert set(DIALECTS) == {one.dialect for one in EXAMPLES}
    assert not set(BLIND) & set(DIALECTS)


@pytest.mark.parametrize("name", list(plugins.ROUTERS))
def test_a_router_names_a_dialect_that_is_known(name: str, tmp_path: Path) -> None:
    """
    Otherwise its releases would start, and no round could be decided.
    """
    make = plugins.router(name)
    router = make(tmp_path / "routes.yaml") if name == "envoy" else make()
    dialect = router.capabilities.dialect

    assert dialect is None or dialect in DIALECTS, f"{name}: {BLIND.get(dialect, dialect)}"


_VALUES = st.sampled_from(
    [
        *("", "-", "0", "200", "499", "503", "5", "14", "UNAVAILABLE", "CANCEL", "UF,URX", "UT"),
        *("failure", "httproute/shop/web/rule/0", "+Inf", "NaN", "-1", "0.1", "1e400", "x\ny"),
    ]
)
_NAMES = st.sampled_from(
    [
        *("response_code", "grpc_response_status", "response_flags", "classification", "code"),
        *("http_status", "grpc_status", "error", "status", "envoy_response_code", "le"),
        *("envoy_cluster_name", "job", "instance"),
    ]
)
_SERIES = st.lists(
    st.builds(
        Series,
        labels=st.dictionaries(_NAMES, _VALUES, max_size=5),
        points=st.lists(
            st.tuples(
                st.integers(0, 5).map(float),
                st.one_of(st.integers(0, 100).map(float), st.sampled_from([-1.0, 1e15])),
            ),
            max_size=4,
            unique_by=lambda point: point[0],
        ).map(lambda points: tuple(sorted(points))),
    ),
    max_size=5,
)


@given(st.sampled_from(list(DIALECTS.values())), st.lists(_SERIES, min_size=3, max_size=3))
def test_any_series_give_a_number_in_range_or_a_cause(
    dialect: Dialect, answers: list[list[Series]]
) -> None:
    """
    Other programs write counters too; a surprise must not end a release with a traceback.
    """
    seen = [Seen(view=view, series=one) for view, one in zip(dialect.views, answers, strict=False)]
    rate, slow = reading.success_rate(RATE, seen), reading.duration(LATENCY, seen)

    assert rate.cause or 0 <= (rate.value if rate.value is not None else -1) <= 100
    assert slow.cause or slow.value is not None
    assert not math.isnan(slow.value or 0.0)
