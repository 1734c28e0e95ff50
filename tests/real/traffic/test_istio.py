"""The Istio router with a real istiod, and a real Envoy with users."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.real.stage.backends import (
    backends,
    by_version,
    near,
    shop,
    target,
)
from tests.realparts.mesh import Mesh
from tests.realparts.process import wait_for

from progressive._model.checks import Cause, MetricCheck, Question, Sample, VerdictKind
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Observed, Split
from progressive.clusters import KubernetesCluster
from progressive.errors import (
    InvalidRequest,
)
from progressive.metrics import PrometheusMetrics
from progressive.routers import EffectKind, IstioRouter

pytestmark = pytest.mark.real


def sent(namespace: str) -> str:
    about = f'reporter="source",destination_service_namespace="{namespace}"'
    return f"sum(istio_requests_total{{{about}}})"


def test_the_route_that_is_made_is_taken_by_the_server_and_by_istiod(
    mesh: Mesh, namespace: str, cluster: KubernetesCluster
) -> None:
    """
    With strict field validation, and then with users.
    """
    backends(mesh.control_plane, namespace)
    spec = ServiceSpec(
        name="web",
        port=80,
        hosts=(mesh.host(namespace, "web"),),
        gateways=(mesh.gateway,),
        routing={"timeout": "5s", "retries": {"attempts": 1}, "match": [{"uri": {"prefix": "/"}}]},
    )
    router = IstioRouter(cluster)
    router.establish(target(namespace), spec, None)
    host = mesh.host(namespace, "web")
    mesh.wait_weights(host, {"web-primary": 100})
    mesh.wait_endpoints(namespace, "web-primary", 2)

    assert {"1": 20} == by_version(mesh.ask(host, times=20))
    assert Observed(canary=0) == router.current(target(namespace))


def test_all_three_levels_of_done(mesh: Mesh, namespace: str, cluster: KubernetesCluster) -> None:
    """
    Stored, acknowledged by the proxy, and measured with real users: the whole way of a weight.
    """
    host = shop(mesh, namespace, canary=0)
    metrics = PrometheusMetrics(mesh.prometheus.url, environment={})
    steered = IstioRouter(cluster, istiod=mesh.istiod_debug, proof=metrics)
    web = target(namespace)
    observed = steered.shift(web, Split(canary=20))
    # acknowledged, so Envoy follows: there is nothing to wait for
    in_envoy = mesh.weights(host)
    begin = datetime.now(UTC)
    counts = by_version(mesh.ask(host, times=600))
    mesh.prometheus.wait(sent(namespace), lambda value: value >= 600)
    traffic = metrics.traffic(web, dialect="istio", since=begin - timedelta(seconds=30))
    metrics.close()

    assert () == observed.warnings
    assert {"web-primary": 80, "web-canary": 20} == in_envoy
    assert near(20, of=600)(counts["2"]), counts
    assert traffic.primary + traffic.canary <= 600
    with pytest.raises(InvalidRequest, match="old split"):
        steered.in_effect(web, Split(canary=20), since=begin)


def test_users_prove_a_split_or_disprove_it(
    mesh: Mesh, namespace: str, cluster: KubernetesCluster
) -> None:
    """
    M-130 with real counters: the same traffic fits the one order and not the other.
    """
    host = shop(mesh, namespace, canary=30)
    metrics = PrometheusMetrics(mesh.prometheus.url, environment={})
    steered = IstioRouter(cluster, proof=metrics)
    since = datetime.now(UTC)
    # for some ten seconds: a scrape that is late loses a second at each end
    with mesh.load(host, per_second=60, seconds_at_most=60) as load:
        wait_for(lambda: sum(load.counts.values()) >= 600, "600 answers")
    mesh.prometheus.wait(sent(namespace), lambda value: value >= sum(load.counts.values()))
    right = steered.in_effect(target(namespace), Split(canary=30), since=since)
    wrong = steered.in_effect(target(namespace), Split(canary=60), since=since)
    metrics.close()

    assert EffectKind.IN_EFFECT is right.kind, right.explanation
    assert EffectKind.NOT_IN_EFFECT is wrong.kind, wrong.explanation
    # both reporters together would count each request twice
    assert 300 <= right.n < 1.5 * sum(load.counts.values())


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        ("web:2", VerdictKind.PASS),
        ("web:2-bad", VerdictKind.FAIL),
        ("web:2-dead", VerdictKind.FAIL),
    ],
)
def test_the_success_rate_of_a_real_canary(
    mesh: Mesh, namespace: str, image: str, kind: VerdictKind
) -> None:
    """
    M-135 among them: a canary that hangs up reports nothing, and must fail all the same.
    """
    host = shop(mesh, namespace, canary=50, image=image)
    metrics = PrometheusMetrics(mesh.prometheus.url, environment={})
    check = MetricCheck.success_rate(at_least=99)
    since = datetime.now(UTC)

    def sample() -> Sample | None:
        found = metrics.sample(
            Question(check=check, target=target(namespace), dialect="istio", since=since)
        )
        return found if found.value is not None else None

    with mesh.load(host, per_second=50, seconds_at_most=30):
        found = wait_for(sample, "two scrapes with traffic")
    metrics.close()

    assert found is not None
    assert kind is check.judge(found).kind, found


def test_a_canary_without_users_has_no_data(mesh: Mesh, namespace: str) -> None:
    """
    Silence is neither good nor bad.
    """
    shop(mesh, namespace, canary=0)
    metrics = PrometheusMetrics(mesh.prometheus.url, environment={})
    check = MetricCheck.latency(at_most=500)
    found = metrics.sample(Question(check=check, target=target(namespace), dialect="istio"))
    metrics.close()

    assert Cause.EMPTY is found.cause
    assert VerdictKind.NO_DATA is check.judge(found).kind
