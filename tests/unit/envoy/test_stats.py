"""What Envoy's counters mean: rates and times of a window, silence, requests of both sides."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.envoy.counted import RATE, page
from tests.unit.envoy.documents import TARGET

from progressive._mesh.envoy_stats import (
    Counted,
    Scrape,
    answer,
    count_traffic,
    read_page,
    stat_filter,
)
from progressive._model.checks import Cause, MetricCheck, Question, Sample
from progressive._model.traffic import Side

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
EVERY = timedelta(seconds=5)
TIME = MetricCheck.latency(at_most=500, window=timedelta(seconds=30))


def scrape(second: float, codes: dict[int, int] | None, **times: int) -> Scrape:
    """The canary's counters at a second; None: Envoy never heard of it."""
    at = BEGIN + timedelta(seconds=second)
    bins = {(float(key.lstrip("t")), 10.0): number for key, number in times.items()}
    clusters = {} if codes is None else {"web-v2": Counted(codes=codes, times=bins)}
    return Scrape(at=at, clusters=clusters)


def ask(
    check: MetricCheck,
    *scrapes: Scrape,
    since: float | None = None,
    at: float = 30,
    side: Side = Side.CANARY,
) -> Sample:
    """The sample at a second."""
    question = Question(
        check=check,
        target=TARGET,
        side=side,
        since=None if since is None else BEGIN + timedelta(seconds=since),
        at=BEGIN + timedelta(seconds=at),
    )
    return answer(question, scrapes, now=BEGIN, every=EVERY)


def test_the_success_rate_is_that_of_the_window() -> None:
    """
    What failed before the weight took effect is not the canary's at this weight (L5).
    """
    told = ask(
        RATE,
        scrape(0, {200: 0, 500: 900}),
        scrape(10, {200: 100, 500: 900}),
        scrape(20, {200: 190, 404: 10, 500: 900, 503: 25}),
        scrape(30, {200: 250, 404: 10, 500: 900, 503: 40}),
        since=10,
    )

    assert 100.0 * 160 / 200 == told.value
    assert timedelta(seconds=20) == told.window
    assert "cluster.web-v2.upstream_rq_" in told.query


def test_every_error_of_a_new_canary_counts() -> None:
    """
    Envoy makes a counter with the first error; its first value must not be lost.
    """
    told = ask(RATE, scrape(0, None), scrape(10, {500: 7}), scrape(20, {500: 9}))

    assert 0.0 == told.value


@pytest.mark.parametrize(("least", "cause"), [(9, None), (10, None), (11, Cause.TOO_FEW_REQUESTS)])
def test_fewer_requests_than_the_check_wants_are_no_value(least: int, cause: Cause | None) -> None:
    """
    The same check means the same wherever its numbers come from.
    """
    check = MetricCheck.success_rate(at_least=99, least_requests=least)
    told = ask(check, scrape(0, {200: 0}), scrape(10, {200: 9, 500: 1}))

    assert cause is told.cause


@given(
    seconds=st.lists(
        st.tuples(st.integers(0, 20), st.integers(0, 20), st.booleans()), min_size=2, max_size=20
    )
)
def test_the_rate_is_that_of_a_model_that_counts_along(
    seconds: list[tuple[int, int, bool]],
) -> None:
    """
    Requests, errors, and Envoys that start again between two looks.
    """
    shown, scrapes, good, bad = {200: 0, 503: 0}, [], 0, 0
    for n, (fine, failed, restart) in enumerate(seconds):
        if restart and n > 0 and fine < shown[200] and failed < shown[503]:
            shown = {200: 0, 503: 0}
        shown = {200: shown[200] + fine, 503: shown[503] + failed}
        scrapes.append(scrape(n, dict(shown)))
        if n > 0:
            good, bad = good + fine, bad + failed

    told = ask(RATE, *scrapes, at=len(seconds))

    if good + bad == 0:
        assert Cause.NAN is told.cause
    else:
        assert told.value is not None
        assert math.isclose(100.0 * good / (good + bad), told.value)


