"""What the routers of built-in kinds read, and when they read it again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.unit.mesh.manifests import endpoints
from tests.unit.mesh.plain import TARGET, by_name, labels, main, pods, services, texts

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._kube.marks import DRIVER
from progressive._model.traffic import Split
from progressive.errors import PreflightFailed
from progressive.ports import Fence
from progressive.routers import KubernetesRouter, NginxRouter

SLICES = [endpoints("web-primary", True), endpoints("web-canary", True)]


def calls(cluster: MemoryCluster) -> list[str]:
    """Verb and last part of the path of every call, and forget them."""
    told = [f"{verb} {path.rpartition('/')[2]}" for verb, path in cluster.calls]
    cluster.calls.clear()
    return told


def stored(cluster: MemoryCluster, kind: str, name: str) -> dict[str, Any]:
    return by_name(list(cluster.objects()), kind, name)


def test_a_switched_apex_costs_one_read_and_one_patch() -> None:
    """
    From the second shift on; the list is that of the endpoints before users get there.
    """
    cluster = MemoryCluster([*services(labels("primary")), *SLICES])
    router = KubernetesRouter(cluster, pause=lambda _: None)
    router.shift(TARGET, Split(canary=100))
    calls(cluster)

    router.shift(TARGET, Split(canary=100))
    assert ["get web"] == calls(cluster)
    router.shift(TARGET, Split(canary=0))
    assert ["patch web"] == calls(cluster)
    router.shift(TARGET, Split(canary=100))
    assert ["list endpointslices", "patch web"] == calls(cluster)


def test_a_side_that_gets_other_labels_is_read_again() -> None:
    """
    The Services of the sides are remembered as long as the apex fits one of them.
    """
    cluster = MemoryCluster([*services(labels("primary")), *SLICES])
    router = KubernetesRouter(cluster, pause=lambda _: None)
    router.current(TARGET)
    for name in ("web", "web-canary"):
        changed = stored(cluster, "Service", name)
        changed["spec"]["selector"] = {"app": "web", "version": "third"}
        cluster.put(changed)

    assert 100 == router.current(TARGET).canary


def test_endpoints_that_went_meanwhile_stop_the_next_pod() -> None:
    """
    A reading of a minute ago does not tell whether the canary is well.
    """
    cluster = MemoryCluster([*pods(8, 2), *SLICES])
    router = KubernetesRouter(cluster, pause=lambda _: None)
    router.current(TARGET)
    cluster.put(endpoints("web-canary", False))
    with pytest.raises(PreflightFailed, match="not scaled to 5"):
        router.shift(TARGET, Split(canary=50))

    assert 2 == stored(cluster, "Deployment", "web-canary")["spec"]["replicas"]


@pytest.mark.parametrize(("weight", "after"), [(50, (5, 5)), (0, (10, 0))])
def test_a_conflict_after_the_first_deployment_does_not_change_the_sum(
    weight: int, after: tuple[int, int]
) -> None:
    """
    A status that moves is a conflict as well; the plan goes on where it was.
    """
    cluster = MemoryCluster([*pods(8, 2), *SLICES])
    router = KubernetesRouter(cluster, pause=lambda _: None)
    router.current(TARGET)
    second = "web-canary" if weight == 0 else "web-primary"
    changed = stored(cluster, "Deployment", second)
    cluster.put({**changed, "status": {"readyReplicas": 1}})
    router.shift(TARGET, Split(canary=weight))

    names = ("web-primary", "web-canary")
    assert list(after) == [stored(cluster, "Deployment", n)["spec"]["replicas"] for n in names]


def test_the_prefix_of_the_annotations_may_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    M-105: a document cannot say it, and every command must know it.
    """
    monkeypatch.setenv("PROGRESSIVE_INGRESS_PREFIX", "nginx.example.com")
    cluster = MemoryCluster([main(), *services(labels("primary")), *SLICES])
    NginxRouter(cluster, pause=lambda _: None).shift(TARGET, Split(canary=20))
    made = stored(cluster, "Ingress", "web-canary")

    assert {"canary": "true", "canary-weight": "20"} == texts(made, "nginx.example.com")


