"""An API server that is silent, restarts or forgets, as the Kubernetes adapter meets it."""

from __future__ import annotations

import threading

import pytest
from tests.contract.cluster_contract import (
    config_map,
    maps,
    refused,
    route,
    routes,
    take,
)
from tests.realparts.control_plane import ControlPlane

from progressive._adapters.cluster.environment import find
from progressive._adapters.cluster.link import Link
from progressive._adapters.cluster.retry import Policy
from progressive.clusters import KubernetesCluster
from progressive.errors import ErrorKind

pytestmark = pytest.mark.real


def hasty(control_plane: ControlPlane, user: str = "progressive") -> KubernetesCluster:
    """A cluster whose time-outs are those of a test, on a machine that does much else."""
    policy = Policy(attempts=2, seconds=1.0, connect=3.0, read=3.0, write=3.0)
    return KubernetesCluster(Link(find(control_plane.kubeconfig(user))), policy=policy)


def test_silent_server_is_a_time_out(control_plane: ControlPlane, namespace: str) -> None:
    """A paused server accepts connections and never answers."""
    cluster = hasty(control_plane)
    cluster.get(maps(namespace))
    with control_plane.paused():
        error = refused(lambda: cluster.get(maps(namespace)))
        urgent = refused(lambda: cluster.urgent().merge_patch(maps(namespace, "x"), {"data": {}}))

    assert ErrorKind.UNAVAILABLE is error.kind
    assert f"{control_plane.server} gave no answer in time" == str(error)
    assert ErrorKind.UNAVAILABLE is urgent.kind


def test_requests_go_on_after_a_restart(
    cluster: KubernetesCluster, control_plane: ControlPlane, namespace: str
) -> None:
    """Connections that were kept open are dead by then."""
    cluster.create(maps(namespace), config_map("web"))
    control_plane.restart_api_server()

    assert "web" == cluster.get(maps(namespace, "web"))["metadata"]["name"]
    assert {"a": "1"} == cluster.merge_patch(maps(namespace, "web"), {"data": {"a": "1"}})["data"]


def test_watch_goes_on_after_a_restart(
    cluster: KubernetesCluster, control_plane: ControlPlane, namespace: str
) -> None:
    """What happened meanwhile is told, what was told is not told again."""
    cluster.create(routes(namespace), route("a"))
    stream = cluster.watch(routes(namespace))
    first = take(stream, 2)
    control_plane.restart_api_server()
    cluster.create(routes(namespace), route("b"))
    cluster.delete(routes(namespace, "a"))
    then = take(stream, 2)
    stream.close()

    assert [("ADDED", "a"), ("SYNCED", "")] == first
    assert {("ADDED", "b"), ("DELETED", "a")} == set(then)


def test_watch_survives_a_forgotten_version(
    cluster: KubernetesCluster, control_plane: ControlPlane, namespace: str
) -> None:
    """410 Gone: list again, and find out what vanished."""
    cluster.create(routes(namespace), route("a"))
    cluster.create(routes(namespace), route("b"))
    stream = cluster.watch(routes(namespace))
    first = take(stream, 3)
    control_plane.stop_api_server()
    control_plane.start_api_server()
    cluster.delete(routes(namespace, "a"))
    cluster.create(routes(namespace), route("c"))
    control_plane.expire_watches()
    then = take(stream, 2)
    stream.close()

    assert ("SYNCED", "") == first[-1]
    assert {("DELETED", "a"), ("ADDED", "c")} == set(then)


def test_closing_wakes_a_watch_of_a_silent_server(
    cluster: KubernetesCluster, control_plane: ControlPlane, namespace: str
) -> None:
    """Nothing may hold up a signal, least of all a server that is away."""
    stream = cluster.watch(routes(namespace))
    take(stream, 1)
    thread = threading.Thread(target=lambda: list(stream))
    thread.start()
    with control_plane.paused():
        stream.close()
        thread.join(5)
        alive = thread.is_alive()

    assert not alive
