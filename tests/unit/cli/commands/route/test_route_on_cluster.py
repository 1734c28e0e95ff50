"""A routing write by hand, carried out on a cluster in memory."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.unit.cli.commands.route.by_hand import TARGET, answered

from progressive._adapters.cluster.memory import MemoryCluster
from progressive.errors import ClusterError, ErrorKind

WEB = "/apis/networking.istio.io/v1/namespaces/shop/virtualservices/web"


def stored(cluster: MemoryCluster) -> list[int]:
    return [one["weight"] for one in cluster.get(WEB)["spec"]["http"][0]["route"]]


def test_a_write_on_the_cluster_is_read_back(ask: Any, cluster: MemoryCluster) -> None:
    """
    The same answer as on a file, and stored.
    """
    told = answered(ask("--weight", "20", "-o", "json"))

    assert (True, 20) == (told["changed"], told["split"]["canary"])
    assert [80, 20] == stored(cluster)
    assert ["web"] == [one["metadata"]["name"] for one in told["objects"]]
    assert {"canary": 20, "total": 100, "mirror": None, "matched": False} == answered(
        ask("--read", "-o", "json")
    )
    assert answered(ask("--reset", "-o", "json"))["changed"]
    assert [100, 0] == stored(cluster)


def test_a_dry_run_stores_nothing(ask: Any, cluster: MemoryCluster) -> None:
    """
    M-128: the object as it would be.
    """
    told = answered(ask("--weight", "20", "--dry-run", "-o", "json"))

    assert (True, 20) == (told["changed"], told["split"]["canary"])
    weights = [one["weight"] for one in told["objects"][0]["spec"]["http"][0]["route"]]
    assert [80, 20] == weights
    assert ([100, 0], []) == (stored(cluster), cluster.log)


def drive(cluster: MemoryCluster) -> Any:
    """Somebody else holds the Lease of the target."""
    return cluster.lock().acquire(TARGET, "another-run", lambda _: None)


@pytest.mark.parametrize("deed", [["--weight", "20"], ["--reset"]])
def test_a_run_is_not_disturbed(ask: Any, cluster: MemoryCluster, deed: list[str]) -> None:
    """
    L27: the driver and the way out are named; a read disturbs nobody.
    """
    hold = drive(cluster)
    try:
        refused = answered(ask(*deed, "-o", "json"), 8)
        answered(ask("--read", "-o", "json"))
    finally:
        hold.close()

    assert "Busy" == refused["error"]["type"]
    assert "progressive abort" in refused["error"]["message"]
    assert [100, 0] == stored(cluster)


def test_a_mark_on_the_route_is_a_run_wherever_its_lease_is(
    ask: Any, cluster: MemoryCluster
) -> None:
    """
    A run with a journal in a folder leaves nothing else in the cluster.
    """
    web = cluster.get(WEB)
    web["metadata"]["annotations"] = {"progressive.dev/driver": "run-7/3"}
    cluster.put(web)

    refused = answered(ask("--weight", "20", "-o", "json"), 8)
    assert "run-7" in refused["error"]["message"]

    forced = ask("--weight", "20", "--force")
    assert 0 == forced.exit_code and "run-7 is told to abort" in forced.stdout
    assert [80, 20] == stored(cluster)


def test_force_writes_and_leaves_an_abort(ask: Any, cluster: MemoryCluster) -> None:
    """
    L27: the run must not go on from a split that somebody else made.
    """
    hold, begun = drive(cluster), datetime.now(UTC)
    try:
        answered(ask("--reset", "--force", "--by", "ops", "--why", "fire", "-o", "json"))
    finally:
        hold.close()

    (left,) = cluster.inbox().decisions(TARGET, after=begun)  # type: ignore[attr-defined]
    assert ("abort", "ops", "fire") == (str(left.command), left.by, left.why)


def test_a_missing_right_is_named_before_the_first_write(ask: Any, cluster: MemoryCluster) -> None:
    """
    M-129: verb, group, resource and namespace, for the person who writes the Role.
    """
    cluster.deny("patch", "virtualservices")
    told = answered(ask("--weight", "20", "-o", "json"), 6)

    words = told["error"]["message"]
    assert "patch virtualservices.networking.istio.io/web" in words and "shop" in words
    assert [] == [path for verb, path in cluster.calls if verb == "patch"]


def test_exit_statuses_tell_what_stands(ask: Any, cluster: MemoryCluster) -> None:
    """
    9: nothing was written; 10: nobody knows.
    """
    away = ClusterError("no answer", ErrorKind.UNAVAILABLE)
    cluster.fail(away, times=None)
    assert 9 == ask("--weight", "20", "-o", "json").exit_code

    cluster.heal()
    cluster.fail(away, verb="patch", after=True)
    cluster.fail(away, verb="get", path="virtualservices/web", times=None)
    told = answered(ask("--weight", "20", "-o", "json"), 10)
    assert told["error"]["unsettled"] and "unknown" in told["error"]["message"]
