from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.documents.classic import (
    classic,
    document_of,
    error_paths,
    errors,
    read,
    template,
    warnings,
)

from progressive._model.checks import Builtin, MetricCheck
from progressive._model.release import Severity

METRICS = "spec.analysis.metrics"
REFERENCE = {"name": "404s", "templateRef": {"name": "errors"}, "thresholdRange": {"max": 5}}

QUERY = {"name": "x", "query": "x", "thresholdRange": {"max": 1}}


def with_metrics(*metrics: Any) -> dict[str, Any]:
    return classic(analysis__metrics=list(metrics))


def test_built_in_names_need_no_query() -> None:
    """The two metrics that every mesh has."""
    rate, latency = document_of(classic()).plan.checks

    assert (Builtin.SUCCESS_RATE, 99.0, None) == (rate.builtin, rate.at_least, rate.at_most)
    assert (Builtin.DURATION, None, 500.0) == (
        latency.builtin,
        latency.at_least,
        latency.at_most,
    )
    assert timedelta(minutes=1) == latency.window


def test_a_query_of_its_own() -> None:
    """Whatever Prometheus can count can be checked; the name of the release is put in at once."""
    (check,) = document_of(
        with_metrics(
            {
                "name": "queue",
                "query": "max({{ variables.what }}{a='{{ name }}',b='{{ ingress }}'})",
                "templateVariables": {"what": "depth"},
                "thresholdRange": {"min": 0.5, "max": 7.25},
                "interval": "30s",
            }
        )
    ).plan.checks

    assert (
        MetricCheck(
            name="queue",
            query="max({{ variables.what }}{a='my-app',b='my-app'})",
            at_least=0.5,
            at_most=7.25,
            window=timedelta(seconds=30),
            variables={"what": "depth"},
        )
        == check
    )


@pytest.mark.parametrize(
    ("name", "bounds"), [("request-success-rate", (5.0, None)), ("latency", (None, 5.0))]
)
def test_the_old_threshold_is_read_and_its_new_form_is_told(
    name: str, bounds: tuple[float | None, float | None]
) -> None:
    """It is a minimum for the success rate and a maximum for all else."""
    query = {} if name.startswith("request") else {"query": "x"}
    reading = read(with_metrics({"name": name, "threshold": 5, **query}))

    assert reading.document is not None
    check = reading.document.plan.checks[0]
    assert bounds == (check.at_least, check.at_most)
    assert "write thresholdRange: {m" in warnings(reading)[f"{METRICS}[0].threshold"]


def test_a_range_wins_over_the_old_threshold() -> None:
    """As in Flagger; but it is said."""
    metric = {"name": "request-duration", "threshold": 5, "thresholdRange": {"max": 7}}
    reading = read(with_metrics(metric))

    assert reading.document is not None
    assert 7.0 == reading.document.plan.checks[0].at_most
    assert "no effect" in warnings(reading)[f"{METRICS}[0].threshold"]


@pytest.mark.parametrize(
    ("metric", "path"),
    [
        ({"name": "request-duration"}, "[0].thresholdRange"),
        ({"name": "request-duration", "thresholdRange": {}}, "[0].thresholdRange"),
        (
            {"name": "x", "query": "x", "thresholdRange": {"min": 2, "max": 1}},
            "[0].thresholdRange",
        ),
        ({"name": "request-success-rate", "thresholdRange": {"min": 101}}, "[0].thresholdRange"),
        ({"name": "x", "query": "x", "thresholdRange": {"min": "1"}}, "[0].thresholdRange.min"),
        ({"name": "x", "query": "x", "thresholdRange": {"max": True}}, "[0].thresholdRange.max"),
        (
            {"name": "x", "query": "x", "thresholdRange": {"max": float("nan")}},
            "[0].thresholdRange.max",
        ),
        ({"name": "x", "thresholdRange": {"max": 1}}, "[0].name"),
        ({"query": "x", "thresholdRange": {"max": 1}}, "[0].name"),
        (
            {"name": "x", "query": "{{ nobody }}", "thresholdRange": {"max": 1}},
            "[0].query",
        ),
        (
            {"name": "x", "query": "{{ variables.a }}", "thresholdRange": {"max": 1}},
            "[0].query",
        ),
        (
            {"name": "x", "query": "x", "thresholdRange": {"max": 1}, "interval": "500ms"},
            "[0].interval",
        ),
        (
            {"name": "x", "query": "x", "thresholdRange": {"max": 1}, "interval": 60},
            "[0].interval",
        ),
        ("request-duration", "[0]"),
    ],
)
def test_a_metric_that_cannot_judge_is_refused(metric: Any, path: str) -> None:
    """A check without a meaning would pass or fail every canary."""
    assert [f"{METRICS}{path}"] == error_paths(read(with_metrics(metric)))


def test_a_slip_in_a_built_in_name_is_guessed() -> None:
    """Nothing else would tell that the name matters."""
    metric = {"name": "request-succes-rate", "thresholdRange": {"min": 99}}
    ((_, words),) = errors(read(with_metrics(metric)))

    assert "did you mean request-success-rate?" in words


def test_a_success_rate_as_a_fraction_is_questioned() -> None:
    """0.99 percent passes nearly every canary."""
    metric = {"name": "request-success-rate", "thresholdRange": {"min": 0.99}}
    reading = read(with_metrics(metric))

    found = [one for one in reading.problems if one.id == "PD102"]
    assert [(Severity.WARNING, f"{METRICS}[0].thresholdRange")] == [
        (one.severity, one.path) for one in found
    ]
    assert "write 99" in found[0].message


