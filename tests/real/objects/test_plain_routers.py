"""The routers of plain Kubernetes and of ingress-nginx on a real API server.

Their kinds are built in: the server validates every field, its controllers scale and publish
endpoints. No ingress controller runs; what it makes of annotations is not seen here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest
import yaml
from tests.docs.snippets import ROOT, blocks
from tests.real.objects.test_router_contract import printed_role
from tests.realparts.api import Document
from tests.realparts.control_plane import ControlPlane
from tests.realparts.process import wait_for

from progressive._model.release import ServiceSpec
from progressive._model.traffic import Match, Observed, Pods, Split, Target, TextMatch
from progressive.clusters import KubernetesCluster
from progressive.errors import ErrorKind, NotOwned, PreflightFailed, RouterError, Unsupported
from progressive.routers import KubernetesRouter, NginxRouter

pytestmark = pytest.mark.real

ROUTERS = ROOT / "docs" / "reference" / "routers"
NGINX = "nginx.ingress.kubernetes.io"
MATCH = (Match(headers={"x-user": TextMatch(exact="qa")}),)


@pytest.fixture
def cluster(control_plane: ControlPlane) -> Iterator[KubernetesCluster]:
    found = KubernetesCluster.from_environment(control_plane.kubeconfig())
    yield found
    found.close()


def target(namespace: str) -> Target:
    return Target(
        namespace=namespace,
        service="web",
        primary="web-primary",
        canary="web-canary",
        port=80,
    )


def service(namespace: str, name: str, **selector: str) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": "web", **selector}, "ports": [{"port": 80}]},
    }


def deployment(namespace: str, side: str, replicas: int, **annotations: str) -> Document:
    notes = {f"tests/{key.replace('_', '-')}": value for key, value in annotations.items()}
    labels = {"app": "web", "version": side}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"web-{side}", "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, "annotations": notes},
                "spec": {"containers": [{"name": "web", "image": "web:1"}]},
            },
        },
    }


def shop(
    control_plane: ControlPlane, namespace: str, *, apex: str | None, canary: int, **notes: str
) -> None:
    """Four pods of the primary; the apex selects one side, or (None) the pods of both."""
    api = control_plane.api
    api.create(deployment(namespace, "primary", 4))
    api.create(deployment(namespace, "canary", canary, **notes))
    api.create(service(namespace, "web", **({} if apex is None else {"version": apex})))
    for side in ("primary", "canary"):
        api.create(service(namespace, f"web-{side}", version=side))
    settled(control_plane, namespace, primary=4, canary=0 if notes else canary)


def rights(page: str) -> list[Document]:
    """The rules of the Role that a page of the reference shows."""
    shown = [one for one in blocks(ROUTERS / f"{page}.md") if "kind: Role\n" in one.text]
    (role,) = [yaml.safe_load(one.text) for one in shown]
    found: list[Document] = role["rules"]
    return found


def settled(control_plane: ControlPlane, namespace: str, **ready: int) -> None:
    """Wait until so many endpoints of each side are published."""
    api = control_plane.api
    path = api.path("discovery.k8s.io/v1", "EndpointSlice", namespace)

    def published() -> bool:
        found = dict.fromkeys(ready, 0)
        for one in api.get(path)["items"]:
            side = one["metadata"]["labels"]["kubernetes.io/service-name"].removeprefix("web-")
            if side in found:
                ends = one.get("endpoints") or ()
                found[side] += sum(1 for end in ends if end["conditions"].get("ready"))
        return found == ready

    wait_for(published, f"endpoints {ready}")


def read(control_plane: ControlPlane, kind: str, namespace: str, name: str) -> Document:
    version = {"Deployment": "apps/v1", "Ingress": "networking.k8s.io/v1"}.get(kind, "v1")
    return control_plane.api.read(version, kind, namespace, name)


def replicas(control_plane: ControlPlane, namespace: str) -> tuple[int, int]:
    sides = [
        read(control_plane, "Deployment", namespace, f"web-{side}")["spec"]["replicas"]
        for side in ("primary", "canary")
    ]
    return sides[0], sides[1]


# plain Kubernetes


def test_replicas_make_a_share_that_ready_pods_take_over(
    control_plane: ControlPlane, namespace: str, cluster: KubernetesCluster
) -> None:
    """
    The order is answered at once, and `current` tells when users have it.
    """
    shop(control_plane, namespace, apex=None, canary=0)
    router, web = KubernetesRouter(cluster), target(namespace)

    assert 0 == router.current(web).canary
    shifted = router.shift(web, Split(canary=20))
    assert (25, Pods(canary=1, total=4)) == (shifted.canary, shifted.pods)
    assert (3, 1) == replicas(control_plane, namespace)

    settled(control_plane, namespace, primary=3, canary=1)
    assert Observed(canary=25) == router.current(web)
    begin = control_plane.mark()
    assert router.shift(web, Split(canary=20)).shows(Split(canary=20))
    asked = control_plane.requests(since=begin, namespace=namespace)
    assert {"get", "list"} == {verb for verb, _ in asked}

    assert 100 == router.shift(web, Split(canary=100)).canary
    settled(control_plane, namespace, primary=0, canary=4)
    assert 0 == router.reset(web).canary
    assert (4, 0) == replicas(control_plane, namespace)


def test_the_way_home_from_the_total_leaves_nobody_alone(
    control_plane: ControlPlane, cluster: KubernetesCluster, namespace: str
) -> None:
    """
    L11: the primary has no pod there; those of the canary go once the primary's are ready.
    """
    shop(control_plane, namespace, apex=None, canary=1)
    router, place = KubernetesRouter(cluster), target(namespace)
    router.shift(place, Split(canary=50))
    wait_for(lambda: 40 <= router.current(place).canary <= 60, "the share")
    router.shift(place, Split(canary=100))
    settled(control_plane, namespace, primary=0, canary=5)
    mark = control_plane.mark()
    home = KubernetesRouter(cluster).reset(place)
    events = [
        (one["objectRef"].get("name", ""), one["verb"])
        for one in control_plane.events("progressive", since=mark)
        if one["objectRef"].get("namespace") == namespace
    ]
    first, second = [at for at, one in enumerate(events) if one[1] == "patch"]

    assert 0 == home.canary
    assert ["web-primary", "web-canary"] == [events[at][0] for at in (first, second)]
    assert second - first > 1, "nobody looked whether the primary was ready"
    settled(control_plane, namespace, primary=5, canary=0)


def test_an_autoscaler_that_comes_in_a_run_stops_the_next_step(
    control_plane: ControlPlane, namespace: str, cluster: KubernetesCluster
) -> None:
    """
    A real HorizontalPodAutoscaler; the way home is free.
    """
    shop(control_plane, namespace, apex=None, canary=1)
    router, web = KubernetesRouter(cluster), target(namespace)
    router.shift(web, Split(canary=40))
    control_plane.api.create(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web", "namespace": namespace},
            "spec": {
                "maxReplicas": 9,
                "scaleTargetRef": {
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "name": "web-primary",
                },
            },
        }
    )
    with pytest.raises(PreflightFailed, match="HorizontalPodAutoscaler"):
        router.shift(web, Split(canary=60))

    assert (3, 2) == replicas(control_plane, namespace)
    assert 0 == router.reset(web).canary
    assert (3, 0) == replicas(control_plane, namespace)


def test_another_writer_of_replicas_is_planned_around(
    control_plane: ControlPlane, namespace: str, cluster: KubernetesCluster
) -> None:
    """
    M-118: a person scales up between read and write. A pod that the first try gave the canary
    may be there already, and then counts in the sum of the second.
    """
    shop(control_plane, namespace, apex=None, canary=1)
    router, web = KubernetesRouter(cluster), target(namespace)
    router.current(web)
    path = control_plane.api.path("apps/v1", "Deployment", namespace, "web-primary")
    control_plane.user("other").patch(path, {"spec": {"replicas": 9}})

    assert router.shift(web, Split(canary=40)).shows(Split(canary=40))
    primary, canary = replicas(control_plane, namespace)
    assert 4 == canary
    assert primary in (6, 7)


def test_a_selector_is_switched_there_and_back(
    control_plane: ControlPlane, namespace: str, cluster: KubernetesCluster
) -> None:
    """
    One PATCH; the endpoints of the apex follow; a share is refused before it.
    """
    shop(control_plane, namespace, apex="primary", canary=2)
    router, web = KubernetesRouter(cluster), target(namespace)
    assert 0 == router.current(web).canary
    with pytest.raises(Unsupported, match="switched"):
        router.shift(web, Split(canary=50))
    router.current(web)
    begin = control_plane.mark()
    assert Observed(canary=100) == router.shift(web, Split(canary=100))

    asked = control_plane.requests(since=begin, namespace=namespace)
    assert {("patch", "services"): 1, ("list", "endpointslices"): 1} == asked
    settled(control_plane, namespace, web=2)
    selector = read(control_plane, "Service", namespace, "web")["spec"]["selector"]
    assert {"app": "web", "version": "canary"} == selector
    assert Observed(canary=0) == router.reset(web)
    settled(control_plane, namespace, web=4)


def test_a_side_that_is_not_ready_gets_no_selector(
    control_plane: ControlPlane, namespace: str, cluster: KubernetesCluster
) -> None:
    """
    All users would find nobody there.
    """
    shop(control_plane, namespace, apex="primary", canary=2, never_ready="true")
    router, web = KubernetesRouter(cluster), target(namespace)
    begin = control_plane.mark()
    with pytest.raises(PreflightFailed, match="no ready endpoint"):
        router.shift(web, Split(canary=100))

    asked = control_plane.requests(since=begin, namespace=namespace)
    assert {"get", "list"} == {verb for verb, _ in asked}


@pytest.mark.parametrize("told", [rights, printed_role], ids=["page", "printed"])
def test_the_rights_of_the_page_are_enough_for_plain_kubernetes(
    control_plane: ControlPlane, namespace: str, told: Callable[[str], Sequence[Document]]
) -> None:
    """
    docs/reference/routers/kubernetes.md lists them, and `progressive rbac` prints them.
    """
    shop(control_plane, namespace, apex=None, canary=1)
    control_plane.grant("restricted", namespace, told("kubernetes"))
    cluster = KubernetesCluster.from_environment(control_plane.kubeconfig("restricted"))
    router, web = KubernetesRouter(cluster), target(namespace)

    assert 60 == router.shift(web, Split(canary=60)).canary
    assert 0 == router.reset(web).canary
    cluster.close()


# ingress-nginx


def ingress(namespace: str, name: str = "web", backend: str = "web-primary") -> Document:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "annotations": {f"{NGINX}/proxy-body-size": "8m"},
        },
        "spec": {
            "ingressClassName": "nginx",
            "tls": [{"hosts": ["web.example.com"], "secretName": "web-tls"}],
            "rules": [
                {
                    "host": "web.example.com",
                    "http": {
                        "paths": [
                            {
                                "path": "/",
                                "pathType": "Prefix",
                                "backend": {"service": {"name": backend, "port": {"number": 80}}},
                            }
                        ]
                    },
                }
            ],
        },
    }


def notes(control_plane: ControlPlane, namespace: str) -> dict[str, str]:
    found = read(control_plane, "Ingress", namespace, "web-canary")["metadata"]["annotations"]
    return {key.removeprefix(f"{NGINX}/"): text for key, text in found.items()}


def test_the_canary_ingress_is_made_stepped_matched_and_left_idle(
    control_plane: ControlPlane, namespace: str, cluster: KubernetesCluster
) -> None:
    """
    M-100, M-101, M-104: strict validation takes each of them, and the main one stays as it was.
    """
    shop(control_plane, namespace, apex="primary", canary=2)
    before = control_plane.api.create(ingress(namespace))
    router, web = NginxRouter(cluster), target(namespace)
    assert Observed(canary=0) == router.current(web)
    assert Observed(canary=5, total=1000) == router.shift(web, Split(canary=5, total=1000))
    assert {"canary": "true", "canary-weight": "5", "canary-weight-total": "1000"} == notes(
        control_plane, namespace
    )
    made = read(control_plane, "Ingress", namespace, "web-canary")["metadata"]
    owners = [(one["kind"], one["name"]) for one in made["ownerReferences"]]
    assert [("Deployment", "web-canary")] == owners
    assert Observed(canary=20) == router.shift(web, Split(canary=20))
    begin = control_plane.mark()
    assert Observed(canary=50) == router.shift(web, Split(canary=50))
    after = control_plane.requests(since=begin, namespace=namespace)
    assert {("patch", "ingresses"): 1, ("list", "endpointslices"): 1} == after

    split = Split(canary=100, match=MATCH)
    assert router.shift(web, split).shows(split)
    assert "x-user" == notes(control_plane, namespace)["canary-by-header"]
    assert Observed(canary=0) == router.reset(web)
    left = notes(control_plane, namespace)
    assert {"canary": "true", "canary-weight": "0", "canary-weight-total": "100"} == left
    assert before == read(control_plane, "Ingress", namespace, "web")


def test_a_canary_ingress_made_meanwhile_is_planned_with(
    control_plane: ControlPlane, namespace: str, cluster: KubernetesCluster
) -> None:
    """
    The name is taken between read and write: what was made is seen, and edited.
    """
    shop(control_plane, namespace, apex="primary", canary=2)
    control_plane.api.create(ingress(namespace))
    router, web = NginxRouter(cluster), target(namespace)
    router.current(web)
    other = ingress(namespace, "web-canary", "web-canary")
    other["metadata"]["annotations"] = {f"{NGINX}/canary": "true"}
    control_plane.user("other").create(other)

    assert Observed(canary=20) == router.shift(web, Split(canary=20))
    assert {"canary": "true", "canary-weight": "20"} == notes(control_plane, namespace)


def test_an_ingress_of_somebody_else_keeps_its_name(
    control_plane: ControlPlane, namespace: str, cluster: KubernetesCluster
) -> None:
    """
    M-105: nothing is written; reading goes on.
    """
    shop(control_plane, namespace, apex="primary", canary=2)
    control_plane.api.create(ingress(namespace))
    control_plane.api.create(ingress(namespace, "web-canary", "web-canary"))
    router, web = NginxRouter(cluster), target(namespace)
    begin = control_plane.mark()
    with pytest.raises(NotOwned, match="is no canary Ingress"):
        router.shift(web, Split(canary=20))

    assert Observed(canary=0) == router.current(web)
    asked = control_plane.requests(since=begin, namespace=namespace)
    assert {"list"} == {verb for verb, _ in asked}


def test_another_prefix_of_the_annotations_is_kept_to(
    control_plane: ControlPlane,
    namespace: str,
    cluster: KubernetesCluster,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    M-105: in writing, reading and clearing up; the usual prefix means nothing there.
    """
    shop(control_plane, namespace, apex="primary", canary=2)
    control_plane.api.create(ingress(namespace))
    monkeypatch.setenv("PROGRESSIVE_INGRESS_PREFIX", "ingress.example.com")
    web, order = target(namespace), Split(canary=100, match=MATCH)
    assert NginxRouter(cluster).shift(web, order).shows(order)
    written = notes(control_plane, namespace)
    assert NginxRouter(cluster).current(web).shows(order)
    assert not NginxRouter(cluster, prefix=NGINX).current(web).matched
    home = NginxRouter(cluster).reset(web)
    left = notes(control_plane, namespace)

    ours = {key for key in written if key.startswith("ingress.example.com/")}
    assert {"ingress.example.com/canary", "ingress.example.com/canary-by-header"} <= ours
    assert [] == [key for key in written if key.startswith("canary")]
    assert (0, False) == (home.canary, home.matched)
    assert {"ingress.example.com/canary": "true", "ingress.example.com/canary-weight": "0"} == {
        key: text for key, text in left.items() if key in ours or key.endswith("/canary-weight")
    }


