"""The router of plain Kubernetes on a real API server, whose controllers scale and publish."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from tests.real.stage.routing import printed_role
from tests.real.stage.sides import read, rights, settled, shop, target
from tests.realparts.api import Document
from tests.realparts.control_plane import ControlPlane
from tests.realparts.process import wait_for

from progressive._model.traffic import Observed, Pods, Split
from progressive.clusters import KubernetesCluster
from progressive.errors import PreflightFailed, Unsupported
from progressive.routers import KubernetesRouter

pytestmark = pytest.mark.real


def replicas(control_plane: ControlPlane, namespace: str) -> tuple[int, int]:
    sides = [
        read(control_plane, "Deployment", namespace, f"web-{side}")["spec"]["replicas"]
        for side in ("primary", "canary")
    ]
    return sides[0], sides[1]


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
        (one["objectRef"].get("name", ""), one["verb"], one["responseStatus"]["code"])
        for one in control_plane.events("progressive", since=mark)
        if one["objectRef"].get("namespace") == namespace
    ]
    # what was refused was planned anew, for the status of a Deployment had moved
    first, second = [at for at, one in enumerate(events) if one[1:] == ("patch", 200)]

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
