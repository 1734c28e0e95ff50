"""PrometheusMetrics on a real Prometheus that scrapes a page that the test writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from tests.realparts.page import Page, scraped_page
from tests.realparts.process import wait_for
from tests.realparts.prometheus import Prometheus

from progressive._model.checks import Cause, MetricCheck, Question, Sample
from progressive._model.traffic import Target
from progressive.errors import ErrorKind, MetricsError
from progressive.metrics import PrometheusMetrics

pytestmark = pytest.mark.real

TARGET = Target(namespace="shop", service="web", primary="web-primary", canary="web-canary")
SIDE = 'reporter="destination",destination_workload_namespace="shop",destination_workload'


@pytest.fixture
def page(prometheus: Prometheus) -> Iterator[Page]:
    with scraped_page(prometheus) as shown:
        yield shown


@pytest.fixture
def metrics(prometheus: Prometheus) -> Iterator[PrometheusMetrics]:
    made = PrometheusMetrics(prometheus.url, timeout=timedelta(seconds=3), environment={})
    yield made
    made.close()


def requests_total(workload: str, code: int, value: float) -> str:
    return f'istio_requests_total{{{SIDE}="{workload}",response_code="{code}"}} {value}\n'


def until(metrics: PrometheusMetrics, check: MetricCheck, good: Any, workload: str) -> Sample:
    """Ask until the sample is as wanted; the canary of each test has a name of its own."""
    target = Target(namespace="shop", service="web", primary="p", canary=workload)
    question = Question(check=check, target=target, dialect="istio")

    def probe() -> Sample | None:
        sample = metrics.sample(question)
        return sample if good(sample) else None

    found = wait_for(probe, f"{check.name} of {workload}")
    assert found is not None
    return found


def test_the_rate_is_exact_and_the_first_error_counts(
    page: Page, metrics: PrometheusMetrics, prometheus: Prometheus
) -> None:
    """
    Prometheus' own `increase` would see 0 failures: the series is there in its last scrape only.
    """
    page.text = requests_total("first", 200, 1000)
    prometheus.wait('count_over_time(istio_requests_total{destination_workload="first"}[1m])')
    page.text = requests_total("first", 200, 1090) + requests_total("first", 503, 10)
    rate = MetricCheck.success_rate(at_least=99)

    found = until(metrics, rate, lambda sample: sample.value not in (None, 100.0), "first")
    assert 90.0 == found.value


def test_one_scrape_is_too_few_and_tells_the_interval(
    page: Page, metrics: PrometheusMetrics
) -> None:
    """
    The round then waits for the next one.
    """
    page.text = requests_total("young", 200, 5)
    rate = MetricCheck.success_rate(at_least=99, window=timedelta(seconds=1))

    found = until(metrics, rate, lambda sample: sample.cause is Cause.TOO_FEW_SCRAPES, "young")
    assert found.again is not None
    assert timedelta(seconds=1) <= found.again <= timedelta(seconds=15)


def test_silence_is_told_apart(page: Page, metrics: PrometheusMetrics) -> None:
    """
    No series: look at the labels. Series without growth: there was no traffic.
    """
    page.text = requests_total("idle", 200, 7)
    rate = MetricCheck.success_rate(at_least=99)

    assert until(metrics, rate, lambda sample: sample.cause is Cause.NAN, "idle")
    assert until(metrics, rate, lambda sample: sample.cause is Cause.EMPTY, "nobody")


def buckets(workload: str, **counts: float) -> str:
    return "".join(
        f'istio_request_duration_milliseconds_bucket{{{SIDE}="{workload}",le="{bound}"}} {count}\n'
        for bound, count in counts.items()
    )


def test_a_quantile_is_the_one_of_prometheus(
    page: Page, metrics: PrometheusMetrics, prometheus: Prometheus
) -> None:
    """
    People compare the report with their dashboards.
    """
    bounds = {"10": 0.0, "50": 0.0, "100": 0.0, "500": 0.0, "+Inf": 0.0}
    page.text = buckets("slow", **bounds)
    prometheus.wait('sum(istio_request_duration_milliseconds_bucket{destination_workload="slow"})')
    counts = {"10": 20.0, "50": 60.0, "100": 93.0, "500": 100.0, "+Inf": 100.0}
    page.text = buckets("slow", **counts)
    latency = MetricCheck.latency(at_most=500, quantile=0.9)
    found = until(metrics, latency, lambda sample: sample.value, "slow")
    theirs = prometheus.wait(
        "histogram_quantile(0.9, sum by (le) "
        '(istio_request_duration_milliseconds_bucket{destination_workload="slow"}))'
    )

    assert theirs == pytest.approx(found.value)


def ask(metrics: PrometheusMetrics, query: str) -> Sample:
    check = MetricCheck(name="q", query=query, at_most=1)
    return metrics.sample(Question(check=check, target=TARGET))


def test_answers_of_every_kind(page: Page, metrics: PrometheusMetrics) -> None:
    """
    The shapes are those of the real server, not of a fake that its author believed in.
    """
    page.text = 'kinds{n="a"} 1\nkinds{n="b"} 2\n'
    wait_for(lambda: ask(metrics, 'kinds{n="b"}').value == 2.0, "both series")

    assert 42.0 == ask(metrics, "scalar(vector(42))").value
    assert float("inf") == ask(metrics, "vector(1) / 0").value
    assert Cause.NAN is ask(metrics, "vector(0) / 0").cause
    assert Cause.EMPTY is ask(metrics, "no_such_series").cause
    assert "2 series" in ask(metrics, "kinds").detail
    assert Cause.REFUSED is ask(metrics, "kinds[1m]").cause
    with pytest.raises(MetricsError, match="parse error") as caught:
        ask(metrics, "sum(")
    assert ErrorKind.INVALID is caught.value.kind


@pytest.mark.parametrize("seconds", [0.25, 1.5, 1_500_000])
def test_whatever_time_is_given_the_server_understands_it(
    prometheus: Prometheus, seconds: float
) -> None:
    """
    Prometheus refuses ``timeout=1.5s`` and ``timeout=1.5e+06s`` alike.
    """
    patient = PrometheusMetrics(prometheus.url, timeout=timedelta(seconds=seconds), environment={})
    with closing(patient):
        assert 1.0 == ask(patient, "vector(1)").value


def test_a_prometheus_that_hangs_is_given_up_and_comes_back(
    metrics: PrometheusMetrics, prometheus: Prometheus
) -> None:
    """
    A frozen process still takes connections; only a time-out tells.
    """
    hasty = PrometheusMetrics(prometheus.url, timeout=timedelta(milliseconds=500), environment={})
    with prometheus.paused(), pytest.raises(MetricsError) as caught:
        ask(hasty, "vector(1)")
    hasty.close()

    assert caught.value.transient
    assert 1.0 == ask(metrics, "vector(1)").value
