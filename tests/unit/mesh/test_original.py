"""Routes of people: their first weights are written down, and are theirs again at the end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.adapters.mesh_world import ROUTES, router, world
from tests.unit.mesh.manifests import CODEC, TARGET, both, carried_out, destination, route

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._mesh.rules.original import ORIGINAL
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Split

SERVICE = ServiceSpec(name="web", port=80)


def stored(cluster: MemoryCluster) -> dict[str, Any]:
    return cluster.get(f"{ROUTES}/web")


def weights(found: dict[str, Any]) -> list[Any]:
    return [one.get("weight") for one in found["spec"]["http"][0]["route"]]


def test_weights_alone_are_written_down_once() -> None:
    """
    A whole copy of the object would undo what its owner changes meanwhile.
    """
    before = route(both(4, 0, name="main"))
    (after,) = carried_out([before], CODEC.remembering([before], TARGET))
    noted = json.loads(after["metadata"]["annotations"][ORIGINAL])

    assert [{"rule": "main", "primary": 4, "canary": 0}] == noted
    assert before["spec"] == after["spec"]
    assert () == CODEC.remembering([after], TARGET)


@pytest.mark.parametrize("first", [(4, 0), (100, None), (1000, 0)])
def test_an_adopted_route_is_given_back_as_it_was(first: tuple[int, int | None]) -> None:
    """
    Whoever gives a release up finds the file of their repository again, and what they added.
    """
    cluster = world(route(both(*first)))
    moved = router(cluster)
    moved.establish(TARGET, SERVICE, None)
    for weight in (20, 100, 0):
        moved.shift(TARGET, Split(canary=weight))
    meanwhile = stored(cluster)
    meanwhile["spec"]["http"][0]["timeout"] = "3s"
    cluster.put(meanwhile, manager="kubectl")
    handed = router(cluster).hand_back(TARGET, SERVICE)
    after = stored(cluster)

    assert ("VirtualService shop/web",) == handed.foreign
    assert list(first) == weights(after)
    assert "3s" == after["spec"]["http"][0]["timeout"]
    assert ORIGINAL not in (after["metadata"].get("annotations") or {})


def test_a_release_that_made_its_route_remembers_nothing() -> None:
    """
    What it made goes with it.
    """
    cluster = world(
        route({"route": [destination("other")]}, name="other"),
    )
    moved = router(cluster)
    moved.establish(TARGET, SERVICE, None)
    moved.establish(TARGET, SERVICE, None)

    assert ORIGINAL not in (stored(cluster)["metadata"].get("annotations") or {})


@pytest.mark.parametrize(
    "note", ["", "{", "[5]", '[{"rule": 0, "primary": true, "canary": 0}]', '[{"rule": "gone"}]']
)
def test_a_note_that_somebody_edited_is_removed_and_not_believed(note: str) -> None:
    """
    Anybody can write an annotation; nobody may move traffic by one.
    """
    before = route(both(90, 0), annotations={ORIGINAL: note})
    (after,) = carried_out([before], CODEC.giving_back([before], TARGET))

    assert before["spec"] == after["spec"]
    assert {} == after["metadata"]["annotations"]


def test_a_route_with_traffic_on_the_canary_keeps_its_weights() -> None:
    """
    Somebody moved it since, and has a reason.
    """
    noted = {ORIGINAL: '[{"canary":0,"primary":4,"rule":0}]'}
    before = route(both(50, 50), annotations=noted)
    (after,) = carried_out([before], CODEC.giving_back([before], TARGET))

    assert [50, 50] == weights(after)
