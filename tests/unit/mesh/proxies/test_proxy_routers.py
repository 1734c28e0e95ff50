"""The routers of the proxies on a cluster in memory: found by name, tried, and waited for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.mesh.manifests import endpoints, service
from tests.unit.mesh.proxies.worlds import PROXIES, TARGET

from progressive import plugins
from progressive._adapters.cluster.memory import MemoryCluster
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Match, Split, TextMatch
from progressive.errors import NotAccepted, PreflightFailed, Unsupported
from progressive.routers import ContourRouter, KnativeRouter, TraefikRouter

SIDES = ("web-primary", "web-canary")
NAMES = sorted({one.codec.name for one in PROXIES.values()})
SERVICE = ServiceSpec(name="web", port=80)
QA = Split(canary=100, match=[Match(headers={"x-user": TextMatch(exact="qa")})])


def world(*objects: dict[str, Any], ready: bool = True) -> MemoryCluster:
    around = [service(one, 80) for one in SIDES] + [endpoints(one, ready) for one in SIDES]
    return MemoryCluster([*objects, *around])


@pytest.mark.parametrize("name", NAMES)
def test_what_a_rehearsal_needs_is_steered_by_its_router(name: str) -> None:
    """
    An object that is made up must be one that the router reads, writes and brings home.
    """
    for objects in plugins.router(name)(world()).made_up(TARGET):
        router = plugins.router(name)(world(*objects), pause=lambda _: None)
        try:
            router.establish(TARGET, SERVICE, None)
        except Unsupported:
            pytest.fail(f"{name}: {objects} is not enough")

        assert router.shift(TARGET, Split(canary=20)).shows(Split(canary=20))
        assert 0 == router.reset(TARGET).canary


@pytest.mark.parametrize("name", ["apisix", "knative", "skipper"])
def test_a_route_of_people_is_taken_as_it_is_and_made_by_nobody_else(name: str) -> None:
    """
    Which hosts and paths users call, or which revisions there are, only people know.
    """
    router = plugins.router(name)(world(*PROXIES[name].made(100, 0, None)))
    router.establish(TARGET, SERVICE, None)

    assert 0 == router.current(TARGET).canary
    with pytest.raises(Unsupported, match="makes no route"):
        plugins.router(name)(world()).establish(TARGET, SERVICE, None)


def test_a_side_without_a_ready_endpoint_gets_no_weight() -> None:
    """
    But a revision of Knative is no Service, and Knative itself says when it is ready.
    """
    for name in set(NAMES) - {"knative"}:
        objects = PROXIES[name].made(100, 0, None)
        with pytest.raises(PreflightFailed, match="no ready endpoint"):
            plugins.router(name)(world(*objects, ready=False)).shift(TARGET, Split(canary=20))
    objects = PROXIES["knative"].made(100, 0, None)

    assert 20 == KnativeRouter(world(*objects, ready=False)).shift(TARGET, Split(canary=20)).canary


def test_a_match_of_traefik_is_changed_by_the_router_that_wrote_it_and_by_another() -> None:
    """
    The object that names the TraefikService is in sight before and after the first write.
    """
    for shape in ("traefik", "traefik-mirroring"):
        cluster = world(*PROXIES[shape].made(100, 0, None))
        router = TraefikRouter(cluster, pause=lambda _: None)
        half = Split(canary=50, match=QA.match)

        assert router.shift(TARGET, QA).shows(QA)
        assert router.shift(TARGET, half).shows(half)
        assert TraefikRouter(cluster).current(TARGET).shows(half)
        assert not TraefikRouter(cluster).reset(TARGET).matched


def test_contour_is_waited_for_and_its_refusal_is_an_error() -> None:
    """
    M-109: once it has spoken of the stored generation, and for a bounded time.
    """
    (proxy,) = PROXIES["contour"].made(100, 0, None)
    proxy["metadata"]["generation"] = 5
    proxy["status"] = {
        "description": "web-canary is gone",
        "conditions": [{"type": "Valid", "status": "False", "observedGeneration": 99}],
    }
    cluster = world(proxy)
    router = ContourRouter(cluster, patience=timedelta(seconds=1), pause=lambda _: None)
    with pytest.raises(NotAccepted, match="web-canary is gone"):
        router.shift(TARGET, Split(canary=20))
    proxy["status"] = {}
    silent = ContourRouter(world(proxy), patience=timedelta(seconds=1), pause=lambda _: None)
    observed = silent.shift(TARGET, Split(canary=20))

    assert any("not known whether it is accepted" in one for one in observed.warnings)
