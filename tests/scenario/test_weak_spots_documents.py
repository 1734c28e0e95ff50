"""Flagger's weak spots in documents, metrics and hashes, each with what we promise.

What this version cannot do is refused with its path before anything is written: it is never left
out, and never becomes something else that sends users to the canary.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from attrs import evolve
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.documents.classic import (
    ABSENT,
    classic,
    document_of,
    error_paths,
    errors,
    read,
    template,
    warnings,
)

from progressive import (
    Cause,
    MetricCheck,
    Outcome,
    Plan,
    Sample,
    Target,
    VerdictKind,
)
from progressive._cli.main import cli
from progressive._documents.reading import read_documents
from progressive._kube.workload.revision import revision
from progressive._model.checks import Question
from progressive.metrics import PrometheusMetrics
from progressive.testing import Scenario, simulate

ANALYSIS = "spec.analysis"
WEIGHTLESS = {"analysis__stepWeight": ABSENT, "analysis__maxWeight": ABSENT}
INSIDER = [{"headers": {"x-user": {"exact": "insider"}}}]
SHOP = Target(namespace="shop", service="web", primary="web-primary", canary="web-canary")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def hook(kind: str) -> dict[str, Any]:
    return {"name": "h", "type": kind, "url": "http://hooks.test/h"}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"analysis__stepWeight": 0}, f"{ANALYSIS}.stepWeight"),
        (
            {**WEIGHTLESS, "analysis__stepWeights": [10, 10]},
            f"{ANALYSIS}.stepWeights[1]",
        ),
        (
            {**WEIGHTLESS, "analysis__stepWeights": [50, 10]},
            f"{ANALYSIS}.stepWeights[1]",
        ),
    ],
)
def test_ws_06_weights_that_do_not_grow_are_refused(changes: dict[str, Any], path: str) -> None:
    """
    Flagger stays in Progressing for ever with them.
    """
    assert [path] == error_paths(read(classic(**changes)))


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "WS-07 mirror beside weights": ({"analysis__mirror": True}, f"{ANALYSIS}.mirror"),
    "WS-07 mirror where the mesh has none": (
        {"analysis__mirror": True, "provider": "smi:v1alpha2"},
        f"{ANALYSIS}.mirror",
    ),
    "WS-07 mirror of a TCP route": (
        {"analysis__mirror": True, "service__appProtocol": "TCP"},
        f"{ANALYSIS}.mirror",
    ),
    "WS-08 match": (
        {**WEIGHTLESS, "analysis__match": INSIDER, "analysis__iterations": 3},
        f"{ANALYSIS}.match",
    ),
    "WS-08 match where the mesh has none": (
        {"analysis__match": INSIDER, "provider": "smi:v1alpha1"},
        f"{ANALYSIS}.match",
    ),
    "WS-08 match of a TCP route": (
        {"analysis__match": INSIDER, "service__appProtocol": "TCP"},
        f"{ANALYSIS}.match",
    ),
    "WS-09 sticky sessions": (
        {"analysis__sessionAffinity": {"cookieName": "c"}},
        f"{ANALYSIS}.sessionAffinity",
    ),
    "WS-19 DaemonSet": ({"targetRef__kind": "DaemonSet"}, "spec.targetRef.kind"),
    "WS-25 gate": (
        {"analysis__webhooks": [hook("confirm-promotion")]},
        f"{ANALYSIS}.webhooks[0]",
    ),
    "WS-25 hook": ({"analysis__webhooks": [hook("pre-rollout")]}, f"{ANALYSIS}.webhooks[0]"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_ws_07_08_09_19_25_what_cannot_be_done_is_refused_with_its_path(
    name: str, tmp_path: Path
) -> None:
    """
    Flagger loops at weight 0 with a mirror, sends everybody to the canary for a match that its
    mesh cannot do, and measures the primary of a DaemonSet. Here: exit 6, and nothing is written.
    """
    changes, path = REFUSED[name]
    document = classic(**changes)
    file = tmp_path / "canary.yaml"
    file.write_text(yaml.safe_dump(document))

    assert path in error_paths(read(document))
    ran = CliRunner().invoke(cli, ["run", str(file), "-o", "json"])
    answer = json.loads(ran.stdout)
    assert (6, False) == (ran.exit_code, answer["valid"])
    assert path in [one["path"] for one in answer["problems"]]


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
    with Metrics() as server:
        metrics = PrometheusMetrics(server.url, environment={})
        metrics.sample(Question(check=evolve(check, address=None), target=SHOP, at=NOW))
        metrics.close()
    assert ['sum(rate(errors{app="web-canary"}[60s]))'] == server.asked


def test_ws_13_alerts_that_are_not_sent_are_said_not_to_be() -> None:
    """
    Flagger never delivers an alert without a severity, and says nothing. Here the plan says which
    alerts of the document nobody will get.
    """
    provider = {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "AlertProvider",
        "metadata": {"name": "chat", "namespace": "shop"},
        "spec": {"type": "slack", "address": "https://chat.test/hook"},
    }
    alert = {"name": "team", "providerRef": {"name": "chat"}}
    reading = read(classic(analysis__alerts=[alert]), provider)

    assert [] == error_paths(reading)
    assert any(path.startswith(f"{ANALYSIS}.alerts[0]") for path in warnings(reading))


class Metrics:
    """
    A server that answers every query with 1, and keeps what came.

    Attributes:
        asked: Queries.
        signed: The values of every Authorization header of each request.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.signed: list[list[str]] = []
        metrics = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                metrics.asked.append(parse_qs(urlsplit(self.path).query)["query"][0])
                metrics.signed.append(self.headers.get_all("Authorization") or [])
                result = {"result": [{"metric": {}, "value": [1.0, "1"]}]}
                body = json.dumps({"status": "success", "data": result}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Tests tell what matters."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.01}
        )

    def __enter__(self) -> Metrics:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


