"""The judges of the survival benchmark: each fault that they are for is found."""

from __future__ import annotations

from typing import Any

import pytest
from benchmarks.survival.life import Life
from benchmarks.survival.mortal import what_is_written
from benchmarks.survival.verdict import Faults, compare, ends
from benchmarks.survival.witness import Change, Seen, judge

SIDES = ("p", "c")
ALLOWED = frozenset({0, 20})


def route(version: int, canary: int) -> Change:
    """A state of the route."""
    return Change(version=version, name="r", weights={"p": 100 - canary, "c": canary})


def slices(version: int, side: str, ready: int) -> Change:
    """A state of a side's endpoints."""
    return Change(version=version, name=f"{side}-1", service=side, ready=ready)


def test_weight_on_a_side_that_nobody_answers_for_is_found_whoever_caused_it() -> None:
    """
    A weight that comes before its endpoints, and endpoints that go before their weight.
    """
    ready = [slices(1, "p", 2), slices(2, "c", 2)]
    fine = judge([*ready, route(3, 20), route(4, 0)], sides=SIDES, allowed=ALLOWED)
    early = judge([slices(1, "p", 2), route(2, 20)], sides=SIDES, allowed=ALLOWED)
    gone = judge([*ready, route(3, 20), slices(4, "c", 0)], sides=SIDES, allowed=ALLOWED)

    assert ([20, 0], 4, [], []) == (fine.canary, fine.states, fine.unready, fine.strange)
    assert ["c has 20 at version 2"] == early.unready
    assert ["c has 20 at version 4"] == gone.unready


def test_a_weight_that_no_plan_names_is_found() -> None:
    """
    And a split that is no whole.
    """
    ready = [slices(1, "p", 2), slices(2, "c", 2)]
    torn = Change(version=4, name="r", weights={"p": 100, "c": 20})
    seen = judge([*ready, route(3, 30), torn], sides=SIDES, allowed=ALLOWED)

    assert [
        "{'p': 70, 'c': 30} at version 3",
        "{'p': 100, 'c': 20} at version 4",
    ] == seen.strange


def told(id: str, word: str = "promoted", **more: Any) -> dict[str, Any]:
    """A notification of an end."""
    line = {"id": id, "word": word, "reason": None, "terminal": True, "repeat": False}
    return {"kind": "told", **line, **more}


def life(*lines: dict[str, Any], resumed: bool = True, **more: Any) -> Life:
    """A release that was promoted, unless the lines say otherwise."""
    made = Life(kind="good", resumed=resumed, lines=list(lines), seen=Seen(canary=[0, 20, 0]))
    made.left = {"split": (100, 0)}
    made.report = {"outcome": "promoted", "rounds": [{"weight": 20, "verdict": "pass"}]}
    for name, value in more.items():
        setattr(made, name, value)
    return made


GOOD = life(told("a/1"))


@pytest.mark.parametrize(
    ("other", "fault"),
    [
        (life(told("b/1", "rolled_back")), "outcome"),
        (life(told("b/1"), left={"split": (80, 20)}), "outcome"),
        (life(told("b/1"), report={"outcome": "promoted", "rounds": []}), "outcome"),
        (life(told("b/1"), told("c/1", "unchanged")), "outcome"),
        (life(told("b/1"), stuck=1), "stuck"),
        (life(told("b/1"), report={**GOOD.report, "outcome": "busy", "message": ""}), "stuck"),
        (life(told("b/1"), {"kind": "ends", "run_id": "c"}), "missing"),
        (life(told("b/1"), told("b/2", repeat=True)), "twins"),
        (life(told("b/1"), told("b/1")), "twins"),
        (life(*[told("b/0", "started", terminal=False)] * 2, told("b/1")), "twins"),
        (life(told("b/1"), seen=Seen(canary=[0, 20, 0], unready=["x"])), "unready"),
        (life(told("b/1"), seen=Seen(canary=[0, 40, 0])), "strange"),
    ],
)
def test_each_fault_is_found(other: Life, fault: str) -> None:
    """
    A judge that finds nothing proves nothing.
    """
    found = compare(other, GOOD)

    assert [fault] == [name for name, words in vars(found).items() if words], found


def test_what_a_crash_may_do_is_no_fault() -> None:
    """
    An end that is told again under its id and says so; a command that is started once more.
    """
    again = life(told("b/1"), told("b/1", repeat=True))
    once_more = life(told("b/1"), told("c/0", "unchanged"), resumed=False)

    assert Faults() == compare(again, GOOD)
    assert Faults() == compare(once_more, GOOD)
    assert [("promoted", None), ("unchanged", None)] == ends(once_more)


PATH = "/apis/networking.istio.io/v1/namespaces/shop/virtualservices/web"
TOKEN = "/metadata/annotations/progressive.dev~1driver"
TEST = {"op": "test", "path": "/metadata/resourceVersion", "value": "1"}


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ([TEST, {"op": "add", "path": TOKEN, "value": "r/1"}], "fence"),
        ([TEST, {"op": "remove", "path": TOKEN}], "fence ended"),
        ([TEST, {"op": "add", "path": "/spec/http/0/route/1/weight", "value": 20}], "route"),
    ],
)
def test_the_fence_is_told_from_the_weights(body: list[dict[str, Any]], what: str) -> None:
    """
    The published table says at which writes drivers died.
    """
    assert what == what_is_written(PATH, body)
