"""Several objects, rights, new routes and the levels of done of the mesh router."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.adapters.mesh_world import ROUTES, WEB, router, weights, world
from tests.unit.mesh.manifests import TARGET, both, destination, endpoints, on, route

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._mesh.effect import EffectKind, Traffic
from progressive._mesh.standing import Standing
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Observed, RouteRef, Split, Target
from progressive.errors import (
    ClusterError,
    ErrorKind,
    InvalidRequest,
    PreflightFailed,
    RouteNotFound,
    RouterError,
)
from progressive.ports import TrafficRouter
from progressive.routers import IstioRouter

TWO = on(RouteRef(name="web"), RouteRef(name="web-public"))


def test_a_later_object_that_fails_puts_the_earlier_ones_back() -> None:
    """
    M-127: users of one route would get a split that the others never got.
    """
    public = route(both(), name="web-public")
    cluster = world(route(both()), public)
    cluster.fail(ClusterError("denied", ErrorKind.INVALID), verb="patch", path="web-public")

    states = r"shop/web is put back; .*shop/web-public is not written"
    with pytest.raises(InvalidRequest, match=states) as told:
        router(cluster).shift(TWO, Split(canary=20))
    assert not told.value.unsettled
    assert ([100, 0], [100, 0]) == (weights(cluster), weights(cluster, "web-public"))

    assert 20 == router(cluster).shift(TWO, Split(canary=20)).canary
    assert ([80, 20], [80, 20]) == (weights(cluster), weights(cluster, "web-public"))


@pytest.mark.parametrize("failing", ["web$", "web-public"])
def test_on_the_way_home_every_object_is_attempted(failing: str) -> None:
    """
    One broken route must not keep the users of the other on a bad canary.
    """
    cluster = world(route(both(80, 20)), route(both(80, 20), name="web-public"))
    cluster.fail(ClusterError("denied", ErrorKind.INVALID), verb="patch", path=failing, times=None)

    with pytest.raises(InvalidRequest, match=r"is written; .* is not written") as told:
        router(cluster).reset(TWO)
    assert told.value.unsettled
    ours = "web-public" if failing == "web$" else "web"
    assert [100, 0] == weights(cluster, ours)


def test_named_objects_need_no_right_to_list() -> None:
    """
    Least rights: a Role may name the very objects of a release.
    """
    cluster = world()
    cluster.deny("list", "virtualservices")

    assert 20 == router(cluster).shift(on(RouteRef(name="web")), Split(canary=20)).canary
    with pytest.raises(RouterError) as caught:
        router(cluster).current(TARGET)
    assert ErrorKind.FORBIDDEN is caught.value.kind


SPEC = ServiceSpec(name="web", port=80)


def test_a_route_is_made_once_with_its_owner() -> None:
    """
    It goes with its owner, and a run that is repeated makes no second one.
    """
    cluster = MemoryCluster([endpoints("web-primary", True)])
    steered = router(cluster)
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "1"}
    steered.establish(TARGET, SPEC, ref)
    steered.establish(TARGET, SPEC, ref)

    assert [("create", ROUTES)] == [(one.verb, one.path) for one in cluster.log]
    assert [ref] == cluster.get(WEB)["metadata"]["ownerReferences"]
    assert Observed(canary=0) == steered.current(TARGET)


def test_no_route_is_made_to_a_primary_that_nobody_answers_for() -> None:
    """
    A Deployment is ready some moments before its service has endpoints; a busy controller was
    seen to take so long that users would have got 503 from a route that had just been made.
    """
    cluster = MemoryCluster([endpoints("web-primary", False), endpoints("web-canary", True)])
    with pytest.raises(PreflightFailed, match="shop/web-primary") as told:
        router(cluster).establish(TARGET, SPEC, None)

    assert told.value.transient, "it is tried again"
    assert [] == cluster.log


def test_no_second_route_is_made_for_a_host_that_has_one() -> None:
    """
    IST0109: the mesh would follow one of the two, and nobody knows which.
    """
    mine = route({"route": [destination("legacy")]}, name="mine")
    mine["spec"]["hosts"] = ["web"]
    with pytest.raises(PreflightFailed, match="shop/mine"):
        router(MemoryCluster([mine])).establish(TARGET, SPEC, None)

    taken = route({"route": [destination("legacy")]})
    with pytest.raises(RouteNotFound, match="shop/web"):
        router(MemoryCluster([taken])).establish(TARGET, SPEC, None)


def test_a_window_that_holds_the_old_split_is_refused() -> None:
    """
    M-131: the share would be that of before; and without a window nothing is known.
    """
    now = datetime(2026, 1, 1, tzinfo=UTC)

    class Counting:
        def traffic(self, target: Target, **_: Any) -> Traffic:
            return Traffic(primary=1620, canary=380)

    steered = router(world(), proof=Counting(), now=lambda: now)
    with pytest.raises(InvalidRequest, match="since"):
        steered.in_effect(TARGET, Split(canary=20))
    steered.shift(TARGET, Split(canary=20))
    with pytest.raises(InvalidRequest, match="old split"):
        steered.in_effect(TARGET, Split(canary=20), since=now + timedelta(seconds=9))

    assert EffectKind.IN_EFFECT is steered.in_effect(TARGET, Split(canary=20)).kind
    with pytest.raises(InvalidRequest, match="proof"):
        router(world()).in_effect(TARGET, Split(canary=20), since=now)


def test_what_the_mesh_did_not_acknowledge_is_a_note() -> None:
    """
    The write is stored either way; the run settles by time where nobody acknowledges.
    """

    class Silent:
        def mark(self) -> object:
            return None

        def wait(self, mark: object, standing: Callable[[], Standing]) -> str | None:
            return "Note: istiod cannot be asked"

    steered = router(world(), acceptance=Silent())

    assert ("Note: istiod cannot be asked",) == steered.shift(TARGET, Split(canary=20)).warnings
    assert () == steered.shift(TARGET, Split(canary=20)).warnings


def test_a_router_is_made_without_asking_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Programs compose their parts before there is a cluster; the first use tells what is missing.
    """
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    made = IstioRouter()

    assert isinstance(made, TrafficRouter)
    assert ("istio", timedelta(seconds=10)) == (
        made.capabilities.dialect,
        made.capabilities.settle,
    )
    with pytest.raises(ClusterError):
        made.current(TARGET)
