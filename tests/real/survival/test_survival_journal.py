"""A journal that cannot be written, or read: what is said, what is moved, and the way home."""

from __future__ import annotations

from typing import Any

import pytest
from tests.real.stage.shop import NEW, Ended, Place

pytestmark = [
    pytest.mark.real,
    pytest.mark.apart,
    pytest.mark.analysis(interval="3s"),
]

JOURNAL = "progressive-my-app"
LARGEST = 1024 * 1024
"""Bytes; the API server refuses a ConfigMap above it."""


def path(place: Place) -> str:
    """Of the journal's object."""
    return place.api.path("v1", "ConfigMap", place.namespace, JOURNAL)


def fill(place: Place, *, free: int) -> None:
    """Somebody keeps other things beside the journal, up to so many bytes below the limit."""
    data = place.api.get(path(place))["data"]
    used = sum(len(key) + len(text.encode()) for key, text in data.items())
    place.api.patch(path(place), {"data": {"x": "x" * (LARGEST - used - 1 - free)}})


def at_twenty(place: Place) -> None:
    """A run whose driver died while the canary had 20 %."""
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    running.kill()
    assert (80, 20) == place.split()


def refused(ended: Ended, *words: str) -> None:
    """One clear error, exit 6, and no traceback."""
    assert ("rejected", 6) == (ended.answer.get("outcome"), ended.code), ended.lines
    assert "Traceback" not in ended.lines
    for word in words:
        assert word in ended.answer["message"]


def test_no_room_for_a_journal_moves_nothing(place: Place) -> None:
    """
    L19: what cannot be saved is not begun; with room it is.
    """
    meta = {"name": JOURNAL, "namespace": place.namespace}
    data = {"x": "x" * (LARGEST - 100)}
    place.api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data})
    ended = place.run("run", *NEW)

    refused(ended, JOURNAL, "Too long")
    assert ((100, 0), 0) == (place.split(), place.replicas("my-app"))
    place.api.patch(path(place), {"data": {"x": None}})
    assert "promoted" == place.run().answer["outcome"]


def test_a_journal_that_gets_full_sends_the_traffic_home(place: Place) -> None:
    """
    L26: no further step without a save; the way home alone does not wait for one.
    """
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    fill(place, free=10)
    ended = running.end()

    assert ("rolled_back", "router-error", 3) == (
        ended.answer.get("outcome"),
        ended.answer.get("reason"),
        ended.code,
    ), ended.lines
    assert JOURNAL in ended.answer["message"]
    assert "Traceback" not in ended.lines
    assert ((100, 0), 0) == (place.split(), place.replicas("my-app"))
    place.api.patch(path(place), {"data": {"x": None}})
    again = place.run()
    assert again.answer["outcome"] in ("promoted", "rolled_back"), again.lines
    assert (100, 0) == place.split()


def test_an_abort_comes_home_though_nothing_can_be_saved(place: Place) -> None:
    """
    L26: a full journal, its driver dead, users on the canary.
    """
    at_twenty(place)
    fill(place, free=10)
    ended = place.run("abort", "--why", "pager")

    assert ("aborted", 0) == (ended.answer.get("outcome"), ended.code), ended.lines
    assert ((100, 0), 0) == (place.split(), place.replicas("my-app"))


def quota(place: Place, *, used: int) -> None:
    """An administrator allows no more ConfigMaps; the controller's part of it is written here."""
    kind, name = "ResourceQuota", "no-more"
    hard = {"count/configmaps": "0"}
    made: dict[str, Any] = place.api.create(
        {
            "apiVersion": "v1",
            "kind": kind,
            "metadata": {"name": name, "namespace": place.namespace},
            "spec": {"hard": hard},
        }
    )
    made["status"] = {"hard": hard, "used": {"count/configmaps": str(used)}}
    place.api.put(f"{place.api.path('v1', kind, place.namespace, name)}/status", made)


def test_a_quota_without_config_maps_moves_nothing(place: Place) -> None:
    """
    The server's own words say which quota.
    """
    quota(place, used=1)
    ended = place.run("run", *NEW)

    refused(ended, "journal", "exceeded quota: no-more")
    assert ((100, 0), 0) == (place.split(), place.replicas("my-app"))


def test_an_abort_comes_home_though_a_quota_forbids_its_inbox(place: Place) -> None:
    """
    The decision has no place to be left in, and nobody would read it: its driver is dead.
    """
    at_twenty(place)
    quota(place, used=2)
    ended = place.run("abort", "--why", "pager")

    assert ("aborted", 0) == (ended.answer.get("outcome"), ended.code), ended.lines
    assert ((100, 0), 0) == (place.split(), place.replicas("my-app"))


NEWER = "progressive.dev/journal/v9"


def change(place: Place, old: str, new: str) -> str:
    """Edit the journal by hand; what it says then."""
    text = str(place.api.get(path(place))["data"]["journal"])
    assert old in text, text
    edited = text.replace(old, new)
    place.api.patch(path(place), {"data": {"journal": edited}})
    return edited


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("progressive.dev/journal/v1", NEWER, NEWER),
        ('"phase":"stepping"', '"phase":"moon"', "phase"),
        ('"weights":[20,40]', '"weights":[20,"many"]', "weights"),
        ('"state":{', '"state":{"more":1,', "more"),
    ],
)
def test_a_journal_that_is_not_understood_is_left_alone_and_an_abort_comes_home(
    place: Place, old: str, new: str, words: str
) -> None:
    """
    L22: of a newer version, or edited by hand: nothing is guessed, nothing is written over it;
    whoever aborts still gets users to the primary, and what to do then is said.
    """
    at_twenty(place)
    edited = change(place, old, new)
    refused(place.run(), "journal", words)
    refused(place.run("run", "--resume"), "journal", words)
    assert (80, 20) == place.split()
    ended = place.run("abort", "--why", "pager")

    assert ("aborted", 0) == (ended.answer.get("outcome"), ended.code), ended.lines
    assert words in ended.answer["message"]
    assert "remove it" in ended.answer["message"]
    assert (100, 0) == place.split()
    assert edited == place.api.get(path(place))["data"]["journal"]
    place.api.delete(path(place))
    assert "promoted" == place.run().answer["outcome"]


def test_an_abort_of_a_split_that_no_journal_knows_comes_home(place: Place) -> None:
    """
    Somebody removed the journal before the traffic was home.
    """
    at_twenty(place)
    place.api.delete(path(place))
    ended = place.run("abort", "--why", "pager")

    assert ("aborted", 0) == (ended.answer.get("outcome"), ended.code), ended.lines
    assert (100, 0) == place.split()
    again = place.run("abort")
    assert "no run" in again.answer["decision"]["answer"]


def test_a_namespace_that_is_deleted_ends_the_run(place: Place) -> None:
    """
    All that a run is about goes, its journal and its Lease first: it must not last for ever, and
    says what is missing.
    """
    place.document["spec"]["progressDeadlineSeconds"] = 4
    place.write(place.document)
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    place.control_plane.forget(place.namespace)
    ended = running.end(seconds=170)

    assert ended.answer["outcome"] in ("rolled_back", "stuck"), ended.lines
    assert ended.answer["reason"] in ("canary-not-ready", "primary-not-ready", "router-error")
    assert ended.code in (3, 10)
    assert "Traceback" not in ended.lines
