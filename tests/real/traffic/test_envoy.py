"""The envoy router and Envoy's own counters, on a real Envoy with real requests."""

from __future__ import annotations

import http.client
import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.realparts.process import Process, free_ports, wait_for
from tests.realparts.prometheus import Prometheus

from progressive._adapters.envoy.counters import EnvoyMetrics
from progressive._adapters.envoy.router import EnvoyRouter
from progressive._demo.envoy import bootstrap, find_envoy
from progressive._demo.stage import Stage, Version
from progressive._model.checks import Cause, MetricCheck, Question, VerdictKind
from progressive._model.traffic import Observed, Split, Target
from progressive.errors import DestinationNotFound, ErrorKind, NotAccepted, RouterError
from progressive.metrics import PrometheusMetrics

pytestmark = pytest.mark.real

REQUESTS = 600
TARGET = Target(namespace="tests", service="shop", primary="v1", canary="v2")
BAD = Target(namespace="tests", service="shop", primary="v1", canary="v3")


@pytest.fixture(scope="module")
def started() -> Iterator[Stage]:
    """Envoy and three versions of a shop, the third with 30 % errors."""
    versions = (Version(name="v1"), Version(name="v2"), Version(name="v3", errors=0.3))
    with Stage(versions, leaving=Event()) as stage:
        yield stage


@pytest.fixture
def stage(started: Stage) -> Iterator[Stage]:
    """The same with all traffic on v1, before and after."""
    first = started.routes.read_text()
    yield started
    fresh = started.routes.with_name("fresh.tmp")
    fresh.write_text(first)
    fresh.rename(started.routes)
    EnvoyRouter(started.routes, admin=started.admin).shift(TARGET, Split(canary=0))


def router(stage: Stage) -> EnvoyRouter:
    """One that knows the admin page."""
    return EnvoyRouter(stage.routes, admin=stage.admin)


def visit(stage: Stage, count: int = REQUESTS) -> Counter[str]:
    """How many requests each version got."""
    got: Counter[str] = Counter()
    connection = http.client.HTTPConnection("127.0.0.1", stage.users, timeout=10)
    for _ in range(count):
        connection.request("GET", "/")
        answer = connection.getresponse()
        answer.read()
        got[answer.headers.get("x-version", "nobody")] += 1
    connection.close()
    return got


def put(stage: Stage, document: Any) -> None:
    """As somebody else would: a new file renamed over the old one."""
    fresh = stage.routes.with_name("fresh.tmp")
    fresh.write_text(json.dumps(document, indent=2))
    fresh.rename(stage.routes)


def test_users_get_the_weights_that_were_ordered(stage: Stage) -> None:
    """
    The third level of done: not what is stored, but what arrives; 0 and 100 without exception.
    """
    steer = router(stage)
    for weight in (0, 20, 50, 100, 0):
        seen = steer.shift(TARGET, Split(canary=weight))
        got = visit(stage)
        share = weight / 100
        sigma = math.sqrt(REQUESTS * share * (1 - share))

        assert Observed(canary=weight, total=100) == seen == steer.current(TARGET)
        assert () == seen.warnings
        assert REQUESTS == got["v1"] + got["v2"], got
        assert abs(got["v2"] - REQUESTS * share) <= 4 * sigma, f"{weight} %: {got}"


def test_a_total_of_ten_thousand_is_followed(stage: Stage) -> None:
    """
    Envoy takes any total; one in two hundred cannot be said in percent.
    """
    seen = router(stage).shift(TARGET, Split(canary=5000, total=10_000))
    got = visit(stage)

    assert Observed(canary=5000, total=10_000) == seen
    assert abs(got["v2"] - REQUESTS / 2) <= 4 * math.sqrt(REQUESTS / 4)


