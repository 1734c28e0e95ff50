"""The way home and orders over several objects, for every router, when something goes wrong.

The live cases M-33, M-68 and M-125 to M-127, on a real API server with the kinds of each mesh.
"""

from __future__ import annotations

from typing import Any

import pytest
from tests.real.stage.steering import (
    NAMES,
    Steering,
    first_writes,
    sides_in,
    weights_of,
)
from tests.realparts import faults
from tests.realparts.asked import Asked

from progressive._model.release import ServiceSpec
from progressive.errors import RouterError

pytestmark = pytest.mark.real


def test_the_way_home_is_one_write_for_each_object_and_then_none(route: Steering) -> None:
    """
    M-125: from everything that the router can do; a second rollback sends nothing.
    """
    at_first = route.stored()
    for split in route.orders():
        route.router.shift(route.target, split)
        route.begin()
        observed = route.router.reset(route.target)
        names = [(one.resource, one.name) for one in route.taken()]
        assert (0, None, False) == (observed.canary, observed.mirror, observed.matched), split
        assert sorted(set(names)) == sorted(names), split
        route.begin()
        route.router.reset(route.target)
        route.renew()
        route.router.reset(route.target)
        assert [] == route.sent(), split
    if route.name != "nginx":  # its idle canary Ingress stays
        assert at_first == route.stored()


def test_a_route_that_is_gone_has_nothing_to_bring_home(route: Steering) -> None:
    """
    M-33, M-126: deleted in the middle of a release; success, with a note.
    """
    route.shift(20)
    route.delete()
    for _ in range(2):
        route.begin()
        observed = route.router.reset(route.target)
        assert 0 == observed.canary
        notes = [one for one in observed.warnings if one.startswith("Note: ")]
        assert [True] == ["nothing to reset" in one for one in notes]
        assert [] == route.taken()
        route.renew()


def test_a_canary_that_is_gone_from_the_route_leaves_all_to_the_primary(route: Steering) -> None:
    """
    M-126: somebody took its destination out; the primary has everything, and that is said.
    """
    route.shift(20)
    for one in route.listed():
        spec = without_canary(one["spec"])
        if spec != one["spec"]:
            route.plane.api.put(route.path(one), {**one, "spec": spec})
    observed = route.router.reset(route.target)
    left = route.stored()
    route.begin()
    route.router.reset(route.target)
    route.renew()

    assert 0 == observed.canary
    assert 0 == route.router.reset(route.target).canary
    assert [] == route.sent()
    assert left == route.stored()


def without_canary(value: Any) -> Any:
    """The same without the entries of the canary beside those of the primary."""
    if isinstance(value, dict):
        return {key: without_canary(one) for key, one in value.items()}
    if not isinstance(value, list):
        return value
    kept = [one for one in value if ["canary"] != sides_in(one)]
    return [without_canary(one) for one in kept] if kept else value


def test_a_route_of_people_is_given_back_with_the_weights_that_it_had(route: Steering) -> None:
    """
    A managed release adopts what it finds. The weights alone are remembered, so that what people
    edit meanwhile stays; they come back once the traffic is home.
    """
    service = ServiceSpec(name=route.target.service, port=80)
    route.shift(10)
    if route.name in ("kubernetes", "nginx"):
        route.restore()  # a selector, or the Ingress of the primary: there are no weights yet
    before = weights_of(route)
    route.renew()
    route.router.establish(route.target, service, None)
    assert route.shift(20)
    route.touch("meddler")
    route.router.reset(route.target)
    route.router.hand_back(route.target, service)

    assert before == weights_of(route)
    assert all("meddler" in one["metadata"]["labels"] for one in route.listed())


# several objects

DOUBLED = pytest.mark.parametrize(
    "place", sorted({*NAMES} - {"kubernetes", "traefik-mirroring"}), indirect=True
)
"""All but the apex of plain Kubernetes, which is one, and a mirroring, which is two by itself."""


@DOUBLED
def test_a_half_order_is_taken_back(route: Steering) -> None:
    """
    M-127, M-68: the second object cannot be written, so the first is put back to its weights.
    """
    _, second = route.twice()
    route.shift(10)
    before = route.stored()
    refused = faults.instead(faults.status(422, message="no"))
    route.begin(first_writes(refused, times=None, of=second))
    with pytest.raises(RouterError, match="is put back") as told:
        route.shift(20)

    assert f"{second} is not written" in str(told.value)
    assert not told.value.unsettled
    assert before == route.stored()


@DOUBLED
def test_a_half_order_that_cannot_be_taken_back_tells_the_state_of_both(route: Steering) -> None:
    """
    M-127: the new split stands on the one and not on the other, and whoever asked must know.
    """
    _, second = route.twice()
    route.shift(10)
    met: list[Asked] = []

    def only_once(asked: Asked) -> Any:
        if asked.verb == "patch":
            met.append(asked)
        late = asked.verb == "patch" and len(met) > 1
        return ("no", faults.instead(faults.status(403, message="no"))) if late else None

    route.begin(only_once)
    with pytest.raises(RouterError, match="has the new split and could not be put back") as told:
        route.shift(20)

    assert f"{second} is not written" in str(told.value)
    assert told.value.unsettled
    route.begin()
    assert 0 == route.router.reset(route.target).canary


@DOUBLED
def test_on_the_way_home_every_object_is_attempted(route: Steering) -> None:
    """
    R3: one that is refused must not keep the users of the other on a bad canary.
    """
    first, second = route.twice()
    route.shift(20)
    refused = faults.instead(faults.status(403, message="no"))
    route.begin(first_writes(refused, times=None, of=first))
    with pytest.raises(RouterError, match=f"{second} is written"):
        route.router.reset(route.target)

    assert [second] == [one.name for one in route.taken()]
    route.begin()
    assert 0 == route.router.reset(route.target).canary
