"""What the client sends, against a small server, and what it says where nobody answers."""

from __future__ import annotations

import socket

from tests.contract.cluster_contract import refused
from tests.unit.adapters.cluster.api_server import GUARD, MAP, Make, Server

from progressive.clusters import KubernetesCluster
from progressive.errors import ErrorKind


def test_writes_name_their_writer_and_are_strict(
    server: Server, cluster: KubernetesCluster
) -> None:
    """An unknown field must be refused, and drift needs a name."""
    cluster.json_patch(MAP, [GUARD])
    cluster.merge_patch(MAP, {"data": {}})
    cluster.create("/api/v1/namespaces/shop/configmaps", {"metadata": {"name": "web"}})
    cluster.replace(MAP, {"metadata": {"resourceVersion": "1"}})
    cluster.get(MAP)

    asked = [(method, headers.get("Content-Type")) for method, _, headers, _ in server.asked]
    assert [
        ("PATCH", "application/json-patch+json"),
        ("PATCH", "application/merge-patch+json"),
        ("POST", "application/json"),
        ("PUT", "application/json"),
        ("GET", None),
    ] == asked
    query = "?fieldManager=progressive&fieldValidation=Strict"
    assert all(path.endswith(query) for _, path, _, _ in server.asked[:4])
    assert MAP == server.asked[4][1]
    assert "Bearer hunter2" == server.asked[4][2]["Authorization"]


def test_refused_connection_is_repeated_and_named(make: Make, slept: list[float]) -> None:
    """Nothing was sent, so even an unguarded write may be tried again."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        cluster = make(url)
        error = refused(lambda: cluster.merge_patch(MAP, {"data": {}}))

    assert (ErrorKind.UNAVAILABLE, 0, 3) == (error.kind, error.status, len(slept))
    assert f"{url} cannot be reached: " in str(error)
    assert "Connection refused" in str(error)
    assert "HTTPConnection" not in str(error)


def test_name_that_does_not_resolve_is_said_so(make: Make) -> None:
    """The commonest fault of a laptop outside its company's network."""
    error = refused(lambda: make("http://nowhere.invalid:80").urgent().get(MAP))

    assert ErrorKind.UNAVAILABLE is error.kind
    assert "the name in http://nowhere.invalid:80 cannot be resolved" in str(error)