def test_ws_15_every_question_carries_its_token_once() -> None:
    """
    Flagger appends the token to a map that all questions share, so the hundredth request carries
    it a hundred times, and proxies refuse headers of that size.
    """
    check = MetricCheck(name="q", query="x", at_most=2.0)
    with Metrics() as server:
        metrics = PrometheusMetrics(
            server.url, token="secret", headers={"X-Scope-OrgID": "shop"}, environment={}
        )
        for _ in range(100):
            metrics.sample(Question(check=check, target=SHOP, at=NOW))
        metrics.close()

    assert [["Bearer secret"]] * 100 == server.signed


# WS-20


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every node of a document, the document itself first."""
    yield path
    if isinstance(value, dict):
        for key, one in value.items():
            yield from places(one, (*path, key))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from places(one, (*path, index))


def full() -> dict[str, Any]:
    """The classic document, with more of what a Canary may have."""
    return classic(
        service__name="web",
        service__targetPort=8080,
        service__hosts=["web.test"],
        service__retries={"attempts": 3},
        analysis__primaryReadyThreshold=50,
        metricsServer="http://prometheus:9090",
    )


PLACES = [path for path in places(full()) if path]
TOUCHES: list[Any] = [ABSENT, None, [], {}, "", 0, -1, True, "x", [None], {"": None}, 1e400]


def touched(document: dict[str, Any], path: tuple[Any, ...], value: Any) -> None:
    """Change or delete one node, unless an earlier touch has taken its place away."""
    place: Any = document
    try:
        for part in path[:-1]:
            place = place[part]
        if value is ABSENT:
            del place[path[-1]]
        else:
            place[path[-1]] = deepcopy(value)
    except (KeyError, IndexError, TypeError):
        return


def check_reading(document: dict[str, Any], what: object) -> bool:
    """Read it: valid with a plan that stands, or with errors that each have a path and words."""
    reading = read_documents([document])
    if reading.valid:
        assert reading.document is not None, what
        assert isinstance(reading.document.plan, Plan), what
        return True
    assert errors(reading), what
    for path, words in errors(reading):
        assert path and words, (what, path, words)
    return False


@pytest.mark.parametrize("path", PLACES, ids=lambda path: ".".join(map(str, path)))
def test_ws_20_no_node_can_be_missing_or_nonsense_without_a_word(path: tuple[Any, ...]) -> None:
    """
    Flagger panics without an analysis; the schema of its CRD alone keeps that away. Here each
    node is deleted, null, empty or of another kind: one error with its path, never a traceback.
    """
    told = 0
    for value in TOUCHES:
        document = full()
        touched(document, path, value)
        told += not check_reading(document, (path, value))

    assert told >= 1, "nothing that is written there counts"


@given(st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(TOUCHES)), max_size=5))
@settings(max_examples=300, deadline=None)
def test_ws_20_several_faults_at_once_are_told_without_a_traceback(
    touches: list[tuple[tuple[Any, ...], Any]],
) -> None:
    """
    A template engine that lost its values breaks a document in several places.
    """
    document = full()
    for path, value in touches:
        touched(document, path, value)

    check_reading(document, touches)


@pytest.mark.parametrize("field", ["analysis", "service", "targetRef", "analysis__metrics"])
@pytest.mark.parametrize("value", [ABSENT, None], ids=["missing", "null"])
@pytest.mark.parametrize("command", ["plan", "run"])
def test_ws_20_the_command_line_names_the_path(
    command: str, value: Any, field: str, tmp_path: Path
) -> None:
    """
    What a person reads in the build: the place, and exit 6.
    """
    file = tmp_path / "canary.yaml"
    file.write_text(yaml.safe_dump(classic(**{field: value})))
    ran = CliRunner().invoke(cli, [command, str(file), "-o", "json"])

    assert 6 == ran.exit_code, ran.output
    assert f"spec.{field.replace('__', '.')}" in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr
    assert isinstance(ran.exception, SystemExit | None)


# WS-21

STORED: dict[str, Any] = {
    "metadata": {"creationTimestamp": None, "labels": {"app": "web", "tier": "front"}},
    "spec": {
        "containers": [
            {
                "name": "web",
                "image": "web:1",
                "imagePullPolicy": "IfNotPresent",
                "ports": [{"containerPort": 8080, "protocol": "TCP"}],
                "resources": {},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }
        ],
        "dnsPolicy": "ClusterFirst",
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
    },
}
"""As an API server stores it, with its defaults; what it reads back, whoever wrote it."""


def shuffled(value: Any, dice: random.Random) -> Any:
    """The same with its keys in another order."""
    if isinstance(value, dict):
        keys = dice.sample(list(value), len(value))
        return {key: shuffled(value[key], dice) for key in keys}
    return [shuffled(one, dice) for one in value] if isinstance(value, list) else value


def test_ws_21_the_revision_of_a_template_is_the_same_in_every_version() -> None:
    """
    Flagger's hash depends on its client library, so its upgrades start canaries fleet-wide. This
    number is a promise: adapt the code, never the number.
    """
    dice = random.Random(21)
    without = deepcopy(STORED)
    del without["metadata"]["creationTimestamp"]  # newer clients leave it out
    del without["spec"]["securityContext"]
    del without["spec"]["containers"][0]["resources"]

    assert "03c89778916b93bf" == revision(STORED)
    assert {revision(STORED)} == {revision(shuffled(STORED, dice)) for _ in range(50)}
    assert revision(STORED) == revision(without)
    assert revision(STORED) == revision(json.loads(json.dumps(STORED)))


# WS-22


@pytest.mark.parametrize("bound", [{"at_most": 500.0}, {"at_least": 0.0}])
def test_ws_22_no_answer_is_not_zero(bound: dict[str, float]) -> None:
    """
    An empty answer of InfluxDB is 0 in Flagger, which passes every upper bound. Here silence is
    no verdict: the weight is held, and the run ends `inconclusive`.
    """
    check = MetricCheck(name="q", query="q", **bound)  # type: ignore[arg-type]
    plan = Plan(weights=(50,), checks=(check,))
    report = simulate(plan, SHOP, Scenario(metrics={"q": None})).report

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
