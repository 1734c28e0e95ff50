"""The rights of what goes on beside a run."""

from __future__ import annotations

from pathlib import Path

from tests.unit.release.outside.orphans import JOURNAL, LEASE, killed, promotion_that_died, sweep

from progressive._adapters.cluster.address import parse
from progressive._release.rights.beside import needs_to_sweep


def test_the_printed_role_is_just_what_a_sweep_asks_for(tmp_path: Path) -> None:
    """A right too few is a split that stays; a right too many is somebody's way in."""
    rights = needs_to_sweep(["istio"], namespace="shop", restore=True)
    granted = {(one.group, one.resource, one.verb) for one in rights}
    asked: set[tuple[str, str, str]] = set()
    for number, make in enumerate((killed, promotion_that_died, killed)):
        folder = tmp_path / str(number)
        folder.mkdir()
        cluster = make(folder)
        if number == 2:
            cluster.delete(JOURNAL)
            cluster.delete(LEASE)
        cluster.calls.clear()
        assert all(one.restored for one in sweep(cluster, restore=True))
        for verb, path in cluster.calls:
            at = parse(path)
            for each in ("list", "watch") if verb == "watch" else (verb,):
                asked.add((at.group, at.plural, each))

    assert asked <= granted, asked - granted
    # a Lease on another machine is watched, a promotion whose primary does not become ready sends
    # all to the canary, for which the services are asked, and no autoscaler is in this cluster
    rare = {
        ("coordination.k8s.io", "leases", "watch"),
        ("", "services", "get"),
        ("autoscaling", "horizontalpodautoscalers", "get"),
        ("autoscaling", "horizontalpodautoscalers", "patch"),
        ("keda.sh", "scaledobjects", "get"),
        ("keda.sh", "scaledobjects", "patch"),
    }
    meshes = {one for one in granted - asked if one[2] == "list" and "." in one[0]}
    assert granted - asked - meshes <= rare, granted - asked - meshes
