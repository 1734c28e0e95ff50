"""What raw series say about a release: two scrapes are enough, and no failure is lost."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from progressive._mesh.queries import reading
from progressive._mesh.queries.dialect import Seen
from progressive._mesh.queries.istio import ISTIO
from progressive._mesh.queries.reading import Reading
from progressive._mesh.queries.series import Series, growths, rhythm, scrapes
from progressive._model.checks import Cause, MetricCheck, Sample, VerdictKind
from progressive._model.traffic import Side, Target

AT_WORKLOAD, AT_WAYPOINT, AT_CALLERS = ISTIO.views


def rate(
    at_workload: list[Series], at_callers: list[Series], at_waypoint: list[Series] | None = None
) -> Reading:
    """The success rate of what Istio's three reporters say."""
    seen = [
        Seen(view=AT_WORKLOAD, series=at_workload),
        Seen(view=AT_WAYPOINT, series=at_waypoint or []),
        Seen(view=AT_CALLERS, series=at_callers),
    ]
    return reading.success_rate(MetricCheck.success_rate(at_least=99), seen)


def latency(check: MetricCheck, buckets: list[Series]) -> Reading:
    """The quantile of buckets at the workload."""
    return reading.duration(check, [Seen(view=AT_WORKLOAD, series=buckets)])


def series(*values: float | None, start: int = 0, **labels: str) -> Series:
    """One sample every 10 s, from the scrape `start`; None: not in that scrape."""
    points = tuple(
        (10.0 * (start + place), value) for place, value in enumerate(values) if value is not None
    )
    return Series(labels={"instance": "pod-1", **labels}, points=points)


def arrived(*values: float | None, code: str = "200", start: int = 0, **labels: str) -> Series:
    told = {"reporter": "destination", "response_code": code, **labels}
    return series(*values, start=start, **told)


def sent(*values: float | None, code: str = "503", flags: str = "-", start: int = 0) -> Series:
    return series(
        *values,
        start=start,
        reporter="source",
        response_code=code,
        response_flags=flags,
        instance="gateway",
    )


def test_five_hundreds_lower_the_rate_by_their_exact_share() -> None:
    """
    Bounds are inclusive: 95 % must be 95.0, not 94.99….
    """
    found = rate([arrived(100, 195), arrived(0, 5, code="503")], [])

    assert 95.0 == found.value


def test_only_failures_are_zero_percent_and_not_no_data() -> None:
    """
    M-132: the good/total form of Flagger divides nothing by something and sees nothing.
    """
    assert 0.0 == rate([arrived(3, 9, code="500")], []).value


def test_grpc_failures_count_although_their_http_status_is_fine() -> None:
    """
    M-134: gRPC answers 200 and tells the fault in a trailer.
    """
    fine = arrived(0, 95, grpc_response_status="0")
    failed = arrived(0, 5, grpc_response_status="14")
    client = arrived(0, 0, grpc_response_status="5")

    assert 95.0 == rate([fine, failed, client], []).value


@pytest.mark.parametrize("flags", ["UF", "UH", "UF,URX", "NR"])
def test_requests_that_never_arrived_fail_by_the_callers_word(flags: str) -> None:
    """
    M-135: the canary refuses connections, so it reports nothing at all.
    """
    assert 0.0 == rate([], [sent(0, 40, flags=flags)]).value
    assert 50.0 == rate([arrived(0, 10)], [sent(0, 10, flags=flags)]).value


def test_the_callers_view_is_the_whole_where_no_sidecar_reports() -> None:
    """
    Behind a gateway without sidecars only the gateway counts; its successes count as well.
    """
    found = rate([], [sent(0, 90, code="200"), sent(0, 10, code="503")])

    assert 90.0 == found.value


def test_a_request_is_counted_once_where_two_proxies_report_it() -> None:
    """
    A waypoint before a sidecar, or the caller beside the workload, would count it twice.
    """
    waypoint = arrived(0, 100, code="500", reporter="waypoint")
    found = rate([arrived(0, 100)], [sent(0, 100, code="200")], [waypoint])

    assert 100.0 == found.value


@pytest.mark.parametrize(
    ("seen", "cause"),
    [
        ([], Cause.EMPTY),
        ([arrived(5)], Cause.TOO_FEW_SCRAPES),
        ([arrived(5, 5)], Cause.NAN),
        ([arrived(5, 5), arrived(7)], Cause.NAN),
    ],
)
def test_silence_has_a_cause(seen: list[Series], cause: Cause) -> None:
    """
    M-133: labels that fit nothing, a scrape that is missing and no traffic are repaired apart.
    """
    found = rate(seen, [])

    assert (None, cause) == (found.value, found.cause)


