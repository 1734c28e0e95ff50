"""`EnvoyMetrics` and what Envoy's counters mean."""

from __future__ import annotations

import gc
import math
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.envoy.admin_page import Page, serving
from tests.unit.envoy.documents import TARGET

from progressive._adapters.envoy.counters import EnvoyMetrics
from progressive._mesh.effect import CountsTraffic
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
from progressive.errors import ErrorKind, MetricsError, SpecError
from progressive.ports import MetricsProvider

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
EVERY = timedelta(seconds=5)
RATE = MetricCheck.success_rate(at_least=99.0, window=timedelta(seconds=30))
TIME = MetricCheck.latency(at_most=500, window=timedelta(seconds=30))


def page(codes: dict[str, int], bins: list[tuple[float, float, int]] | None = None) -> Any:
    """A page as Envoy 1.40 gives it, for the canary of the tests."""
    stats: list[Any] = [
        {"name": f"cluster.web-v2.upstream_rq_{code}", "value": number}
        for code, number in codes.items()
    ]
    totals = [{"lower_bound": low, "width": wide, "count": n} for low, wide, n in bins or []]
    details = [{"name": "cluster.web-v2.upstream_rq_time", "totals": totals, "percentiles": []}]
    return {"stats": [*stats, {"histograms": {"supported_percentiles": [], "details": details}}]}


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


@pytest.fixture
def admin() -> Iterator[Page]:
    """An admin page on the loopback."""
    with serving() as found:
        yield found


def growing() -> Callable[[str, dict[str, str]], tuple[int, Any]]:
    """Two good requests and one bad one between any two looks."""
    looks = iter(range(1, 1_000_000))

    def tell(path: str, query: dict[str, str]) -> tuple[int, Any]:
        n = next(looks)
        return 200, page({"200": 2 * n, "500": n}, [(1, 0.1, 3 * n)])

    return tell


def question(check: MetricCheck = RATE, **more: Any) -> Question:
    """About the canary of the tests, now."""
    return Question(check=check, target=TARGET, dialect="envoy", **more)


def sampled(metrics: EnvoyMetrics, looks: Callable[[], bool]) -> Sample:
    """One sample once enough looks were taken, in bounded time."""
    waiting = threading.Event()
    for _ in range(500):
        if looks():
            return metrics.sample(question())
        waiting.wait(0.01)
    raise AssertionError("too few looks in 5 s")


def test_it_looks_in_the_background_and_stops(admin: Page) -> None:
    """
    Without Prometheus somebody must keep the older numbers; and nobody must stay behind.
    """
    admin.answer = growing()
    metrics = EnvoyMetrics(admin.url, every=timedelta(seconds=0.1))
    assert isinstance(metrics, MetricsProvider)
    with metrics:
        told = sampled(metrics, lambda: len(admin.asked) > 3)
    after = len(admin.asked)

    assert told.value is not None
    assert math.isclose(100 * 2 / 3, told.value)
    assert after == len(admin.asked)
    assert not any("envoy-counters" in one.name for one in threading.enumerate())
    assert "detailed" == admin.asked[0][1]["histogram_buckets"]


def test_the_first_question_begins_to_look(admin: Page) -> None:
    """
    Made by hand and never opened, it still works, one look later.
    """
    admin.answer = growing()
    metrics = EnvoyMetrics(admin.url)
    assert [] == admin.asked

    told = metrics.sample(question())
    metrics.close()

    assert Cause.TOO_FEW_SCRAPES is told.cause
    assert 1 == len(admin.asked)


def test_forgotten_it_stops_by_itself(admin: Page) -> None:
    """
    Nobody closes a provider that was made inside an expression.
    """
    admin.answer = growing()
    metrics = EnvoyMetrics(admin.url, every=timedelta(seconds=0.1))
    metrics.open()
    del metrics
    gc.collect()

    assert not any("envoy-counters" in one.name for one in threading.enumerate())


