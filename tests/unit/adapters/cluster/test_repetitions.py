"""What is sent twice, and what never is."""

from __future__ import annotations

import pytest
from tests.contract.cluster_contract import refused
from tests.unit.adapters.cluster.api_server import (
    BROKEN,
    BUSY,
    FINE,
    GUARD,
    LOST,
    MAP,
    Reply,
    Server,
    status,
)

from progressive.clusters import KubernetesCluster
from progressive.errors import ErrorKind


def test_wait_that_was_asked_for_is_kept(
    server: Server, cluster: KubernetesCluster, slept: list[float]
) -> None:
    """429 says when to come again, and nothing was done: a write may, too."""
    server.replies = [BUSY, FINE, BUSY, FINE]
    cluster.get(MAP)
    cluster.merge_patch(MAP, {"data": {}})

    assert [3.0, 3.0] == slept
    assert 4 == len(server.asked)


def test_reads_give_up_after_some_attempts(
    server: Server, cluster: KubernetesCluster, slept: list[float]
) -> None:
    """The machine above repeats too."""
    server.replies = [BROKEN] * 9
    error = refused(lambda: cluster.get(MAP))

    assert (ErrorKind.UNAVAILABLE, 503) == (error.kind, error.status)
    assert "etcd has no leader" == str(error)
    assert 4 == len(server.asked)
    assert all(0 <= pause <= 2 for pause in slept)


def test_wait_that_is_too_long_is_not_begun(server: Server, cluster: KubernetesCluster) -> None:
    """The caller learns how long it would be."""
    server.replies = [(429, {"Retry-After": "30"}, {})]
    error = refused(lambda: cluster.get(MAP))

    assert (30.0, 1) == (error.retry_after, len(server.asked))


@pytest.mark.parametrize("trouble", [LOST, BROKEN], ids=["lost", "503"])
def test_write_without_a_guard_is_not_sent_twice(
    server: Server, cluster: KubernetesCluster, trouble: Reply
) -> None:
    """It may have taken effect, and the world may have moved since."""
    server.replies = [trouble, FINE]
    error = refused(lambda: cluster.merge_patch(MAP, {"data": {}}))

    assert ErrorKind.UNAVAILABLE is error.kind
    assert 1 == len(server.asked)


@pytest.mark.parametrize("trouble", [LOST, BROKEN], ids=["lost", "503"])
def test_guarded_write_is_sent_again(
    server: Server, cluster: KubernetesCluster, trouble: Reply
) -> None:
    """If the first one arrived, the second one is a conflict, and the caller reads again."""
    server.replies = [trouble, FINE, trouble, FINE, trouble, FINE, trouble, FINE]
    cluster.json_patch(MAP, [GUARD])
    cluster.merge_patch(MAP, {"metadata": {"resourceVersion": "1"}})
    cluster.replace(MAP, {"metadata": {"resourceVersion": "1"}})
    cluster.delete(MAP)

    assert 8 == len(server.asked)


def test_creation_whose_answer_was_lost_exists_then(
    server: Server, cluster: KubernetesCluster
) -> None:
    """The caller reads it and sees whose it is."""
    there = status(409, "AlreadyExists", 'configmaps "web" already exists')
    server.replies = [LOST, there]
    body = {"metadata": {"name": "web"}}
    error = refused(lambda: cluster.create("/api/v1/namespaces/shop/configmaps", body))

    assert (ErrorKind.CONFLICT, "AlreadyExists") == (error.kind, error.reason)
    assert 2 == len(server.asked)


def test_creation_under_a_generated_name_is_not_sent_twice(
    server: Server, cluster: KubernetesCluster
) -> None:
    """There would be two."""
    server.replies = [LOST, FINE]
    body = {"metadata": {"generateName": "web-"}}
    refused(lambda: cluster.create("/api/v1/namespaces/shop/configmaps", body))

    assert 1 == len(server.asked)


@pytest.mark.parametrize("code", [409, 410])
def test_conflict_of_a_read_is_asked_again(
    server: Server, cluster: KubernetesCluster, code: int
) -> None:
    """
    A read without a resource version conflicts with nothing, and nothing of it can be gone.
    """
    server.replies = [status(code, "", "what"), FINE]
    found = cluster.get(MAP)

    assert ("ConfigMap", 2) == (found["kind"], len(server.asked))


def test_urgent_cluster_tries_once(server: Server, cluster: KubernetesCluster) -> None:
    """The way home waits for nothing."""
    server.replies = [BUSY, FINE]
    refused(lambda: cluster.urgent().get(MAP))

    assert 1 == len(server.asked)
