"""The router of ingress-nginx on a real API server, whose own kind an Ingress is.

The server validates every field. No ingress controller runs; what it makes of annotations is not
seen here.
"""

from __future__ import annotations

import pytest
from tests.real.stage.sides import read, rights, shop, target
from tests.realparts.api import Document
from tests.realparts.control_plane import ControlPlane

from progressive._model.release import ServiceSpec
from progressive._model.traffic import Match, Observed, Split, TextMatch
from progressive.clusters import KubernetesCluster
from progressive.errors import ErrorKind, NotOwned, RouterError
from progressive.routers import NginxRouter

pytestmark = pytest.mark.real

NGINX = "nginx.ingress.kubernetes.io"
MATCH = (Match(headers={"x-user": TextMatch(exact="qa")}),)


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