def test_a_file_that_envoy_refuses_is_not_accepted(stage: Stage) -> None:
    """
    Somebody left a fault elsewhere in the file: our weight is stored, and yet nothing moved.
    """
    document = json.loads(stage.routes.read_text())
    faulty = {"match": {"prefix": "/other"}, "route": {"weighted_clusters": {"clusters": []}}}
    document["resources"][0]["virtual_hosts"][0]["routes"].append(faulty)
    put(stage, document)
    before = stage.routes.read_text()

    with pytest.raises(NotAccepted, match="refused") as told:
        router(stage).shift(TARGET, Split(canary=50))

    assert ErrorKind.INVALID is told.value.kind
    assert before == stage.routes.read_text()
    assert {"v1": REQUESTS} == visit(stage)


def test_a_file_that_envoy_does_not_watch_is_noticed(stage: Stage, tmp_path: Path) -> None:
    """
    The wrong path is the usual mistake, and a file is always written gladly.
    """
    copy = tmp_path / "routes.json"
    copy.write_text(stage.routes.read_text())
    lost = EnvoyRouter(copy, admin=stage.admin, patience=timedelta(seconds=1))

    with pytest.raises(NotAccepted, match="watch"):
        lost.shift(TARGET, Split(canary=50))

    assert Observed(canary=0, total=100) == lost.current(TARGET)


def test_a_cluster_that_envoy_lacks_gets_no_traffic(stage: Stage) -> None:
    """
    Envoy takes such a route, and answers 503 to each of its users.
    """
    document = json.loads(stage.routes.read_text())
    action = document["resources"][0]["virtual_hosts"][0]["routes"][0]["route"]
    action["weighted_clusters"]["clusters"].append({"name": "v9", "weight": 0})
    put(stage, document)
    target = Target(namespace="tests", service="shop", primary="v1", canary="v9")

    with pytest.raises(DestinationNotFound, match="v9"):
        router(stage).shift(target, Split(canary=50))

    assert {"v1": 100} == visit(stage, 100)


def test_drift_is_seen_and_home_is_found(stage: Stage) -> None:
    """
    Another writer moves the traffic; the router sees it, and can take it home.
    """
    steer = router(stage)
    steer.shift(TARGET, Split(canary=20))
    document = json.loads(stage.routes.read_text())
    action = document["resources"][0]["virtual_hosts"][0]["routes"][0]["route"]
    for cluster, weight in zip(action["weighted_clusters"]["clusters"], (10, 90), strict=False):
        cluster["weight"] = weight
    put(stage, document)

    assert Observed(canary=90, total=100) == steer.current(TARGET)
    assert Observed(canary=0, total=100) == steer.reset(TARGET)
    assert {"v1": REQUESTS} == visit(stage)


def looks(metrics: EnvoyMetrics, check: MetricCheck, since: datetime, requests: int) -> Any:
    """The sample, once Envoy's numbers hold all the requests; histograms come a flush later."""

    def complete() -> Any:
        told = metrics.sample(Question(check=check, target=BAD, dialect="envoy", since=since))
        return told if told.value is not None else None

    return wait_for(complete, f"a sample over {requests} requests")


def test_a_bad_version_is_judged_by_envoys_own_counters(stage: Stage) -> None:
    """
    What users got and what the check says are the same; times are real ones.
    """
    rate = MetricCheck.success_rate(at_least=99.0)
    times = MetricCheck.latency(at_most=500)
    router(stage).shift(BAD, Split(canary=50))
    with EnvoyMetrics(stage.admin, every=timedelta(seconds=0.2)) as metrics:
        since = datetime.now(UTC) - timedelta(seconds=1)
        got = visit(stage)
        success = looks(metrics, rate, since, got["v3"])
        slow = looks(metrics, times, since, got["v3"])

    verdict = rate.judge(success)
    assert VerdictKind.FAIL is verdict.kind
    assert abs(success.value - 70.0) < 100 * 3 / got["v3"] + 2
    assert 3 <= slow.value <= 500
    assert times.judge(slow).passed