def test_the_first_error_ever_is_not_lost() -> None:
    """
    `rate` needs two samples of a series, so the very first 5xx of a release would not count.
    """
    failing = arrived(None, 4, code="500")

    assert 90.0 == rate([arrived(100, 136), failing], []).value


def test_a_process_that_is_new_is_counted_from_its_first_scrape() -> None:
    """
    Scrapes of two pods do not coincide: one that is merely later must not bring all its past.
    """
    old, new = arrived(1000, 1010), arrived(None, 5000, 5010, instance="pod-2")

    assert [10, 10] == [one.amount for one in growths([old, new])]


def test_a_restart_is_no_negative_growth() -> None:
    """
    Counters begin at 0 when their process does.
    """
    assert [25] == [one.amount for one in growths([arrived(90, 100, 5, 15)])]


def test_scrapes_are_those_of_one_process() -> None:
    """
    Ten pods with a scrape each are no two scrapes.
    """
    one, other = arrived(1), arrived(None, 1, instance="pod-2")

    assert 1 == scrapes([one, other])
    assert None is rhythm([one, other])
    assert timedelta(seconds=10) == rhythm([arrived(1, 2, 3), arrived(1, instance="pod-3")])


def buckets(*counts: float) -> list[Series]:
    bounds = ("10", "100", "1000", "+Inf")
    return [arrived(0, count, le=bound) for bound, count in zip(bounds, counts, strict=True)]


@pytest.mark.parametrize(
    ("counts", "value"),
    [
        ((0, 100, 100, 100), 99.1),
        ((100, 100, 100, 100), 9.9),
        ((0, 98, 100, 100), 550.0),
        ((0, 0, 99, 100), 1000.0),
    ],
)
def test_a_quantile_is_read_as_prometheus_reads_it(
    counts: tuple[float, ...], value: float
) -> None:
    """
    The number must be the one that people see in their dashboards.
    """
    found = latency(MetricCheck.latency(at_most=500), buckets(*counts))

    assert value == pytest.approx(found.value)


@pytest.mark.parametrize(
    ("at_most", "kind"),
    [
        (500, VerdictKind.FAIL),
        (1000, VerdictKind.FAIL),
        (1001, VerdictKind.INCONCLUSIVE),
    ],
)
def test_beyond_the_largest_bucket_only_a_bound_within_the_buckets_is_judged(
    at_most: float, kind: VerdictKind
) -> None:
    """
    M-136: Prometheus answers with the largest bound, and 1000 ms would pass at most 1000.
    """
    check = MetricCheck.latency(at_most=at_most)
    found = latency(check, buckets(0, 0, 0, 100))
    sample = Sample(value=found.value, cause=found.cause, detail=found.detail)

    assert kind is check.judge(sample).kind
    assert "1000 ms" in found.detail


def test_an_empty_histogram_is_no_data() -> None:
    """
    M-136: no observation has no quantile.
    """
    found = latency(MetricCheck.latency(at_most=500), buckets(0, 0, 0, 0))

    assert Cause.NAN is found.cause


def test_names_cannot_break_out_of_a_selector() -> None:
    """
    A quote in a name must not become PromQL.
    """
    odd = Target(namespace='s"x', service="web", primary="p", canary="c\\")

    assert 'destination_workload_namespace="s\\"x",destination_workload="c\\\\"' in str(
        AT_WORKLOAD.of_requests(odd, Side.CANARY)
    )


@given(
    st.lists(
        st.lists(st.one_of(st.integers(0, 50), st.just(-1)), min_size=1, max_size=12),
        min_size=1,
        max_size=4,
    ),
    st.data(),
)
def test_growth_is_what_a_process_really_counted_after_its_first_scrape(
    histories: list[list[int]], data: st.DataObject
) -> None:
    """
    Against a model that counts events; -1 is a restart just before a scrape.
    """
    length = max(len(one) for one in histories)
    found: list[Series] = []
    expected: list[float] = []
    # one series at least is there from the first scrape, so that this scrape is known
    appears = [0] + [data.draw(st.integers(0, length)) for _ in histories[1:]]
    for history, first in zip(histories, appears, strict=True):
        steps = (history + [0] * length)[:length]
        counter, points, grown = 0, [], 0
        for scrape, step in enumerate(steps):
            if scrape < first:
                continue
            if step < 0:
                counter = 0
            else:
                counter += step
                if scrape > 0:
                    grown += step
            points.append((float(scrape), float(counter)))
        if points:
            found.append(Series(labels={"n": str(len(found))}, points=tuple(points)))
            expected.append(float(grown))

    assert expected == [one.amount for one in growths(found)]
    assert all(math.isfinite(one.amount) for one in growths(found))
