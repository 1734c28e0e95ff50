"""What the built-in checks ask of a Prometheus server, and how its raw series are read."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.adapters.prometheus_server import NOW, TARGET, Fake, ask

from progressive._adapters.prometheus.provider import PrometheusMetrics
from progressive._model.checks import Cause, MetricCheck
from progressive.errors import MetricsError


def matrix(metric: dict[str, str], *values: float) -> dict[str, Any]:
    told = {"instance": "p", "reporter": "destination", **metric}
    return {"metric": told, "values": [[10.0 * n, str(one)] for n, one in enumerate(values)]}


def test_the_success_rate_is_read_raw_at_the_workload_and_at_its_callers(
    server: Fake, provider: PrometheusMetrics
) -> None:
    """
    One request for each kind of reporter; `rate` is not among them.
    """
    server.answer = lambda query: (
        [matrix({"response_code": "200"}, 0, 99), matrix({"response_code": "500"}, 0, 1)]
        if "destination_workload=" in query
        else []
    )
    since = NOW - timedelta(seconds=30)
    sample = ask(provider, MetricCheck.success_rate(at_least=99), dialect="istio", since=since)

    assert 99.0 == sample.value
    assert timedelta(seconds=30) == sample.window
    assert 3 == len(server.asked)
    assert all(one.endswith("[30s]") and "rate" not in one for one in server.asked)


def test_too_few_scrapes_tell_when_the_next_one_comes(
    server: Fake, provider: PrometheusMetrics
) -> None:
    """
    The round waits for it once instead of losing a whole interval.
    """
    server.answer = lambda query: (
        []
        if "source" in query
        else [matrix({"response_code": "200"}, *([1, 2, 3] if "[300s]" in query else [1]))]
    )
    since = NOW - timedelta(seconds=11)
    sample = ask(provider, MetricCheck.success_rate(at_least=99), dialect="istio", since=since)

    assert Cause.TOO_FEW_SCRAPES is sample.cause
    assert timedelta(seconds=10) == sample.again


def test_no_series_soon_after_a_write_may_be_a_scrape_that_did_not_come(
    provider: PrometheusMetrics,
) -> None:
    """
    Later on it is silence, and waiting for a scrape does not help.
    """
    what = MetricCheck.latency(at_most=500)
    soon, late = (NOW - timedelta(seconds=seconds) for seconds in (10, 45))

    assert ask(provider, what, dialect="istio", since=soon).again
    assert ask(provider, what, dialect="istio", since=late).again is None


def test_a_latency_is_read_at_the_callers_where_no_workload_reports(
    server: Fake, provider: PrometheusMetrics
) -> None:
    """
    Behind a gateway without sidecars its view is all there is.
    """
    server.answer = lambda query: (
        [
            matrix({"le": "100", "reporter": "source"}, 0, 100),
            matrix({"le": "+Inf", "reporter": "source"}, 0, 100),
        ]
        if 'reporter="source"' in query
        else []
    )

    assert 99.0 == ask(provider, MetricCheck.latency(at_most=500), dialect="istio").value


@pytest.mark.parametrize("dialect", [None, "smoke-signals"])
def test_a_built_in_check_without_a_known_dialect_is_refused(
    provider: PrometheusMetrics, dialect: str | None
) -> None:
    """
    Flagger asks Istio's metrics of any mesh that it does not know, and finds nothing.
    """
    with pytest.raises(MetricsError, match="istio"):
        ask(provider, MetricCheck.success_rate(at_least=99), dialect=dialect)


def test_traffic_is_counted_at_the_callers_if_they_report(
    server: Fake, provider: PrometheusMetrics
) -> None:
    """
    Mirrored requests arrive at the canary as well, and no user got their answers.
    """
    server.answer = lambda query: (
        [matrix({"reporter": "source"}, 0, 20 if "web-canary" in query else 80)]
        if 'reporter="source"' in query
        else [matrix({}, 0, 500)]
        if 'reporter="destination"' in query
        else []
    )
    traffic = provider.traffic(TARGET, dialect="istio", since=NOW - timedelta(seconds=60), at=NOW)

    assert (80, 20) == (traffic.primary, traffic.canary)


def test_traffic_that_cannot_be_told_apart_is_refused(
    server: Fake, provider: PrometheusMetrics
) -> None:
    """
    A share of one cluster that holds both sides would be any number.
    """
    cluster = {"envoy_cluster_name": "httproute/shop/web/rule/0"}
    server.answer = lambda query: [matrix(cluster, 0, 100)]

    with pytest.raises(MetricsError, match="one cluster of the rule"):
        provider.traffic(TARGET, dialect="envoy-gateway", since=NOW - timedelta(minutes=1), at=NOW)


def test_the_words_for_an_empty_canary_come_with_the_count(
    server: Fake, provider: PrometheusMetrics
) -> None:
    """
    Only the dialect knows why its mesh sends nothing and tells nobody.
    """
    server.answer = lambda query: (
        [matrix({"http_status": "200"}, 0, 600)] if "web-primary" in query else []
    )
    traffic = provider.traffic(TARGET, dialect="linkerd", since=NOW - timedelta(minutes=1), at=NOW)

    assert (600, 0) == (traffic.primary, traffic.canary)
    assert "ServiceProfile" in traffic.nothing
    assert 2 == len(server.asked)


def test_a_mesh_that_cannot_tell_the_sides_apart_says_why(provider: PrometheusMetrics) -> None:
    """
    APISIX labels its counters with the address of a pod, which nobody can know in advance.
    """
    with pytest.raises(MetricsError, match="address of the pod"):
        ask(provider, MetricCheck.success_rate(at_least=99), dialect="apisix")


def test_a_caller_that_is_the_whole_is_asked_alone(
    server: Fake, provider: PrometheusMetrics
) -> None:
    """
    An ingress controller sees all that there is, so one question is enough.
    """
    server.answer = lambda query: [matrix({"status": "200"}, 0, 50)]

    assert 100.0 == ask(provider, MetricCheck.success_rate(at_least=99), dialect="nginx").value
    assert 1 == len(server.asked)