def test_a_version_without_traffic_is_no_data(stage: Stage) -> None:
    """
    Zero of zero is neither good nor bad.
    """
    router(stage).shift(BAD, Split(canary=0))
    with EnvoyMetrics(stage.admin, every=timedelta(seconds=0.1)) as metrics:
        since = datetime.now(UTC)
        visit(stage, 20)
        question = Question(check=MetricCheck.success_rate(at_least=99.0), target=BAD, since=since)

        def decided() -> Any:
            told = metrics.sample(question)
            return told if told.cause is not Cause.TOO_FEW_SCRAPES else None

        told = wait_for(decided, "two looks")

    assert told.cause in (Cause.NAN, Cause.EMPTY)


def test_the_route_file_of_the_tutorial_is_followed_in_yaml(tmp_path: Path) -> None:
    """
    YAML is what people write by hand; their comments stay, and Envoy reads what is written.
    """
    page = Path(__file__).parents[3] / "docs" / "tutorial" / "demo.md"
    blocks = re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    (content,) = [block for block in blocks if block.startswith("resources:")]
    routes = tmp_path / "routes" / "routes.yaml"
    routes.parent.mkdir()
    routes.write_text(content)
    users, admin, closed = free_ports(3)
    clusters = {"shop-v1": closed, "shop-v2": closed}
    config = tmp_path / "envoy.json"
    config.write_text(
        json.dumps(bootstrap(users=users, admin=admin, routes=routes, clusters=clusters))
    )
    command: list[str | Path] = [
        find_envoy(),
        "-c",
        config,
        "--concurrency",
        "1",
        "--disable-hot-restart",
    ]
    process = Process("envoy", command, logs=tmp_path)
    target = Target(namespace="tests", service="shop", primary="shop-v1", canary="shop-v2")
    try:
        process.start()
        steer = EnvoyRouter(routes, admin=f"http://127.0.0.1:{admin}")
        seen = wait_for(lambda: shifted(steer, target), "Envoy's admin page")
    finally:
        process.stop()

    assert Observed(canary=30, total=100) == seen
    assert () == seen.warnings
    wanted = content.replace("weight: 100", "weight: 70").replace("weight: 0", "weight: 30")
    assert wanted == routes.read_text()


def shifted(steer: EnvoyRouter, target: Target) -> Observed | None:
    """A shift, or None while Envoy is still starting."""
    try:
        return steer.shift(target, Split(canary=30))
    except RouterError as error:
        if not error.transient and not isinstance(error, DestinationNotFound):
            raise
        return None


def test_prometheus_knows_what_the_dialect_asks_for(stage: Stage, prometheus: Prometheus) -> None:
    """
    Names and labels are those of a real Envoy, and every request is counted on its side.
    """
    router(stage).shift(BAD, Split(canary=50))
    visit(stage, 40)
    total = 'sum(envoy_cluster_upstream_rq{envoy_cluster_name=~"v1|v3"})'
    prometheus.scrape("envoy", [urlsplit(stage.admin).netloc], path="/stats/prometheus")
    before = prometheus.wait(total)
    since = datetime.now(UTC) - timedelta(seconds=60)
    got = visit(stage)
    prometheus.wait(total, lambda value: value == before + REQUESTS)
    metrics = PrometheusMetrics(prometheus.url, environment={})
    traffic = metrics.traffic(BAD, dialect="envoy", since=since)
    checks = (MetricCheck.success_rate(at_least=99), MetricCheck.latency(at_most=10_000))
    rate, slow = (
        metrics.sample(Question(check=check, target=BAD, dialect="envoy")) for check in checks
    )
    metrics.close()
    prometheus.forget("envoy")

    assert (got["v1"], got["v3"]) == (traffic.primary, traffic.canary)
    assert rate.value is not None
    assert 50 < rate.value < 90
    assert slow.value is not None
    assert 0 < slow.value < 10_000
