"""Watches that go on, and watches that are refused."""

from __future__ import annotations

import json
from typing import Any

from tests.contract.cluster_contract import refused
from tests.unit.adapters.cluster.api_server import LOST, Reply, Server, status

from progressive.clusters import KubernetesCluster
from progressive.errors import ErrorKind


def test_watch_goes_on_where_it_was(server: Server, cluster: KubernetesCluster) -> None:
    """A bookmark moves it forward; an expired version is listed again; nothing is told twice."""

    def at(version: str, name: str = "a") -> dict[str, Any]:
        return {"metadata": {"name": name, "namespace": "shop", "resourceVersion": version}}

    def listing(version: str, *items: dict[str, Any]) -> Reply:
        meta = {"resourceVersion": version}
        told = {"kind": "ConfigMapList", "apiVersion": "v1", "metadata": meta, "items": items}
        return 200, {}, told

    def stream(*events: tuple[str, dict[str, Any]]) -> Reply:
        lines = [json.dumps({"type": kind, "object": one}) for kind, one in events]
        return 200, {}, "\n".join(lines) + "\n"

    gone = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
    server.replies = [
        listing("10", at("5"), at("6", "b")),
        stream(("MODIFIED", at("11")), ("BOOKMARK", {"metadata": {"resourceVersion": "15"}})),
        LOST,
        stream(("ERROR", gone)),
        listing("30", at("11"), at("29", "c")),
        stream(("DELETED", at("31", "c"))),
    ]
    watch = cluster.watch("/api/v1/namespaces/shop/configmaps", labels="app=web")
    told = [next(watch) for _ in range(7)]
    watch.close()

    assert [
        ("ADDED", "a"),
        ("ADDED", "b"),
        ("SYNCED", ""),
        ("MODIFIED", "a"),
        ("DELETED", "b"),
        ("ADDED", "c"),
        ("DELETED", "c"),
    ] == [(kind, one["metadata"]["name"] if one else "") for kind, one in told]
    assert ("v1", "ConfigMap") == (told[0][1]["apiVersion"], told[0][1]["kind"])
    versions = [
        p.partition("resourceVersion=")[2].partition("&")[0] for _, p, _, _ in server.asked
    ]
    assert ["", "10", "15", "15", "", "30"] == versions[:6]
    assert all("labelSelector=app%3Dweb" in path for _, path, _, _ in server.asked)


def test_watch_asks_for_no_more_than_is_awaited(
    server: Server, cluster: KubernetesCluster
) -> None:
    """One list answers most askings; and what is known already needs no list."""
    path = "/api/v1/namespaces/shop/configmaps"
    known = {"metadata": {"name": "a", "namespace": "shop", "resourceVersion": "5"}}
    kept = {"kind": "ConfigMapList", "metadata": {"resourceVersion": "10"}, "items": [known]}
    server.replies = [
        (200, {}, kept),
        (200, {}, json.dumps({"type": "DELETED", "object": known}) + "\n"),
    ]
    listed = cluster.watch(path, name="a")
    kinds = [next(listed)[0], next(listed)[0]]
    listed.close()
    asked_for_list = [one for _, one, _, _ in server.asked]

    followed = cluster.watch(path, name="a", known=known)
    told = [next(followed)[0] for _ in range(3)]
    followed.close()
    asked_for_stream = [one for _, one, _, _ in server.asked][1:]

    assert ["ADDED", "SYNCED"] == kinds
    assert [False] == ["watch=true" in one for one in asked_for_list]
    assert ["ADDED", "SYNCED", "DELETED"] == told
    assert "watch=true&resourceVersion=5&" in asked_for_stream[0]


def test_watch_that_is_refused_never_begins(server: Server, cluster: KubernetesCluster) -> None:
    """A right that is missing does not come by waiting."""
    server.replies = [status(403, "Forbidden", "you may not")]
    error = refused(lambda: cluster.watch("/api/v1/namespaces/shop/configmaps"))

    assert (ErrorKind.FORBIDDEN, "you may not") == (error.kind, str(error))


def test_watch_that_is_refused_later_ends_with_the_refusal(
    server: Server, cluster: KubernetesCluster
) -> None:
    """The right was taken away; the follower must learn that it sees nothing any more."""
    server.replies = [
        (200, {}, {"kind": "ConfigMapList", "apiVersion": "v1", "metadata": {}, "items": []}),
        status(403, "Forbidden", "not any more"),
    ]
    watch = cluster.watch("/api/v1/namespaces/shop/configmaps")
    first = next(watch)
    error = refused(lambda: next(watch))

    assert ("SYNCED", {}) == first
    assert "not any more" == str(error)
    assert [] == list(watch)