def test_a_given_up_release_leaves_no_canary_ingress(
    control_plane: ControlPlane, namespace: str, cluster: KubernetesCluster
) -> None:
    """
    The canary's goes; the main one is the user's and still names the primary, which is told.
    """
    shop(control_plane, namespace, apex="primary", canary=2)
    control_plane.api.create(ingress(namespace))
    router, web = NginxRouter(cluster, prefix="ingress.example.com"), target(namespace)
    router.shift(web, Split(canary=20))
    router.reset(web)
    handed = router.hand_back(web, ServiceSpec(name="web", port=80))

    assert (f"Ingress {namespace}/web-canary",) == handed.removed
    assert (f"Ingress {namespace}/web",) == handed.foreign
    path = control_plane.api.path("networking.k8s.io/v1", "Ingress", namespace)
    names = [one["metadata"]["name"] for one in control_plane.api.get(path)["items"]]
    assert ["web"] == names


def test_the_rights_of_the_page_are_enough_for_nginx(
    control_plane: ControlPlane, namespace: str
) -> None:
    """
    docs/reference/routers/nginx.md lists them; without the right to make one it is named.
    """
    shop(control_plane, namespace, apex="primary", canary=2)
    control_plane.api.create(ingress(namespace))
    web = target(namespace)
    few = [{**one, "verbs": ["get", "list"]} for one in rights("nginx")]
    control_plane.grant("restricted", namespace, few)
    cluster = KubernetesCluster.from_environment(control_plane.kubeconfig("restricted"))
    with pytest.raises(RouterError, match="create Ingress") as refusal:
        NginxRouter(cluster).shift(web, Split(canary=20))
    assert ErrorKind.FORBIDDEN is refusal.value.kind

    control_plane.grant("restricted", namespace, rights("nginx"))
    router = NginxRouter(cluster)
    assert Observed(canary=20) == router.shift(web, Split(canary=20))
    assert Observed(canary=0) == router.reset(web)
    cluster.close()
