"""What the memory cluster adds to a cluster: faults, overlays, a log, and other people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.contract.cluster_contract import config_map, maps, refused, route, routes

from progressive.clusters import MemoryCluster
from progressive.errors import ClusterError, ErrorKind

AWAY = ClusterError("away", ErrorKind.UNAVAILABLE)
WEIGHT = "/spec/http/0/route/1/weight"


def add(value: Any, path: str = WEIGHT) -> list[dict[str, Any]]:
    return [{"op": "add", "path": path, "value": value}]


def test_overlay_leaves_what_is_below_it() -> None:
    """`plan` looks ahead on a live cluster and must not touch it."""
    below = MemoryCluster([route("web"), config_map("a"), config_map("b")], namespace="shop")
    before = below.objects()
    above = MemoryCluster(base=below)
    above.json_patch(routes("shop", "web"), add(20))
    above.delete(maps("shop", "a"))
    above.create(maps("shop"), config_map("c"))

    assert before == below.objects()
    assert 20 == above.get(routes("shop", "web"))["spec"]["http"][0]["route"][1]["weight"]
    assert ["b", "c"] == [one["metadata"]["name"] for one in above.get(maps("shop"))["items"]]
    assert ErrorKind.NOT_FOUND is refused(lambda: above.get(maps("shop", "a"))).kind
    assert ["patch", "delete", "create"] == [write.verb for write in above.log]


def test_overlay_sees_later_changes_below() -> None:
    """Only what was written above hides anything."""
    below = MemoryCluster([config_map("a", x="1")], namespace="shop")
    above = MemoryCluster(base=below)
    below.merge_patch(maps("shop", "a"), {"data": {"x": "2"}})

    assert "2" == above.get(maps("shop", "a"))["data"]["x"]


def test_exact_cluster_keeps_every_other_byte() -> None:
    """`route --objects` prints the documents of a file as they stand after one write."""
    manifest = route("web", weight=5)
    manifest["apiVersion"] = "networking.istio.io/v1beta1"
    manifest["metadata"]["resourceVersion"] = "100"
    manifest["metadata"]["generation"] = 3
    cluster = MemoryCluster([manifest], namespace="shop", exact=True)
    cluster.json_patch(routes("shop", "web"), add(20))
    (after,) = cluster.objects()

    assert {**manifest["metadata"], "resourceVersion": "1001", "generation": 4} == after[
        "metadata"
    ]
    assert "networking.istio.io/v1beta1" == after["apiVersion"]
    assert route("web", weight=5)["spec"]["hosts"] == after["spec"]["hosts"]


def test_fault_strikes_the_calls_it_names() -> None:
    """The second patch of a route, and nothing else."""
    cluster = MemoryCluster([route("web")], namespace="shop")
    cluster.fail(AWAY, verb="patch", path="virtualservices/web", skip=1)
    cluster.get(routes("shop", "web"))
    cluster.json_patch(routes("shop", "web"), add(10))
    counted = [verb for verb, _ in cluster.calls]
    error = refused(lambda: cluster.json_patch(routes("shop", "web"), add(20)))
    standing = cluster.get(routes("shop", "web"))["spec"]["http"][0]["route"][1]["weight"]
    cluster.json_patch(routes("shop", "web"), add(30))

    assert ["get", "patch"] == counted
    assert AWAY is error
    assert 10 == standing
    assert [10, 30] == [write.body[0]["value"] for write in cluster.log]


def test_lost_answer_has_taken_effect() -> None:
    """The hardest failure: the caller cannot know."""
    cluster = MemoryCluster([route("web")], namespace="shop")
    cluster.fail(AWAY, verb="patch", after=True)
    refused(lambda: cluster.json_patch(routes("shop", "web"), add(10)))

    assert 10 == cluster.get(routes("shop", "web"))["spec"]["http"][0]["route"][1]["weight"]


def test_standing_fault_ends_when_it_is_healed() -> None:
    """An outage of some length."""
    cluster = MemoryCluster()
    cluster.fail(AWAY, times=None)
    for _ in range(3):
        assert AWAY is refused(lambda: cluster.get(maps("shop")))
    cluster.heal()

    assert [] == cluster.get(maps("shop"))["items"]


def test_another_writer_can_be_faster() -> None:
    """Between a read and the write that follows it."""
    cluster = MemoryCluster([route("web")], namespace="shop")
    seen = cluster.get(routes("shop", "web"))["metadata"]["resourceVersion"]
    other = route("web", weight=50)
    other["metadata"]["namespace"] = "shop"
    cluster.on(lambda: cluster.put(other, manager="kubectl"), verb="patch")
    test = {"op": "test", "path": "/metadata/resourceVersion", "value": seen}
    error = refused(lambda: cluster.json_patch(routes("shop", "web"), [test, *add(10)]))
    standing = cluster.get(routes("shop", "web"))

    assert ErrorKind.CONFLICT is error.kind
    assert 50 == standing["spec"]["http"][0]["route"][1]["weight"]
    assert ["kubectl"] == [
        one["manager"]
        for one in standing["metadata"]["managedFields"]
        if "f:http" in one["fieldsV1"].get("f:spec", {})
    ]
    assert [] == cluster.log


def test_put_stores_a_status() -> None:
    """Tests play the controllers that are not there."""
    cluster = MemoryCluster(namespace="shop")
    cluster.put({**route("web"), "status": {"a": 1}})
    cluster.put({**route("web"), "status": {"a": 2}})
    shown = cluster.get(routes("shop", "web"))

    assert {"a": 2} == shown["status"]
    assert 1 == shown["metadata"]["generation"]


def test_denied_right_is_forbidden_and_reviewed_so() -> None:
    """Preflight asks, the write would be refused."""
    cluster = MemoryCluster([route("web")], namespace="shop")
    cluster.deny("patch", "virtualservices")
    attributes = {"verb": "patch", "resource": "virtualservices", "namespace": "shop"}
    review = cluster.create(
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        },
    )
    error = refused(lambda: cluster.json_patch(routes("shop", "web"), add(10)))

    assert not review["status"]["allowed"]
    assert (ErrorKind.FORBIDDEN, 403) == (error.kind, error.status)
    assert 'cannot patch resource "virtualservices"' in str(error)


def test_version_that_is_not_served_is_not_found() -> None:
    """An older mesh, or none."""
    older = MemoryCluster(served={"networking.istio.io": ("v1beta1",)})
    none = MemoryCluster(served={"networking.istio.io": ()})

    assert ("v1beta1",) == older.served("networking.istio.io", "virtualservices")
    assert [] == older.get(routes("shop", version="v1beta1"))["items"]
    assert ErrorKind.NOT_FOUND is refused(lambda: older.get(routes("shop"))).kind
    assert ErrorKind.NOT_FOUND is refused(lambda: none.served("networking.istio.io")).kind


def test_replicas_are_written_through_scale() -> None:
    """As autoscalers and `kubectl scale` do."""
    selector = {"matchLabels": {"app": "web"}}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"replicas": 2, "selector": selector},
    }
    cluster = MemoryCluster([deployment], namespace="shop")
    path = "/apis/apps/v1/namespaces/shop/deployments/web"
    scale = cluster.merge_patch(f"{path}/scale", {"spec": {"replicas": 5}})

    assert ("Scale", 5, "app=web") == (
        scale["kind"],
        scale["spec"]["replicas"],
        scale["status"]["selector"],
    )
    assert 5 == cluster.get(path)["spec"]["replicas"]
    assert selector == cluster.get(path)["spec"]["selector"]


def test_finalizer_holds_an_object() -> None:
    """It is marked, and goes when the last finalizer does."""
    held = config_map("web")
    held["metadata"]["finalizers"] = ["a/b"]
    cluster = MemoryCluster([held], namespace="shop")
    cluster.delete(maps("shop", "web"))
    marked = cluster.get(maps("shop", "web"))
    cluster.merge_patch(maps("shop", "web"), {"metadata": {"finalizers": None}})

    assert "deletionTimestamp" in marked["metadata"]
    assert ErrorKind.NOT_FOUND is refused(lambda: cluster.get(maps("shop", "web"))).kind


def test_impatient_watch_never_waits() -> None:
    """For tests whose clock stands still."""
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    cluster = MemoryCluster([route("web")], namespace="shop", now=lambda: noon, patient=False)
    stream = cluster.watch(routes("shop"), until=noon + timedelta(hours=1))

    assert ["ADDED", "SYNCED"] == [kind for kind, _ in stream]


@pytest.mark.parametrize("manifest", [{}, {"kind": "Service", "metadata": {"name": "x"}}])
def test_object_that_is_none_is_refused(manifest: dict[str, Any]) -> None:
    """A file given with `--objects` may hold anything."""
    assert ErrorKind.INVALID is refused(lambda: MemoryCluster([manifest])).kind


def test_selector_of_a_deployment_cannot_be_changed() -> None:
    """The workload adapter must make another one instead."""
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}},
    }
    cluster = MemoryCluster([deployment], namespace="shop")
    path = "/apis/apps/v1/namespaces/shop/deployments/web"
    body = {"spec": {"selector": {"matchLabels": {"app": "other"}}}}
    error = refused(lambda: cluster.merge_patch(path, body))

    assert ErrorKind.INVALID is error.kind
    assert "field is immutable" in str(error)
