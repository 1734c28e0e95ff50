"""The Istio router on a real API server, a real istiod and a real Envoy with users."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from tests.real.parts.test_mesh import by_version, near, route, service, shop
from tests.real.parts.test_parts import deployment, rolled_out
from tests.realparts.api import Document
from tests.realparts.control_plane import ControlPlane
from tests.realparts.mesh import Mesh
from tests.realparts.process import wait_for

from progressive._model.checks import Cause, MetricCheck, Question, Sample, VerdictKind
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Observed, RouteRef, Split, Target
from progressive.clusters import KubernetesCluster
from progressive.errors import (
    ErrorKind,
    ForeignController,
    InvalidRequest,
    PreflightFailed,
    RouteNotFound,
    RouterError,
)
from progressive.metrics import PrometheusMetrics
from progressive.routers import EffectKind, IstioRouter

pytestmark = pytest.mark.real

VIRTUAL_SERVICE = ("networking.istio.io/v1", "VirtualService")


@pytest.fixture
def cluster(control_plane: ControlPlane) -> Iterator[KubernetesCluster]:
    found = KubernetesCluster.from_environment(control_plane.kubeconfig())
    yield found
    found.close()


@pytest.fixture
def router(cluster: KubernetesCluster) -> IstioRouter:
    return IstioRouter(cluster)


def target(namespace: str, *routes: RouteRef) -> Target:
    return Target(
        namespace=namespace,
        service="web",
        primary="web-primary",
        canary="web-canary",
        canary_workload="web",
        port=80,
        routes=routes,
    )


def backends(control_plane: ControlPlane, namespace: str, **canary: str) -> None:
    """Both sides with their services, the pods of the primary ready."""
    api = control_plane.api
    api.create(deployment(namespace, "web-primary"))
    api.create(deployment(namespace, "web", **canary))
    for name, app in (
        ("web", "web-primary"),
        ("web-primary", "web-primary"),
        ("web-canary", "web"),
    ):
        api.create(service(namespace, name, app=app))
    path = api.path("apps/v1", "Deployment", namespace, "web-primary")
    api.wait(path, rolled_out, "the primary is ready")
    if not canary:
        path = api.path("apps/v1", "Deployment", namespace, "web")
        api.wait(path, rolled_out, "the canary is ready")
    wanted = {"web-primary"} if canary else {"web-primary", "web-canary"}
    wait_for(lambda: wanted <= served(control_plane, namespace), f"endpoints of {wanted}")


def served(control_plane: ControlPlane, namespace: str) -> set[str]:
    """Services with a ready endpoint."""
    path = control_plane.api.path("discovery.k8s.io/v1", "EndpointSlice", namespace)
    return {
        one["metadata"]["labels"]["kubernetes.io/service-name"]
        for one in control_plane.api.get(path)["items"]
        if any(end["conditions"].get("ready") for end in one.get("endpoints") or ())
    }


def stored(control_plane: ControlPlane, namespace: str) -> Document:
    return control_plane.api.get(control_plane.api.path(*VIRTUAL_SERVICE, namespace, "web"))


def sent(namespace: str) -> str:
    about = f'reporter="source",destination_service_namespace="{namespace}"'
    return f"sum(istio_requests_total{{{about}}})"


def weights(found: Document) -> list[object]:
    return [one.get("weight") for one in found["spec"]["http"][0]["route"]]


def test_a_shift_after_a_read_is_one_patch_and_a_repetition_none(
    control_plane: ControlPlane, namespace: str, router: IstioRouter
) -> None:
    """
    M-01, M-02, M-04: counted by the API server itself, and stored as whole numbers.
    """
    backends(control_plane, namespace)
    control_plane.api.create(route(namespace, canary=0))
    web = target(namespace)
    router.current(web)
    router.shift(web, Split(canary=10))
    router.current(web)
    begin = control_plane.mark()
    assert Observed(canary=20) == router.shift(web, Split(canary=20))
    after = control_plane.requests(since=begin, namespace=namespace)
    found = stored(control_plane, namespace)
    router.shift(web, Split(canary=20))

    assert {("patch", "virtualservices"): 1, ("list", "endpointslices"): 1} == after
    assert [80, 20] == weights(found) and all(type(one) is int for one in weights(found))
    assert 3 == found["metadata"]["generation"]
    assert "progressive" in {one["manager"] for one in found["metadata"]["managedFields"]}
    again = stored(control_plane, namespace)["metadata"]["resourceVersion"]
    assert found["metadata"]["resourceVersion"] == again


def test_a_destination_without_a_weight_gets_one(
    control_plane: ControlPlane, namespace: str, router: IstioRouter
) -> None:
    """
    M-05: the server refuses to replace a key that is not there.
    """
    backends(control_plane, namespace)
    bare = route(namespace, canary=0)
    for entry in bare["spec"]["http"][0]["route"]:
        del entry["weight"]
    control_plane.api.create(bare)

    assert 20 == router.shift(target(namespace), Split(canary=20)).canary
    assert [80, 20] == weights(stored(control_plane, namespace))


def test_another_writer_between_read_and_write_is_planned_around(
    control_plane: ControlPlane, namespace: str, router: IstioRouter
) -> None:
    """
    M-118, M-119: a real conflict, with the real words of the server.
    """
    backends(control_plane, namespace)
    control_plane.api.create(route(namespace, canary=0))
    web = target(namespace)
    router.current(web)
    swapped = route(namespace, canary=0)
    swapped["spec"]["http"][0]["route"].reverse()
    swapped["spec"]["http"][0]["timeout"] = "7s"
    control_plane.user("other").apply(swapped)

    assert 20 == router.shift(web, Split(canary=20)).canary
    found = stored(control_plane, namespace)
    assert [20, 80] == weights(found)
    assert "7s" == found["spec"]["http"][0]["timeout"]


def test_a_route_that_is_not_there_is_told_and_nothing_written(
    control_plane: ControlPlane, namespace: str, router: IstioRouter
) -> None:
    """
    M-11, M-33: only reads in the audit log; the way home has nothing to do.
    """
    begin = control_plane.mark()
    with pytest.raises(RouteNotFound, match=namespace):
        router.shift(target(namespace), Split(canary=20))
    assert 0 == router.reset(target(namespace)).canary

    asked = control_plane.requests(since=begin, namespace=namespace)
    assert {"list"} == {verb for verb, _ in asked}


def test_no_weight_for_a_canary_that_is_not_ready(
    control_plane: ControlPlane, namespace: str, router: IstioRouter
) -> None:
    """
    Traffic is never sent to a side that has no ready endpoint.
    """
    backends(control_plane, namespace, never_ready="true")
    control_plane.api.create(route(namespace, canary=0))

    with pytest.raises(PreflightFailed, match="web-canary"):
        router.shift(target(namespace), Split(canary=20))
    assert [100, 0] == weights(stored(control_plane, namespace))


def test_a_missing_right_is_named(control_plane: ControlPlane, namespace: str) -> None:
    """
    M-129: and the very rights that are named suffice.
    """
    backends(control_plane, namespace)
    control_plane.api.create(route(namespace, canary=0))
    cluster = KubernetesCluster.from_environment(control_plane.kubeconfig("restricted"))
    web = target(namespace, RouteRef(name="web"))
    reading: list[Document] = [
        {"apiGroups": ["networking.istio.io"], "resources": ["virtualservices"], "verbs": ["get"]},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["services"], "verbs": ["get"]},
    ]
    control_plane.grant("restricted", namespace, reading)
    with pytest.raises(RouterError, match="patch") as caught:
        IstioRouter(cluster).shift(web, Split(canary=20))
    assert ErrorKind.FORBIDDEN is caught.value.kind
    assert "networking.istio.io" in str(caught.value) and namespace in str(caught.value)

    reading[0]["verbs"].append("patch")
    control_plane.grant("restricted", namespace, reading)
    assert 20 == IstioRouter(cluster).shift(web, Split(canary=20)).canary
    cluster.close()


def test_a_denial_by_policy_is_final_and_in_its_words(
    control_plane: ControlPlane, namespace: str, router: IstioRouter
) -> None:
    """
    M-122: admission says no; the split stays, and nobody asks again and again.
    """
    backends(control_plane, namespace)
    control_plane.api.create(route(namespace, canary=0))
    policy: Document = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": f"calm-{namespace}"},
        "spec": {
            "matchConstraints": {
                "namespaceSelector": {
                    "matchLabels": {"kubernetes.io/metadata.name": namespace},
                },
                "resourceRules": [
                    {
                        "apiGroups": ["networking.istio.io"],
                        "apiVersions": ["*"],
                        "operations": ["UPDATE"],
                        "resources": ["virtualservices"],
                    }
                ],
            },
            "validations": [{"expression": "false", "message": "no deploys on Friday"}],
        },
    }
    binding: Document = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": f"calm-{namespace}"},
        "spec": {"policyName": f"calm-{namespace}", "validationActions": ["Deny"]},
    }
    api = control_plane.api
    api.create(policy)
    api.create(binding)
    try:

        def denies() -> bool:
            label = {"metadata": {"labels": {"a": "b"}}}
            path = api.path(*VIRTUAL_SERVICE, namespace, "web")
            return "no deploys on Friday" in api.call("PATCH", path, label, kind="merge").text

        wait_for(denies, "the policy is in force")
        begin = control_plane.mark()
        with pytest.raises(InvalidRequest, match="no deploys on Friday"):
            router.shift(target(namespace), Split(canary=20))
        asked = control_plane.requests(since=begin, namespace=namespace)
        assert 1 == sum(number for (verb, _), number in asked.items() if verb == "patch")
    finally:
        for one in (binding, policy):
            api.delete(api.path_of(one))


def test_flaggers_own_field_manager_is_recognised(
    control_plane: ControlPlane, namespace: str, router: IstioRouter
) -> None:
    """
    M-124: as the server records it, not as a test writes it.
    """
    backends(control_plane, namespace)
    path = control_plane.api.path(*VIRTUAL_SERVICE, namespace)
    control_plane.api.post(path, route(namespace, canary=0), fieldManager="flagger")

    assert 0 == router.current(target(namespace)).canary
    with pytest.raises(ForeignController, match="flagger"):
        router.shift(target(namespace), Split(canary=20))


def test_the_route_that_is_made_is_taken_by_the_server_and_by_istiod(
    mesh: Mesh, namespace: str, router: IstioRouter
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