def test_a_run_marks_the_main_ingress_and_the_canary_that_it_makes() -> None:
    """
    L18: before there is a canary Ingress only the main one can hold the fence.
    """
    cluster = MemoryCluster([main(), *services(labels("primary")), *SLICES])
    router = NginxRouter(cluster, pause=lambda _: None)
    router.fence(TARGET, Fence(token="run/1", confirm=lambda: None), at_once=True)
    assert "run/1" == marks(cluster)["web"]
    router.shift(TARGET, Split(canary=20))
    assert {"web": "run/1", "web-canary": "run/1"} == marks(cluster)
    router.shift(TARGET, Split(canary=40))
    router.reset(TARGET)
    router.unfence(TARGET)

    assert {} == marks(cluster)
    assert main()["spec"] == stored(cluster, "Ingress", "web")["spec"]


def marks(cluster: MemoryCluster) -> dict[str, str]:
    """The driver's token on each Ingress that carries one."""
    found = {
        one["metadata"]["name"]: one["metadata"].get("annotations", {}).get(DRIVER)
        for one in cluster.objects()
        if one["kind"] == "Ingress"
    }
    return {name: token for name, token in found.items() if token}


class Pods:
    """Pods of the primary that get ready some looks after they are asked for."""

    def __init__(self, *, primary: int, ready_after: int | None) -> None:
        slices = [endpoints("web-primary", *[False] * primary), endpoints("web-canary", True)]
        self.cluster = MemoryCluster([*pods(primary, 4), *slices])
        self._ready_after, self.looks = ready_after, 0
        self.now = datetime(2026, 11, 29, tzinfo=UTC)
        self.router = KubernetesRouter(self.cluster, now=lambda: self.now, pause=self._pause)

    def _pause(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.looks += 1
        assert 4 == self.replicas("web-canary"), "nobody serves the users"
        if self.looks == self._ready_after:
            self.cluster.put(endpoints("web-primary", *[True] * self.replicas("web-primary")))

    def replicas(self, name: str) -> int:
        return int(stored(self.cluster, "Deployment", name)["spec"]["replicas"])

    def shown(self) -> tuple[int, int]:
        return self.replicas("web-primary"), self.replicas("web-canary")


def reset(router: KubernetesRouter) -> object:
    return router.reset(TARGET)


def shift_home(router: KubernetesRouter) -> object:
    return router.shift(TARGET, Split(canary=0))


HOME = pytest.mark.parametrize("home", [reset, shift_home])


@HOME
def test_the_primary_serves_before_the_last_pods_of_the_canary_go(
    home: Callable[[KubernetesRouter], object],
) -> None:
    """
    L11: at the total the primary has no pod, and until one is ready users find the canary's alone.
    """
    world = Pods(primary=0, ready_after=3)
    home(world.router)

    assert 3 == world.looks
    assert (4, 0) == world.shown()


@HOME
def test_a_primary_that_does_not_become_ready_takes_no_traffic(
    home: Callable[[KubernetesRouter], object],
) -> None:
    """
    It may go away by itself, so a run repeats it; what was begun is gone on with, not begun anew.
    """
    world = Pods(primary=0, ready_after=35)
    with pytest.raises(PreflightFailed, match="no ready endpoint") as refused:
        home(world.router)
    between = world.shown()
    home(world.router)

    assert refused.value.transient
    assert (4, 4) == between
    assert (4, 0) == world.shown()


@HOME
def test_a_primary_whose_pods_are_broken_gets_no_more_of_them(
    home: Callable[[KubernetesRouter], object],
) -> None:
    """
    More pods of the same do not help; they are waited for.
    """
    world = Pods(primary=2, ready_after=None)
    with pytest.raises(PreflightFailed):
        home(world.router)

    assert (2, 4) == world.shown()


def test_a_way_home_where_nobody_serves_waits_for_nobody() -> None:
    """
    There is no outage to be made.
    """
    world = Pods(primary=0, ready_after=None)
    world.cluster.put(endpoints("web-canary", False))
    world.router.reset(TARGET)

    assert (4, 0) == world.shown()
    assert 0 == world.looks
