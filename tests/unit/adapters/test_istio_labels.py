"""Labels of subsets come before weight and leave after it, whoever writes meanwhile (M-07)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._model.traffic import Side, Split, Subsets, Target
from progressive.errors import PreflightFailed
from progressive.routers import IstioRouter

TARGET = Target(
    namespace="shop",
    service="web",
    primary="web-primary",
    canary="web-canary",
    port=80,
    subsets=Subsets(primary="stable", canary="next"),
)
API = "networking.istio.io/v1"
NETWORKING = f"/apis/{API}/namespaces/shop"
RULE, ROUTE = f"{NETWORKING}/destinationrules/web", f"{NETWORKING}/virtualservices/web"


def world(weight: int) -> MemoryCluster:
    meta = {"name": "web", "namespace": "shop"}
    route = [
        {"destination": {"host": "web", "subset": "stable"}, "weight": 100 - weight},
        {"destination": {"host": "web", "subset": "next"}, "weight": weight},
    ]
    subsets = [
        {"name": "stable", "labels": {"hash": "aaa"}},
        {"name": "next", "labels": {"hash": "bbb", "tier": "web"}},
    ]
    rule = {"host": "web", "subsets": subsets}
    return MemoryCluster(
        [
            {"apiVersion": API, "kind": "DestinationRule", "metadata": meta, "spec": rule},
            {
                "apiVersion": API,
                "kind": "VirtualService",
                "metadata": meta,
                "spec": {"hosts": ["web"], "http": [{"route": route}]},
            },
        ]
    )


def somebody_shifts(cluster: MemoryCluster) -> Callable[[], None]:
    """Another writer gives the canary users."""

    def act() -> None:
        changed = cluster.get(ROUTE)
        for one, weight in zip(changed["spec"]["http"][0]["route"], (80, 20), strict=True):
            one["weight"] = weight
        cluster.put(changed, manager="somebody")

    return act


def labels(cluster: MemoryCluster) -> dict[str, Any]:
    found: dict[str, Any] = cluster.get(RULE)["spec"]["subsets"][1]["labels"]
    return found


def patches(cluster: MemoryCluster) -> int:
    return len([one for one in cluster.calls if one == ("patch", RULE)])


def test_labels_of_a_side_without_users_change() -> None:
    """
    The weight is read before and after, and nothing has to be put back.
    """
    cluster = world(0)

    assert IstioRouter(cluster, pause=lambda _: None).label_subset(
        TARGET, Side.CANARY, {"hash": None}
    )
    assert {"tier": "web"} == labels(cluster)
    assert 1 == patches(cluster)


def test_who_moves_the_weight_while_labels_are_written_finds_those_of_before() -> None:
    """
    Route and rule are two objects: no test of one write sees the other.
    """
    cluster = world(0)
    cluster.on(somebody_shifts(cluster), verb="patch", path="destinationrules", after=True)
    before = cluster.get(RULE)["spec"]
    with pytest.raises(PreflightFailed, match=r"weight 20 of 100.*is put back") as refused:
        IstioRouter(cluster, pause=lambda _: None).label_subset(
            TARGET, Side.CANARY, {"hash": None}
        )

    assert before == cluster.get(RULE)["spec"]
    assert not refused.value.unsettled


def test_labels_that_cannot_be_put_back_are_told() -> None:
    """
    Somebody else writes the rule as well; what stands then is known to nobody but him.
    """
    cluster = world(0)
    moves = somebody_shifts(cluster)

    def both() -> None:
        moves()
        rule = cluster.get(RULE)
        rule["spec"]["trafficPolicy"] = {}
        cluster.put(rule, manager="somebody")

    cluster.on(both, verb="patch", path="destinationrules", after=True)
    with pytest.raises(PreflightFailed, match="could not be put back") as refused:
        IstioRouter(cluster, pause=lambda _: None).label_subset(
            TARGET, Side.CANARY, {"hash": None}
        )

    assert refused.value.unsettled


def test_a_weight_that_comes_while_the_last_one_settles_stops_the_labels() -> None:
    """
    Ten seconds are long enough for somebody to shift.
    """
    cluster = world(20)
    act = somebody_shifts(cluster)
    router = IstioRouter(cluster, pause=lambda _: act())
    router.shift(TARGET, Split(canary=0))
    with pytest.raises(PreflightFailed, match="weight 20 of 100"):
        router.label_subset(TARGET, Side.CANARY, {"hash": None})

    assert 0 == patches(cluster)
