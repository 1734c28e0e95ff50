"""Flagger's weak spots in questions to metrics servers, each with what we promise."""

from __future__ import annotations

from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest
from attrs import evolve
from tests.served import Answer, served
from tests.unit.adapters.prometheus_server import TARGET, Fake, ask
from tests.unit.documents.classic import ANALYSIS, classic, document_of, errors, read, template

from progressive import Cause, MetricCheck, Outcome, Plan, Sample, VerdictKind
from progressive.metrics import PrometheusMetrics
from progressive.testing import Scenario, simulate

ONE = [{"metric": {}, "value": [1.0, "1"]}]
"""What a server answers: a series with the value 1."""


def test_ws_11_a_template_without_an_interval_gets_the_default() -> None:
    """
    Flagger gives it none, and five of its providers then fail every tick: a healthy release is
    rolled back. Here the window is a minute, in the query as well.
    """
    metric = {
        "name": "errors",
        "templateRef": {"name": "errors", "namespace": "shop"},
        "thresholdRange": {"max": 1},
    }
    (check,) = document_of(classic(analysis__metrics=[metric]), template()).plan.checks

    assert timedelta(minutes=1) == check.window
    server = Fake(answer=lambda _: ONE)
    with served(server.told) as address:
        metrics = PrometheusMetrics(f"http://{address}", environment={})
        ask(metrics, evolve(check, address=None))
        metrics.close()
    assert ['sum(rate(errors{app="web-canary"}[60s]))'] == server.asked


def test_ws_15_every_question_carries_its_token_once() -> None:
    """
    Flagger appends the token to a map that all questions share, so the hundredth request carries
    it a hundred times, and proxies refuse headers of that size.
    """
    check = MetricCheck(name="q", query="x", at_most=2.0)
    server, signed = Fake(answer=lambda _: ONE), list[list[str]]()

    def told(request: BaseHTTPRequestHandler) -> Answer:
        signed.append(request.headers.get_all("Authorization") or [])
        return server.told(request)

    with served(told) as address:
        metrics = PrometheusMetrics(
            f"http://{address}", token="secret", headers={"X-Scope-OrgID": "shop"}, environment={}
        )
        for _ in range(100):
            ask(metrics, check)
        metrics.close()

    assert [["Bearer secret"]] * 100 == signed


@pytest.mark.parametrize("bound", [{"at_most": 500.0}, {"at_least": 0.0}])
def test_ws_22_no_answer_is_not_zero(bound: dict[str, float]) -> None:
    """
    An empty answer of InfluxDB is 0 in Flagger, which passes every upper bound. Here silence is
    no verdict: the weight is held, and the run ends `inconclusive`.
    """
    check = MetricCheck(name="q", query="q", **bound)  # type: ignore[arg-type]
    plan = Plan(weights=(50,), checks=(check,))
    report = simulate(plan, TARGET, Scenario(metrics={"q": None})).report

    assert VerdictKind.NO_DATA is check.judge(Sample(cause=Cause.EMPTY)).kind
    assert Outcome.INCONCLUSIVE is report.outcome
    metric = {
        "name": "errors",
        "templateRef": {"name": "errors", "namespace": "shop"},
        "thresholdRange": {"max": 1},
    }
    influx = template(provider={"type": "influxdb", "address": "http://influx:8086"})
    told = dict(errors(read(classic(analysis__metrics=[metric]), influx)))
    assert "influxdb are not available yet" in told[f"{ANALYSIS}.metrics[0].templateRef"]