def test_a_unix_socket_will_do(tmp_path: Path) -> None:
    """
    Careful people keep the admin page off the network.
    """
    with serving(tmp_path / "a.sock") as admin:
        admin.answer = growing()
        with EnvoyMetrics(admin.url, every=timedelta(seconds=0.1)) as metrics:
            told = sampled(metrics, lambda: len(admin.asked) > 2)

    assert told.value is not None


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ((503, b"busy"), ErrorKind.UNAVAILABLE),
        ((404, b"no"), ErrorKind.INVALID),
        ((200, b"<html>"), ErrorKind.INVALID),
        ((200, [1]), ErrorKind.INVALID),
        ((200, {"other": 1}), ErrorKind.INVALID),
        ((200, {"stats": [3]}), ErrorKind.INVALID),
    ],
)
def test_a_page_that_is_not_envoys_is_an_error_of_ours(
    admin: Page, reply: tuple[int, Any], kind: ErrorKind
) -> None:
    """
    A wrong port answers too, and must not count as silence.
    """
    admin.answer = lambda path, query: reply

    with EnvoyMetrics(admin.url) as metrics, pytest.raises(MetricsError) as told:
        metrics.sample(question())

    assert kind is told.value.kind


def test_an_envoy_that_is_gone_is_unreachable_until_it_is_back(admin: Page) -> None:
    """
    No data with a cause, in place of a verdict about the past.
    """
    good = growing()
    admin.answer = lambda path, query: (503, b"gone")
    with EnvoyMetrics(admin.url, every=timedelta(seconds=0.1)) as metrics:
        with pytest.raises(MetricsError):
            metrics.sample(question())
        admin.answer = good
        before = len(admin.asked)
        told = sampled(metrics, lambda: len(admin.asked) > before + 4)

    assert told.value is not None


def test_nobody_listening_is_unavailable() -> None:
    """
    The connection is refused; the words name the address.
    """
    with serving() as admin:
        url = admin.url
    with EnvoyMetrics(url) as metrics, pytest.raises(MetricsError, match=url) as told:
        metrics.sample(question())

    assert told.value.transient


@pytest.mark.parametrize(
    "asked",
    [
        Question(check=MetricCheck(name="mine", query="up", at_most=1), target=TARGET),
        Question(check=RATE),
        Question(check=RATE, target=TARGET, dialect="istio"),
    ],
)
def test_what_it_cannot_answer_is_refused_with_words(admin: Page, asked: Question) -> None:
    """
    A query needs a Prometheus; silence would hold the release until its deadline.
    """
    with pytest.raises(MetricsError) as told:
        EnvoyMetrics(admin.url).sample(asked)

    assert ErrorKind.INVALID is told.value.kind
    assert [] == admin.asked


def test_it_counts_the_traffic_of_its_own_dialect_alone(admin: Page) -> None:
    """
    A router that proves its split by Envoy's counters must not be of another mesh.
    """
    admin.answer = growing()
    begin = datetime.now(UTC) - timedelta(minutes=1)
    with EnvoyMetrics(admin.url, every=timedelta(seconds=0.1)) as metrics:
        proof: CountsTraffic = metrics
        sampled(metrics, lambda: len(admin.asked) > 3)
        told = proof.traffic(TARGET, dialect="envoy", since=begin)
        with pytest.raises(MetricsError, match="istio"):
            proof.traffic(TARGET, dialect="istio", since=begin)

    assert told.canary >= 3
    assert 0 == told.primary


@pytest.mark.parametrize(
    "times",
    [
        {"every": timedelta(seconds=0.05)},
        {"every": timedelta(seconds=5), "keep": timedelta(seconds=9)},
    ],
)
def test_rhythms_that_cannot_work_are_refused(times: dict[str, Any]) -> None:
    """
    At once, not in the first round.
    """
    with pytest.raises(SpecError):
        EnvoyMetrics("http://127.0.0.1:1", **times)
