"""`EnvoyMetrics`: looks at an admin page in the background, and its bad days."""

from __future__ import annotations

import gc
import math
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.envoy.admin_page import Page, serving
from tests.unit.envoy.counted import RATE, page
from tests.unit.envoy.documents import TARGET

from progressive._adapters.envoy.counters import EnvoyMetrics
from progressive._mesh.effect import CountsTraffic
from progressive._model.checks import Cause, MetricCheck, Question, Sample
from progressive.errors import ErrorKind, MetricsError, SpecError
from progressive.ports import MetricsProvider


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