def test_the_requests_of_both_sides_are_counted_in_their_time() -> None:
    """
    Level 3 of done without a Prometheus: what came before the write is not of this split.
    """
    looks = [
        Scrape(
            at=BEGIN + timedelta(seconds=second),
            clusters={
                "web-v1": Counted(codes={200: 8 * n}),
                "web-v2": Counted(codes={503: 2 * n}),
            },
        )
        for second, n in ((0, 0), (10, 100), (20, 150), (30, 900))
    ]
    second = BEGIN + timedelta(seconds=5), BEGIN + timedelta(seconds=25)
    told = count_traffic(TARGET, looks, since=second[0], until=second[1])
    alone = count_traffic(TARGET, looks, since=BEGIN, until=BEGIN)

    assert (400, 100) == (told.primary, told.canary)
    assert timedelta(seconds=10) == told.window
    assert "cluster.web-v1.upstream_rq_" in told.query
    assert (0, 0) == (alone.primary, alone.canary)


def test_times_are_those_of_the_window() -> None:
    """
    A slow start before the weight took effect would fail every round for ever.
    """
    told = ask(
        TIME,
        scrape(0, {200: 100}, t900=100),
        scrape(10, {200: 200}, t900=100, t20=100),
        scrape(20, {200: 300}, t900=100, t20=199, t40=1),
    )

    assert told.value is not None
    assert 20 <= told.value <= 30


def test_two_looks_are_needed_and_more_will_come() -> None:
    """
    The window rule: the round waits once for another look.
    """
    told = ask(RATE, scrape(0, {200: 5}), scrape(10, {200: 9}), since=5)

    assert Cause.TOO_FEW_SCRAPES is told.cause
    assert EVERY == told.again
    assert "1 of the 2 looks" in told.detail


def test_a_window_too_short_for_two_looks_is_told() -> None:
    """
    Waiting will not help then, so the words must.
    """
    short = MetricCheck.success_rate(at_least=99, window=timedelta(seconds=4))

    assert "4 s is too short" in ask(short, scrape(0, {200: 1}), scrape(28, {200: 5})).detail


def test_silence_is_no_data() -> None:
    """
    Neither a pass nor a fail: a cluster that never was asked, and one without traffic now.
    """
    never = ask(RATE, scrape(0, None), scrape(10, None))
    quiet = ask(RATE, scrape(0, {200: 5}), scrape(10, {200: 5}))
    slow = ask(TIME, scrape(0, {200: 5}), scrape(10, {200: 5}))

    assert [Cause.EMPTY, Cause.NAN, Cause.NAN] == [one.cause for one in (never, quiet, slow)]
    assert "'web-v2'" in never.detail


def test_the_primary_can_be_asked_about() -> None:
    """
    A check may be about the side that is compared with.
    """
    assert (
        Cause.EMPTY
        is ask(RATE, scrape(0, {200: 1}), scrape(10, {200: 9}), side=Side.PRIMARY).cause
    )


def test_envoys_page_is_read() -> None:
    """
    As Envoy 1.40 writes it; statistics of other kinds are passed over.
    """
    told = page({"200": 3, "503": 1}, [(1, 0.1, 2), (2, 0.1, 1)])
    told["stats"].append({"name": "cluster.web-v2.membership_healthy", "value": 1})
    told["stats"].append({"name": "cluster.web-v2.upstream_rq_xyz", "value": "text"})

    read = read_page(told, BEGIN)

    times = {(1.0, 0.1): 2, (2.0, 0.1): 1}
    assert {"web-v2": Counted(codes={200: 3, 503: 1}, times=times)} == dict(read.clusters)


def test_envoy_is_asked_for_named_clusters_alone() -> None:
    """
    Names with dots and colons are as Envoy writes them in statistics.
    """
    wanted = r"^cluster\.(a\.b|outbound_80)\.upstream_rq_(\d\d\d|time)$"

    assert wanted == stat_filter(["a.b", "outbound:80"])
    assert r"^cluster\..+\.upstream_rq_(\d\d\d|time)$" == stat_filter([])
