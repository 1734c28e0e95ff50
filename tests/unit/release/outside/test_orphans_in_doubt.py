"""Orphans whose journal is gone, damaged, old, or somebody else's by now."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.mesh import gateway_api
from tests.unit.release.outside.orphans import JOURNAL, killed, sweep, weights
from tests.unit.release.outside.world import connection

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._release.outside.sweep import exit_code
from progressive.errors import ClusterError, ErrorKind


def test_a_split_without_a_journal_is_found_by_its_mark(tmp_path: Path) -> None:
    """Somebody removed the ConfigMap to be rid of the run."""
    cluster = killed(tmp_path)
    cluster.delete(JOURNAL)
    (found,) = sweep(cluster)
    (home,) = sweep(cluster, restore=True)

    assert ("marked", True, 20) == (found.standing, found.orphan, found.weight)
    assert home.restored
    assert [100, 0] == weights(cluster)
    assert [] == sweep(cluster)


def test_a_marked_route_of_other_names_is_shown_and_left(tmp_path: Path) -> None:
    """Without a journal nobody can say which of its services is home."""
    mark = {"progressive.dev/driver": "20260101t000000-abcd/3"}
    rule = {"route": [{"destination": {"host": "old"}}, {"destination": {"host": "new"}}]}
    odd = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "odd", "namespace": "shop", "annotations": mark},
        "spec": {"hosts": ["odd"], "http": [rule]},
    }
    cluster = MemoryCluster([odd], served={"networking.istio.io": ("v1",)})
    (found,) = sweep(cluster, restore=True)

    assert ("marked", True, False) == (found.standing, found.orphan, found.restored)
    assert "VirtualService shop/odd" in found.message


def test_a_marked_route_of_any_mesh_is_found_once() -> None:
    """Two routers know HTTPRoutes; one of them brings the traffic home."""
    split = gateway_api.route(
        gateway_api.rule(80, 20),
        meta_annotations={"progressive.dev/driver": "20260101t000000-abcd/3"},
    )
    cluster = MemoryCluster([split], served={"gateway.networking.k8s.io": ("v1",)})
    (found,) = sweep(cluster)
    (home,) = sweep(cluster, restore=True)
    path = "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/web"
    (rule,) = cluster.get(path)["spec"]["rules"]

    assert ("marked", True, 20) == (found.standing, found.orphan, found.weight)
    assert home.restored
    assert [100, 0] == [one["weight"] for one in rule["backendRefs"]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not whole JSON"),
        ('{"schema": "progressive.dev/journal/v9"}', "go on with the version that wrote it"),
        (None, "a copy?"),
    ],
)
def test_a_journal_that_says_nothing_stops_nobody_else(
    tmp_path: Path, text: str | None, words: str
) -> None:
    """It may hide a split, so somebody has to look; the other targets are swept."""
    cluster = killed(tmp_path)
    copy = cluster.get(JOURNAL)
    copy["metadata"] = {**copy["metadata"], "name": "progressive-old", "uid": "other"}
    if text is not None:
        copy["data"] = {"journal": text}
    cluster.put(copy)
    odd, web = sweep(cluster, restore=True)

    assert ("unreadable", True) == (odd.standing, odd.orphan)
    assert words in odd.message
    assert web.restored
    assert 10 == exit_code([odd, web])


def test_one_target_that_must_not_be_touched_does_not_keep_the_others(tmp_path: Path) -> None:
    """Each goes home on its own, whatever becomes of its neighbours."""
    cluster = killed(tmp_path)
    copy = cluster.get(JOURNAL)
    told = json.loads(copy["data"]["journal"])
    told["target"].update(service="cart", primary="cart-primary", canary="cart-canary")
    copy["metadata"] = {**copy["metadata"], "name": "progressive-cart", "uid": "other"}
    copy["data"] = {"journal": json.dumps(told)}
    cluster.put(copy)
    cluster.fail(ClusterError("no", ErrorKind.FORBIDDEN), path="progressive-cart$", times=None)
    cart, web = sweep(cluster, restore=True)

    assert (True, [100, 0]) == (web.restored, weights(cluster))
    assert ("running", False) == (cart.standing, cart.restored)
    assert "cannot be seen" in cart.message


def test_a_driver_that_comes_meanwhile_keeps_its_target(tmp_path: Path) -> None:
    """Looked at, and taken by somebody else before it could be restored."""
    cluster = killed(tmp_path)
    target = connection(cluster, tmp_path).target
    held: list[Any] = []
    cluster.on(
        lambda: held.append(cluster.lock().acquire(target, "run-2", lambda _: None)),
        verb="list",
        path="endpointslices",
    )
    (found,) = sweep(cluster, restore=True)
    for one in held:
        one.close()

    assert ("running", False, False) == (found.standing, found.orphan, found.restored)
    assert [80, 20] == weights(cluster)


def test_a_journal_that_went_on_meanwhile_is_not_restored(tmp_path: Path) -> None:
    """A driver came and went; what it left is not what was decided on."""
    cluster = killed(tmp_path)

    def go_on() -> None:
        told = json.loads(cluster.get(JOURNAL)["data"]["journal"])
        told["state"]["round"] = 7
        cluster.merge_patch(JOURNAL, {"data": {"journal": json.dumps(told)}})

    cluster.on(go_on, verb="list", path="endpointslices")
    (found,) = sweep(cluster, restore=True)

    assert ("running", False, False) == (found.standing, found.orphan, found.restored)
    assert [80, 20] == weights(cluster)


def test_a_run_without_an_origin_is_shown_and_left(tmp_path: Path) -> None:
    """Older versions did not say what their runs were made of."""
    cluster = killed(tmp_path)
    told = json.loads(cluster.get(JOURNAL)["data"]["journal"])
    del told["origin"]
    cluster.merge_patch(JOURNAL, {"data": {"journal": json.dumps(told)}})
    (blind,) = sweep(cluster, restore=True)
    (seen,) = sweep(cluster, restore=True, router="istio")

    assert ("interrupted", True, False) == (blind.standing, blind.orphan, blind.restored)
    assert "--router" in blind.message
    assert (20, False) == (seen.weight, seen.restored)
    assert "'progressive abort FILE'" in seen.message
