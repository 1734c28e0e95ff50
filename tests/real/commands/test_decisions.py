"""What people decide for a run, with a live driver and without one."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from tests.real.stage.shop import NEW, Ended, Place, held_for
from tests.realparts.process import wait_for

pytestmark = [
    pytest.mark.real,
    pytest.mark.apart,
    pytest.mark.analysis(interval="5m", maxWeight=20),  # a weight is held for long
]

PROMOTED = pytest.mark.analysis(interval="1m", maxWeight=20)
"""A promotion drains for an interval, which the test waits for."""

TOKEN = "progressive.dev/driver"


def token(place: Place) -> str | None:
    route = place.read("VirtualService", "my-app", "networking.istio.io/v1")
    annotations: dict[str, str] = route["metadata"].get("annotations") or {}
    return annotations.get(TOKEN)


def kinds(ended: Ended) -> list[str]:
    return [one["kind"] for one in ended.answer["events"]]


def signed(ended: Ended) -> list[tuple[str, str, str]]:
    found: list[dict[str, Any]] = ended.answer["decisions"]
    return [(one["command"], one["by"], one["why"]) for one in found]


@PROMOTED
def test_a_live_driver_holds_goes_on_and_promotes_as_it_is_told(place: Place) -> None:
    """
    L17: each decision is answered by the driver, signed, and on record.
    """
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    held = place.run("hold", "--by", "ann", "--why", "looks odd")
    split = place.split()
    again = place.run("hold", "--by", "ben")
    resumed = place.run("resume", "--by", "ann")
    promoted = place.run("promote", "--by", "ann", "--why", "it is fine")
    ended = running.end()

    assert (0, "held at weight 20") == (held.code, held.answer["decision"]["answer"])
    assert (80, 20) == split
    assert (0, "on hold already, at weight 20") == (again.code, again.answer["decision"]["answer"])
    assert (0, "goes on at weight 20") == (resumed.code, resumed.answer["decision"]["answer"])
    assert (0, "the promotion begins") == (promoted.code, promoted.answer["decision"]["answer"])
    assert ("promoted", 0) == (ended.answer["outcome"], ended.code), ended.lines
    assert [] == ended.answer["rounds"]
    assert [
        ("hold", "ann", "looks odd"),
        ("hold", "ben", ""),
        ("resume", "ann", ""),
        ("promote", "ann", "it is fine"),
    ] == signed(ended)
    assert "my-app:2" == place.image("my-app-primary")


def test_what_cannot_be_followed_is_refused_with_words(place: Place) -> None:
    """
    A person must not believe that something happened.
    """
    nothing = place.run("hold")
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    approved = place.run("approve")
    resumed = place.run("resume")
    aborted = place.run("abort", "--by", "ann")
    ended = running.end()
    late = place.run("promote")

    assert (6, "there was no run yet") == (nothing.code, nothing.answer["decision"]["answer"])
    assert 6 == approved.code
    assert "refused: no gate waits for a decision" == approved.answer["decision"]["answer"]
    assert (6, "refused: the run is not on hold") == (
        resumed.code,
        resumed.answer["decision"]["answer"],
    )
    assert (0, "the traffic goes home") == (aborted.code, aborted.answer["decision"]["answer"])
    assert ("aborted", 11) == (ended.answer["outcome"], ended.code)
    assert 6 == late.code
    assert "is over: aborted" in late.answer["decision"]["answer"]


@PROMOTED
def test_a_promotion_without_a_driver_is_carried_out_at_once(place: Place) -> None:
    """
    L27: somebody killed the pipeline, and a person decides.
    """
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    running.tell(signal.SIGKILL)
    running.end()
    left = token(place)
    promoted = place.run("promote", "--by", "ann", "--why", "seen enough")

    assert left is not None and left.endswith("/1")
    assert (0, "promoted") == (promoted.code, promoted.answer["outcome"]), promoted.lines
    assert [("promote", "ann", "seen enough")] == signed(promoted)
    assert "my-app:2" == place.image("my-app-primary")
    assert (100, 0) == place.split() and token(place) is None


@PROMOTED
def test_a_hold_without_a_driver_waits_for_the_next_one(place: Place) -> None:
    """
    The next driver finds the run as it was decided, and goes on when it is told to.
    """
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    running.tell(signal.SIGKILL)
    running.end()
    held = place.run("hold", "--by", "ann")
    state = place.run("status")
    going_on = place.start("run")
    going_on.wait_for("going on with run")
    wait_for(lambda: (token(place) or "").endswith("/3"), "the third driver's token")
    promoted = place.run("promote", "--by", "ben")
    ended = going_on.end()

    assert 0 == held.code, held.lines
    assert held.answer["decision"]["answer"] in (
        "held at weight 20",
        "held once weight 20 is written",  # the killed driver had not saved that it was
    )
    assert (None, 20) == (state.answer["outcome"], state.answer["final"]["weight"])
    assert (0, "the promotion begins") == (promoted.code, promoted.answer["decision"]["answer"])
    assert ("promoted", 0) == (ended.answer["outcome"], ended.code), ended.lines
    assert [("hold", "ann", ""), ("promote", "ben", "")] == signed(ended)


def test_a_signal_can_leave_the_run_on_hold(place: Place) -> None:
    """
    `--on-abort hold`: the split stays, the exit code says so, and an abort ends it later.
    """
    running = place.start("run", *NEW, "--on-abort", "hold")
    running.wait_for("step weight=20")
    running.tell(signal.SIGTERM)
    ended = running.end()
    split, left = place.split(), token(place)
    aborted = place.run("abort", "--by", "ann")

    assert ("inconclusive", None, 4) == (
        ended.answer["outcome"],
        ended.answer["reason"],
        ended.code,
    ), ended.lines
    assert "SIGTERM" in ended.answer["message"] and not ended.answer["split_restored"]
    assert ((80, 20), None) == (split, left)
    assert (0, "aborted") == (aborted.code, aborted.answer["outcome"]), aborted.lines
    assert (100, 0) == place.split() and 0 == place.replicas("my-app")


def test_a_signal_can_leave_the_run_to_the_next_driver(place: Place) -> None:
    """
    `--on-abort detach`: nothing is moved, nothing is over, and the next one goes on.
    """
    held_for(place, "20s")
    running = place.start("run", *NEW, "--on-abort", "detach")
    running.wait_for("step weight=20")
    running.tell(signal.SIGTERM)
    left = running.end()
    split = place.split()
    ended = place.run("run", "--resume")

    assert ("inconclusive", 4) == (left.answer["outcome"], left.code), left.lines
    assert "the next driver goes on" in left.answer["message"]
    assert (80, 20) == split
    assert ("promoted", 0) == (ended.answer["outcome"], ended.code), ended.lines
    assert left.answer["run_id"] == ended.answer["run_id"]
    assert 1 == kinds(ended).count("step")


def test_a_newer_run_can_have_the_older_one_make_way(place: Place) -> None:
    """
    `--supersede`: two builds at once, and the younger one shall win; never both.
    """
    older = place.start("run", *NEW)
    older.wait_for("step weight=20")
    held_for(place, "4s")
    newer = place.start("run", "--image", "my-app=my-app:3", "--supersede")
    first, second = older.end(), newer.end()

    assert ("aborted", 11) == (first.answer["outcome"], first.code), first.lines
    assert "superseded by a newer run" in first.answer["message"]
    assert ("promoted", 0) == (second.answer["outcome"], second.code), second.lines
    assert "my-app:3" == place.image("my-app-primary")


def test_a_failed_revision_is_tried_again_only_when_it_failed(place: Place) -> None:
    """
    `retry` is signed, has a budget of its own, and starts nothing that is not to be started.
    """
    nothing = place.run("retry")
    failed = place.start("run", *NEW)
    failed.wait_for("step weight=20")
    place.run("abort", "--by", "ann")
    first = failed.end()
    held_for(place, "4s")
    again = place.run("retry", "--by", "ben", "--why", "the database was down")
    record = place.run("history")
    late = place.run("retry")

    assert 6 == nothing.code and "has no run yet" in nothing.answer["message"]
    assert ("aborted", 11) == (first.answer["outcome"], first.code)
    assert ("promoted", 0) == (again.answer["outcome"], again.code), again.lines
    told = [(one["command"], one["by"]) for one in record.answer["runs"][1]["report"]["decisions"]]
    assert [("abort", "ann"), ("retry", "ben")] == told
    assert 6 == late.code and "ended promoted" in late.answer["message"]
