"""The App Mesh router on a cluster in memory: what it reads, waits for, and needs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.adapters.mesh_world import world
from tests.unit.mesh.app_mesh import ARN, both, http, router, service, virtual_node
from tests.unit.mesh.manifests import TARGET, on

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._mesh.standing import StandingKind
from progressive._model.traffic import RouteRef, Split
from progressive.errors import ErrorKind, NotAccepted, PreflightFailed, RouteNotFound, RouterError
from progressive.routers import AppMeshRouter

GROUP = "/apis/appmesh.k8s.aws/v1beta2/namespaces/shop"


def mesh(*objects: dict[str, Any]) -> MemoryCluster:
    return world(*(objects or (service(), router(http()))))


def steered(cluster: MemoryCluster, **more: Any) -> AppMeshRouter:
    return AppMeshRouter(cluster, pause=lambda _: None, **more)


def test_the_way_to_the_router_is_read_once() -> None:
    """
    From the second shift on it is one read and one write, and the endpoints of both sides.
    """
    cluster = mesh()
    one = steered(cluster)
    one.shift(TARGET, Split(canary=20))
    first = [path for _, path in cluster.calls]
    assert {f"{GROUP}/virtualservices", f"{GROUP}/virtualnodes"} <= set(first)

    del cluster.calls[:]
    one.current(TARGET)
    assert [("get", f"{GROUP}/virtualrouters/web")] == cluster.calls
    one.shift(TARGET, Split(canary=40))
    asked = [(verb, path) for verb, path in cluster.calls if "endpointslices" not in path]
    assert [
        ("get", f"{GROUP}/virtualrouters/web"),
        ("patch", f"{GROUP}/virtualrouters/web"),
    ] == asked


def test_nodes_are_known_by_arn_on_a_cluster_as_well() -> None:
    """
    A target that only a file could tell would be lost in a release.
    """
    targets = [{"virtualNodeARN": ARN, "weight": 0}, both()["action"]["weightedTargets"][1]]
    route = http(action={"weightedTargets": targets})
    cluster = mesh(service(), router(route), virtual_node("web-canary", arn=ARN))

    assert 20 == steered(cluster).shift(TARGET, Split(canary=20)).canary
    assert 0 == steered(cluster).reset(TARGET).canary


def test_a_service_that_is_pointed_elsewhere_is_followed_once_its_router_is_gone() -> None:
    """
    What led to the router is not asked each time; a search begins anew when it leads nowhere.
    """
    cluster = mesh(service(), router(http()), router(http(**both(90, 10)), name="next"))
    one = steered(cluster)
    assert 0 == one.current(TARGET).canary
    cluster.put(service(provider="next"))
    cluster.discard(f"{GROUP}/virtualrouters/web")

    assert 10 == one.current(TARGET).canary


def test_a_missing_right_on_the_way_is_named() -> None:
    """
    "There is no route" would send a person looking for the wrong thing.
    """
    cluster = mesh()
    cluster.deny("list", "virtualservices")
    with pytest.raises(RouterError, match="virtualservices") as caught:
        steered(cluster).current(TARGET)

    assert ErrorKind.FORBIDDEN is caught.value.kind
    named = on(RouteRef(name="web", kind="VirtualRouter"))
    assert 20 == steered(cluster).shift(named, Split(canary=20)).canary


def test_sides_are_services_with_endpoints() -> None:
    """
    A node is reached through the service of its name.
    """
    cluster = mesh()
    cluster.discard("/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices/web-canary-1")
    with pytest.raises(PreflightFailed, match="web-canary"):
        steered(cluster).shift(TARGET, Split(canary=20))
    with pytest.raises(RouteNotFound, match="VirtualService shop/web"):
        steered(world(router(http()))).shift(TARGET, Split(canary=20))


class Waits:
    """Counts seconds; the controller writes its status after three."""

    def __init__(self, cluster: MemoryCluster, later: dict[str, Any] | None) -> None:
        self.cluster, self.later, self.seconds = cluster, later, 0.0

    def __call__(self, seconds: float) -> None:
        self.seconds += seconds
        if self.later is not None and self.seconds >= 3:
            self.cluster.put(self.later)
            self.later = None


def known(observed: int | None, status: str = "True", generation: int = 5) -> dict[str, Any]:
    condition = {"type": "VirtualRouterActive", "status": status, "reason": "why", "message": "m"}
    given: dict[str, Any] = {"conditions": [condition]}
    if observed is not None:
        given["observedGeneration"] = observed
    made: dict[str, Any] = router(http(), **given)
    made["metadata"]["generation"] = generation
    return made


def asking(
    now: dict[str, Any], later: dict[str, Any] | None = None
) -> tuple[AppMeshRouter, Waits]:
    cluster = mesh(service(), now)
    waits = Waits(cluster, later)
    return AppMeshRouter(cluster, pause=waits), waits


def test_a_generation_that_reached_aws_is_accepted() -> None:
    """
    M-96: the controller writes it after its calls succeeded.
    """
    ready, waits = asking(known(5))
    assert StandingKind.ACCEPTED is ready.accepted(TARGET).kind
    assert 0.0 == waits.seconds

    late, waits = asking(known(4), known(5))
    assert StandingKind.ACCEPTED is late.accepted(TARGET).kind
    assert waits.seconds >= 3


@pytest.mark.parametrize("observed", [4, None])
def test_a_generation_that_never_reaches_aws_is_not_accepted(observed: int | None) -> None:
    """
    M-96: it stays old while the calls fail, and nothing has moved.
    """
    stuck, waits = asking(known(observed))
    with pytest.raises(NotAccepted, match="has not reached AWS"):
        stuck.accepted(TARGET, patience=timedelta(seconds=8))

    assert pytest.approx(8.0) == waits.seconds


def test_a_router_that_aws_does_not_run_is_refused_at_once() -> None:
    """
    The condition tells why.
    """
    broken, waits = asking(known(5, "False"))
    with pytest.raises(NotAccepted, match=r"VirtualRouterActive False: why \(m\)"):
        broken.accepted(TARGET)

    assert 0.0 == waits.seconds


def test_a_shift_waits_for_aws_where_it_is_asked_to() -> None:
    """
    The controller may be gone with the service.
    """
    waits = Waits(mesh(service(), known(4)), None)
    one = AppMeshRouter(waits.cluster, patience=timedelta(seconds=5), pause=waits)
    with pytest.raises(NotAccepted, match="order the split before again: canary 0 of 100"):
        one.shift(TARGET, Split(canary=20))
