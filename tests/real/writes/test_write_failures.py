"""What goes wrong with a write, for every router: other writers, and answers that are lost.

The live cases M-04, M-118 to M-121 and M-124, on a real API server with the kinds of each mesh.
Admission is in `test_write_admission.py`, the way home in `test_write_home.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.real.stage.steering import Steering, after, first_writes, sides_in, weights_of
from tests.realparts import faults
from tests.realparts.asked import Asked

from progressive.errors import Conflict, ErrorKind, ForeignController, RouteNotFound, RouterError

pytestmark = pytest.mark.real


# what is sent


def numbers(value: Any) -> Iterator[Any]:
    """All numbers in a document, those in texts of JSON as well."""
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from numbers(one)
    elif isinstance(value, str) and value.startswith("{"):
        yield from numbers(json.loads(value))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def test_a_weight_is_a_whole_number_with_its_preconditions(route: Steering) -> None:
    """
    M-01, M-04: on the wire and in the store neither 20.0 nor "20", by our field manager, strictly.
    """
    route.shift(0)
    versions = {one["metadata"]["resourceVersion"] for one in route.listed()}
    route.begin()
    assert route.shift(20)

    assert route.taken()
    for one in route.taken():
        assert "fieldManager=progressive" in one.path and "fieldValidation=Strict" in one.path
        body = json.loads(one.body)
        if one.verb == "patch":
            assert body[0]["op"] == "test" and body[0]["path"] == "/metadata/resourceVersion"
            assert body[0]["value"] in versions
            assert {"test", "add"} >= {step["op"] for step in body} or route.name == "kubernetes"
        assert [] == [it for it in numbers(body) if type(it) is not int]
    stored = [
        number
        for one in route.listed()
        for number in numbers([one["spec"], one["metadata"].get("annotations")])
    ]
    assert [] == [it for it in stored if type(it) is not int]
    # a selector has no weights, and ingress-nginx reads all annotations as texts
    assert (route.name not in ("kubernetes", "nginx")) is ({20, 80} <= set(stored))


def test_from_the_second_shift_on_it_asks_for_next_to_nothing(route: Steering) -> None:
    """
    M-02: one read at most and one patch, and who is ready; only the read when it stands already.
    """
    route.shift(0)
    route.shift(10)
    if route.name == "kubernetes":
        route.shift(0)
    steered = len(route.steered())
    route.begin()
    assert route.shift(20)
    moved = sorted(one.what for one in route.asked)
    route.begin()
    assert route.shift(20)
    again = [one.verb for one in route.asked]

    (patched,) = [one for one in moved if one != "list endpointslices"]
    assert patched.startswith("patch ")
    # a side of Knative is a revision, which has no Service to ask for
    assert len(moved) == (1 if route.name == "knative" else 2), moved
    assert {"get", "list"} >= set(again) and len(again) <= steered, again


# other writers


def test_a_writer_in_between_is_planned_around(route: Steering) -> None:
    """
    M-118: in the very moment between read and write; the second try keeps what was written.
    """
    route.begin(first_writes(after(lambda: route.touch("meddler"))))

    assert route.shift(20)
    refused = [one for one in route.sent() if one.status >= 400]
    assert route.shows(20)
    if {"create"} == {one.verb for one in route.sent()}:
        return  # the first canary Ingress rests on no version
    assert [True] == [one.status in (409, 422) for one in refused]
    assert all("meddler" in one["metadata"]["labels"] for one in route.listed())


def swapped(value: Any) -> Any:
    """The same with the entries of both sides in the other order."""
    if isinstance(value, dict):
        return {key: swapped(one) for key, one in value.items()}
    if not isinstance(value, list):
        return value
    apart = [sides_in(one) for one in value]
    if ["primary"] in apart and ["canary"] in apart:
        return list(reversed(value))
    return [swapped(one) for one in value]


def test_weights_never_land_on_swapped_entries(route: Steering) -> None:
    """
    M-119: another writer puts the canary first in between; each side gets what was meant for it.
    """
    before = [one for one in route.listed() if swapped(one["spec"]) != one["spec"]]
    if not before:
        assert route.name in ("kubernetes", "nginx", "skipper"), "its sides are in no list"
        return

    def swap() -> None:
        for one in before:
            body = {"spec": swapped(one["spec"])}
            route.plane.user("other").patch(route.path(one), body)

    route.renew()
    route.router.current(route.target)
    route.begin(first_writes(after(swap)))

    assert route.shift(20)
    assert route.shows(20)
    assert 2 == len(route.sent())
    for one in before:
        after_all = route.plane.api.get(route.path(one))["spec"]
        assert swapped(one["spec"]) == weightless(after_all, like=swapped(one["spec"]))


def weightless(value: Any, *, like: Any) -> Any:
    """The same with the numbers of another document of this shape."""
    if isinstance(value, dict):
        return {key: weightless(one, like=like.get(key)) for key, one in value.items()}
    if isinstance(value, list):
        return [weightless(one, like=it) for one, it in zip(value, like, strict=True)]
    return like if isinstance(value, int) else value


def test_five_conflicts_in_a_row_are_a_conflict(route: Steering) -> None:
    """
    M-120: the last writers are named, and nothing of ours is written.
    """
    if route.name == "nginx":
        route.shift(10)  # before that there is no Ingress of ours to conflict on
    before = weights_of(route)
    route.begin(first_writes(after(lambda: route.touch("meddler")), times=None))
    with pytest.raises(Conflict, match="meddler") as told:
        route.shift(20)

    assert 5 == len(route.sent())
    assert [] == route.taken()
    assert not told.value.unsettled
    route.begin()
    assert before == weights_of(route)


MANAGERS = {
    "argocd-controller": "RespectIgnoreDifferences=true",
    "kustomize-controller": "kustomize.toolkit.fluxcd.io/ssa",
}


def test_other_controllers_are_known_by_the_managers_that_the_server_keeps(
    route: Steering,
) -> None:
    """
    M-124: GitOps is a warning with the setting that helps; two controllers are one too many.
    """
    route.shift(10)
    for manager, setting in MANAGERS.items():
        route.restore()
        route.shift(10)
        route.touch(manager)
        route.renew()
        warnings = route.router.shift(route.target, route.split(20)).warnings
        assert [True] == [setting in one for one in warnings if one.startswith("GitOps: ")]
    for manager in ("flagger", "rollouts-controller"):
        route.restore()
        route.shift(10)
        route.touch(manager)
        route.renew()
        assert route.shows(10)
        before = route.stored()
        route.begin()
        with pytest.raises(ForeignController, match=manager):
            route.shift(0 if route.name == "kubernetes" else 20)
        assert [] == route.sent()
        assert before == route.stored()


def test_a_route_that_goes_between_read_and_write_is_told(route: Steering) -> None:
    """
    M-11, M-126: an order finds nothing to move, and says so; the way home has arrived.
    """
    route.shift(10)
    if route.name == "kubernetes":
        route.shift(0)
    route.begin(first_writes(after(route.delete)))
    with pytest.raises(RouteNotFound) as told:
        route.shift(20)
    assert [] == route.taken()
    assert not told.value.unsettled

    route.restore()
    route.shift(20)
    route.begin(first_writes(after(route.delete)))
    assert 0 == route.router.reset(route.target).canary
    assert [] == route.taken()


# lost answers

LOST = {
    "500": faults.instead(faults.status(500)),
    "503 but done": faults.afterwards(faults.status(503)),
    "cut": faults.cut,
    "cut but done": faults.cut_afterwards,
    "hang but done": faults.hang_afterwards,
}


def test_a_lost_answer_is_read_back(route: Steering) -> None:
    """
    M-121: whether the write took effect or not, the order stands in the end, written once.
    """
    for number, (fault, act) in enumerate(LOST.items()):
        # often enough that the connection's own repetitions do not settle it
        route.begin(first_writes(act, times=2))
        canary = 20 + 10 * number
        if route.name == "kubernetes":
            canary = 100 * ((number + 1) % 2)

        assert route.shift(canary), fault
        assert 1 == len(route.taken()), (fault, [*map(str, route.asked)])
        assert route.shows(canary), fault


def test_a_state_that_cannot_be_read_is_told_as_unknown(route: Steering) -> None:
    """
    M-121: the run must not believe that nothing was written.
    """

    def all_is_lost(asked: Asked) -> Any:
        begun = any(one.verb in ("patch", "create") for one in route.asked)
        return ("gone", faults.cut_afterwards) if begun else None

    route.begin(all_is_lost)
    with pytest.raises(RouterError, match="whether it took effect is unknown") as told:
        route.shift(20)

    assert ErrorKind.UNAVAILABLE is told.value.kind
    assert told.value.unsettled
    route.begin()
    assert route.shows(20), "it did take effect"