@pytest.mark.parametrize("metrics", [[], None])
def test_a_release_that_cannot_fail_is_no_release(metrics: Any) -> None:
    """Flagger promotes such a canary silently."""
    document = classic(analysis__metrics=metrics)
    refused = read(document)

    assert [("PD101", METRICS)] == [(one.id, one.path) for one in refused.problems]
    assert () == document_of(document, allow_no_checks=True).plan.checks


def test_a_window_longer_than_the_interval_is_a_warning() -> None:
    """The first round of a weight would look back to the weight before."""
    reading = read(classic(analysis__interval="30s"))

    assert (
        "window 1m > interval 30s: the first round of a weight looks back 30 s"
        == warnings(reading)[f"{METRICS}[0].interval"]
    )


def test_a_query_that_does_not_use_the_window_is_not_warned_of() -> None:
    """It is asked as it is written, so nothing is clipped."""
    metric = {"name": "x", "query": "rate(x[5m])", "thresholdRange": {"max": 1}, "interval": "5m"}

    assert {} == warnings(read(with_metrics(metric)))


def test_a_template_is_found_in_the_file_before_the_cluster() -> None:
    """What is reviewed together is released together."""
    lookups: list[tuple[str, str, str]] = []

    def lookup(*asked: str) -> None:
        lookups.append((asked[0], asked[1], asked[2]))

    (check,) = document_of(with_metrics(REFERENCE), template(), lookup=lookup).plan.checks

    assert ("404s", "http://prometheus:9090", 5.0) == (check.name, check.address, check.at_most)
    assert 'sum(rate(errors{app="{{ target }}"}[{{ interval }}]))' == check.query
    assert [] == lookups


def test_a_template_is_looked_for_in_the_namespace_of_the_release() -> None:
    """As Flagger does, unless the reference names another."""
    asked: list[tuple[str, str, str]] = []

    def lookup(kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        asked.append((kind, namespace, name))
        return template() if namespace == "monitoring" else None

    near = read(with_metrics(REFERENCE), lookup=lookup)
    far = {**REFERENCE, "templateRef": {"name": "errors", "namespace": "monitoring"}}
    document_of(with_metrics(far), lookup=lookup)

    assert [f"{METRICS}[0].templateRef"] == error_paths(near)
    assert [("MetricTemplate", ns, "errors") for ns in ("shop", "monitoring")] == asked


def test_a_faulty_template_of_the_cluster_is_told_at_the_reference() -> None:
    """Its own paths mean nothing in this file."""
    broken = template(query="{{ nobody }}")
    ((path, words),) = errors(read(with_metrics(REFERENCE), lookup=lambda *_: broken))

    assert f"{METRICS}[0].templateRef" == path
    assert "spec.query of it" in words


def test_faults_of_a_template_are_told_in_its_own_document() -> None:
    """With several documents a path alone says too little."""
    beside = template(provider={"type": "prometheus", "adress": "http://x"})
    reading = read(with_metrics(REFERENCE), beside)

    assert [(1, "spec.provider.adress")] == [
        (one.document, one.path) for one in reading.problems if one.severity is Severity.ERROR
    ]


@pytest.mark.parametrize(
    ("provider", "path"),
    [
        ({"type": "datadog"}, f"{METRICS}[0].templateRef"),
        (
            {"type": "prometheus", "address": "http://x:1", "secretRef": {"name": "s"}},
            "spec.provider.secretRef",
        ),
        ({"type": "prometheus", "address": "prometheus:9090"}, "spec.provider.address"),
        ({"type": "prometheus", "address": "http://u:p@x:1"}, "spec.provider.address"),
    ],
)
def test_a_template_that_cannot_be_asked_is_refused(provider: Any, path: str) -> None:
    """Asking somewhere else, or without the credentials, would judge by other numbers."""
    reading = read(with_metrics(REFERENCE), template(provider=provider))

    assert [path] == error_paths(reading)


def test_secrets_of_an_address_are_never_shown() -> None:
    """Messages end in build logs."""
    provider = {"type": "prometheus", "address": "http://user:hunter2@prometheus:9090"}
    reading = read(with_metrics(REFERENCE), template(provider=provider))
    server = read(classic(metricsServer="http://user:hunter2@prometheus:9090"))

    assert ["spec.metricsServer"] == error_paths(server)
    assert "hunter2" not in str((reading.problems, server.problems))


def test_settings_of_a_template_without_effect_are_named() -> None:
    """Every field is honoured, refused or named."""
    provider = {
        "type": "prometheus",
        "address": "http://x:1",
        "headers": {"X-Scope-OrgID": ["a"]},
        "region": "eu",
        "insecureSkipVerify": True,
    }
    reading = read(with_metrics(REFERENCE), template(provider=provider))

    assert {
        "spec.provider.headers",
        "spec.provider.region",
        "spec.provider.insecureSkipVerify",
    } == (set(warnings(reading)))


def test_each_question_of_a_metric_is_a_check() -> None:
    """Flagger evaluates every form that a metric has."""
    metric = {
        "name": "request-duration",
        "query": "x",
        "templateRef": {"name": "errors"},
        "thresholdRange": {"max": 5},
    }
    checks = document_of(with_metrics(metric), template()).plan.checks

    assert [
        "request-duration",
        "request-duration (query)",
        "request-duration (template)",
    ] == [one.name for one in checks]


def test_a_name_that_is_there_twice_gets_a_number() -> None:
    """Reports and journals tell checks by their names; Flagger takes such a document."""
    metric = {"name": "x", "query": "x", "thresholdRange": {"max": 1}}
    reading = read(with_metrics(metric, metric, metric))

    assert reading.document is not None
    assert ["x", "x #2", "x #3"] == [one.name for one in reading.document.plan.checks]
    assert f"{METRICS}[1].name" in warnings(reading)
