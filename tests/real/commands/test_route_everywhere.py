"""`progressive route` with every router, on a real API server: tried, written, read, reset."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.contract.worlds import WORLDS
from tests.real.stage.steering import Steering, place
from tests.realparts.api import Document

from progressive._cli.main import cli

__all__ = ["place"]

pytestmark = pytest.mark.real

MATCH = [{"headers": {"x-release": {"exact": "next"}}}]


@pytest.fixture(scope="module")
def route(place: Steering) -> Steering:
    """One router after the other."""
    return place


def ordered(route: Steering, folder: Path, *words: str, **traffic: Any) -> Document:
    """The JSON answer of the command, which must succeed."""
    target = route.target
    document = {
        "apiVersion": "progressive.dev/v1",
        "kind": "Release",
        "metadata": {"name": "web", "namespace": target.namespace},
        "spec": {
            "traffic": {
                "router": WORLDS[route.name].router,
                "service": target.service,
                "primary": target.primary,
                "canary": target.canary,
                "port": target.port,
                **traffic,
            }
        },
    }
    file = folder / "release.yaml"
    file.write_text(json.dumps(document))  # JSON is YAML
    runner = CliRunner(env={"KUBECONFIG": str(route.plane.kubeconfig())})
    result = runner.invoke(cli, ["route", str(file), *words, "-o", "json"])
    assert 0 == result.exit_code, result.output
    told: Document = json.loads(result.stdout)
    return told


def spoken(objects: list[Document]) -> list[Any]:
    """What objects say, by kind and name; the server numbers and dates each write."""
    found = [
        (one["kind"], one["metadata"]["name"], one.get("spec"), one["metadata"].get("annotations"))
        for one in objects
    ]
    return sorted(found, key=lambda one: one[:2])


def test_what_is_tried_is_what_is_stored_then(route: Steering, tmp_path: Path) -> None:
    """
    M-128: the server checks it all and stores nothing; the would-be objects are those of later.
    """
    route.restore()
    weight = str(route.split(20).canary)
    orders: list[tuple[str, dict[str, Any]]] = [(weight, {})]
    if route.router.capabilities.match and "match" not in WORLDS[route.name].lacks:
        orders.append(("100", {"match": MATCH}))
    for canary, traffic in orders:
        before = route.stored()
        tried = ordered(route, tmp_path, "--weight", canary, "--dry-run", **traffic)
        assert before == route.stored()
        moved = ordered(route, tmp_path, "--weight", canary, **traffic)
        again = ordered(route, tmp_path, "--weight", canary, **traffic)
        read = ordered(route, tmp_path, "--read", **traffic)
        stored = spoken(route.listed())

        assert (True, True, False) == tuple(one["changed"] for one in (tried, moved, again))
        assert tried["split"] == moved["split"] == again["split"] == read
        assert int(canary) == read["canary"]
        assert [one["ref"] for one in tried["patches"]] == [one["ref"] for one in moved["patches"]]
        assert all(one in stored for one in spoken(tried["objects"]))
        assert all(one in stored for one in spoken(moved["objects"]))
    tried = ordered(route, tmp_path, "--reset", "--dry-run")
    stands = route.stored()
    home = ordered(route, tmp_path, "--reset")

    assert stands != route.stored()
    assert (0, False) == (home["split"]["canary"], home["split"]["matched"])
    assert tried["split"] == home["split"]
    assert not ordered(route, tmp_path, "--reset")["changed"]
