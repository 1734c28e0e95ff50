"""App Mesh's objects on a real API server, with its CRDs: schema, conflicts, status, rights.

No controller of App Mesh runs: the service behind it has ended. What a controller would write
into a status, the tests write.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.realparts.api import ApiError, Document
from tests.realparts.control_plane import ControlPlane
from tests.unit.mesh import app_mesh
from tests.unit.mesh.manifests import endpoints, service

from progressive._mesh.standing import StandingKind
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Match, Split, Target, TextMatch
from progressive.clusters import KubernetesCluster
from progressive.errors import InvalidWeight, NotAccepted, RouterError
from progressive.routers import AppMeshRouter

pytestmark = pytest.mark.real

ROUTER = (app_mesh.VERSION, "VirtualRouter")
MATCH = (
    Match(headers={"x-user": TextMatch(exact="qa")}, query={"v": TextMatch(exact="2")}),
    Match(cookies={"beta": TextMatch(exact="always")}, headers={"x-b": TextMatch(prefix="1")}),
)
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "routers" / "app-mesh.md"


@pytest.fixture
def shop(control_plane: ControlPlane, namespace: str) -> Target:
    """An apex, its router with one route of each kind, both sides with ready endpoints."""
    control_plane.install("app-mesh")
    routes = [
        app_mesh.http(),
        *(
            app_mesh.http(kind, 50, kind, **app_mesh.both(100, 0))
            for kind in ("http2Route", "tcpRoute")
        ),
        app_mesh.http("grpc", 40, "grpcRoute", match={"serviceName": "shop.Cart"}),
    ]
    for other in routes[1:]:
        (kind,) = (key for key in other if key.endswith("Route"))
        other[kind]["action"]["weightedTargets"] = [app_mesh.node("third", 1)]
    objects = [app_mesh.service(), app_mesh.router(*routes)]
    for name in ("web-primary", "web-canary"):
        slices = endpoints(name, True)
        slices["addressType"] = "IPv4"
        slices["endpoints"][0]["addresses"] = ["10.99.9.9"]
        slices["ports"] = [{"name": "http", "port": 8080}]
        objects += [service(name, 80), slices]
    for one in objects:
        one["metadata"]["namespace"] = namespace
        one["metadata"].pop("resourceVersion", None)
        one.pop("status", None)
        control_plane.api.apply(one)
    return Target(
        namespace=namespace, service="web", primary="web-primary", canary="web-canary", port=80
    )


def stored(control_plane: ControlPlane, target: Target) -> Document:
    return control_plane.api.read(*ROUTER, target.namespace, "web")


def weights(route: Any) -> list[Any]:
    (kind,) = (key for key in route if key.endswith("Route"))
    return [one["weight"] for one in route[kind]["action"]["weightedTargets"]]


def test_a_step_is_one_strict_patch_and_moves_the_generation_once(
    control_plane: ControlPlane, cluster: KubernetesCluster, shop: Target
) -> None:
    """
    The numbers are integers, the order of the targets stays, and an equal order is no write.
    """
    before = stored(control_plane, shop)
    since = control_plane.mark()
    router = AppMeshRouter(cluster)
    assert 20 == router.shift(shop, Split(canary=20)).canary
    after = stored(control_plane, shop)
    assert 20 == router.shift(shop, Split(canary=20)).canary

    assert [20, 80] == weights(after["spec"]["routes"][0])
    assert before["spec"]["routes"][1:] == after["spec"]["routes"][1:]
    assert before["metadata"]["generation"] + 1 == after["metadata"]["generation"]
    writes = control_plane.writes("progressive", since=since, namespace=shop.namespace)
    assert [("patch", "virtualrouters", 200)] == writes
    (event,) = (
        one
        for one in control_plane.events("progressive", since=since)
        if one["verb"] == "patch" and f"/{shop.namespace}/" in one["requestURI"]
    )
    assert "fieldValidation=Strict" in event["requestURI"]
    assert "fieldManager=progressive" in event["requestURI"]


def test_the_schema_takes_every_result_and_a_reset_leaves_nothing(
    control_plane: ControlPlane, cluster: KubernetesCluster, shop: Target
) -> None:
    """
    M-97: a match of two items, with a share inside, then the way home.
    """
    before = stored(control_plane, shop)["spec"]
    router = AppMeshRouter(cluster)
    for canary in (100, 30, 1):
        order = Split(canary=canary, match=MATCH)
        assert router.shift(shop, order).shows(order)
    routes = stored(control_plane, shop)["spec"]["routes"]
    assert [8, 9] == [one["priority"] for one in routes[4:]]
    assert [[99, 1], [99, 1]] == [weights(one) for one in routes[4:]]

    assert not router.reset(shop).matched
    assert before == stored(control_plane, shop)["spec"]


def test_a_weight_of_101_is_refused_by_both(
    control_plane: ControlPlane, cluster: KubernetesCluster, shop: Target
) -> None:
    """
    M-94: by the server's schema, and before it by the router.
    """
    path = control_plane.api.path(*ROUTER, shop.namespace, "web")
    place = "/spec/routes/0/httpRoute/action/weightedTargets/0/weight"
    with pytest.raises(ApiError) as caught:
        control_plane.api.patch(path, [{"op": "add", "path": place, "value": 101}], kind="json")
    assert 422 == caught.value.status

    since = control_plane.mark()
    with pytest.raises(InvalidWeight):
        AppMeshRouter(cluster).shift(shop, Split(canary=101, total=101))
    assert [] == control_plane.writes("progressive", since=since, namespace=shop.namespace)


def test_a_writer_in_between_is_noticed_and_kept(
    control_plane: ControlPlane, cluster: KubernetesCluster, shop: Target
) -> None:
    """
    M-118, M-119: another order of the targets, and a label; weights land at the right indexes.
    """
    router = AppMeshRouter(cluster)
    router.current(shop)
    found = stored(control_plane, shop)
    targets = found["spec"]["routes"][0]["httpRoute"]["action"]["weightedTargets"]
    targets.reverse()
    found["metadata"]["labels"] = {"team": "a"}
    path = control_plane.api.path(*ROUTER, shop.namespace, "web")
    control_plane.user("other").put(path, found)
    assert 20 == router.shift(shop, Split(canary=20)).canary

    after = stored(control_plane, shop)
    assert [80, 20] == weights(after["spec"]["routes"][0])
    assert {"team": "a"} == after["metadata"]["labels"]


def test_the_status_of_the_stored_generation_decides(
    control_plane: ControlPlane, cluster: KubernetesCluster, shop: Target
) -> None:
    """
    M-96: an old generation is waited for, the present one is done, False is refused at once.
    """
    waited: list[float] = []
    router = AppMeshRouter(cluster, pause=waited.append)
    router.shift(shop, Split(canary=20))
    generation = stored(control_plane, shop)["metadata"]["generation"]
    report(control_plane, shop, generation - 1, "True")
    with pytest.raises(NotAccepted, match=f"generation {generation - 1}, and {generation}"):
        router.accepted(shop, patience=timedelta(seconds=3))
    assert waited

    report(control_plane, shop, generation, "True")
    assert StandingKind.ACCEPTED is router.accepted(shop).kind
    report(control_plane, shop, generation, "False")
    with pytest.raises(NotAccepted, match="VirtualRouterActive False"):
        router.accepted(shop)


def report(control_plane: ControlPlane, target: Target, generation: int, active: str) -> None:
    """What the controller would write after its calls to AWS."""
    path = control_plane.api.path(*ROUTER, target.namespace, "web")
    condition = {"type": "VirtualRouterActive", "status": active, "reason": "told", "message": ""}
    status = {"observedGeneration": generation, "conditions": [condition]}
    control_plane.api.patch(f"{path}/status", {"status": status})


def test_a_managed_release_makes_what_the_schema_takes(
    control_plane: ControlPlane, cluster: KubernetesCluster, shop: Target
) -> None:
    """
    Nodes, service and router with strict validation, and a first weight on them.
    """
    control_plane.api.delete(control_plane.api.path(*ROUTER, shop.namespace, "web"))
    path = control_plane.api.path(app_mesh.VERSION, "VirtualService", shop.namespace, "web")
    control_plane.api.delete(path)
    for name in ("web-primary", "web-canary"):
        path = control_plane.api.path("v1", "Service", shop.namespace, name)
        control_plane.api.patch(path, {"spec": {"selector": {"app": name}}})
    router = AppMeshRouter(cluster)
    spec = ServiceSpec(name="web", port=80, app_protocol="http2", routing={"timeout": "15s"})
    router.establish(shop, spec, None)
    router.establish(shop, spec, None)

    (route,) = stored(control_plane, shop)["spec"]["routes"]
    assert [100, 0] == weights(route)
    for name in ("web-primary", "web-canary"):
        found = control_plane.api.read(app_mesh.VERSION, "VirtualNode", shop.namespace, name)
        assert {"app": name} == found["spec"]["podSelector"]["matchLabels"]
    assert 20 == router.shift(shop, Split(canary=20)).canary


def rights_of_the_page() -> list[Document]:
    """The rules that the page of the router prints."""
    printed = PAGE.read_text(encoding="utf-8").partition("## RBAC")[2].split("```")[1]
    rules: list[Document] = yaml.safe_load(printed.removeprefix("yaml"))["rules"]
    return rules


def test_the_rights_that_the_page_prints_are_enough(
    control_plane: ControlPlane, shop: Target
) -> None:
    """
    And without the first of them the refusal names the kind.
    """
    rights = rights_of_the_page()
    control_plane.grant("restricted", shop.namespace, rights)
    cluster = KubernetesCluster.from_environment(control_plane.kubeconfig("restricted"))
    try:
        router = AppMeshRouter(cluster)
        assert 20 == router.shift(shop, Split(canary=20)).canary
        assert 0 == router.reset(shop).canary
        control_plane.grant("restricted", shop.namespace, rights[1:])
        with pytest.raises(RouterError, match="virtualrouters"):
            shift_until_refused(cluster, shop)
    finally:
        cluster.close()


def shift_until_refused(cluster: KubernetesCluster, target: Target) -> None:
    """The authorizer hears of a smaller Role after a moment."""
    for canary in range(1, 100):
        AppMeshRouter(cluster).shift(target, Split(canary=canary))
