"""What every proxy does with weights: one table of objects, the same promises for all."""

from __future__ import annotations

import pytest
from attrs import evolve
from tests.unit.mesh.mutations import carried_out
from tests.unit.mesh.proxies.worlds import PROXIES, TARGET
from tests.unit.mesh.proxies.writing import FIXED, same, share, written
from tests.unit.mesh.schemas import faults

from progressive._model.traffic import Bounds, Split
from progressive.errors import InvalidRequest, InvalidWeight, RouteNotFound

EVERY = pytest.mark.parametrize("name", sorted(PROXIES))


@EVERY
def test_a_weight_changes_two_numbers_and_not_a_byte_more(name: str) -> None:
    """
    R1 and R4: whatever else people wrote stays as they wrote it.
    """
    proxy = PROXIES[name]
    before = proxy.made(100, 0, None)
    patches = proxy.codec.write(before, TARGET, Split(canary=20))
    after = carried_out(before, patches)

    assert same(proxy.made(80, 20, None), after)
    assert 1 == len(patches)
    assert "7" == patches[0].version
    assert "test" in {one["op"] for one in patches[0].patch[1:]}
    assert (20, 100) == share(name, after)
    if proxy.definitions is not None:
        assert [] == [fault for one in after for fault in faults(proxy.definitions, one)]


@EVERY
def test_what_stands_in_proportion_is_not_written_again(name: str) -> None:
    """
    R2: 2 of 10 is 20 of 100, and a second order of the same is none.
    """
    proxy = PROXIES[name]
    numbers = (80, 20) if name in FIXED else (8, 2)

    assert () == proxy.codec.write(proxy.made(*numbers, None), TARGET, Split(canary=20))


@EVERY
def test_a_third_destination_keeps_its_number_at_the_primarys_cost(name: str) -> None:
    """
    R4: it is somebody else's experiment.
    """
    after = written(name, PROXIES[name].made(95, 0, 5), Split(canary=20))

    assert same(PROXIES[name].made(75, 20, 5), after)


@EVERY
def test_no_room_beside_third_destinations_is_refused(name: str) -> None:
    """
    The primary cannot have less than nothing, and two sides with 0 would be no split at all.
    """
    codec, made = PROXIES[name].codec, PROXIES[name].made
    with pytest.raises(InvalidWeight, match="does not fit"):
        codec.write(made(60, 0, 40), TARGET, Split(canary=70))
    with pytest.raises(InvalidWeight, match="both sides would have weight 0"):
        codec.write(made(10, 0, 100), TARGET, Split(canary=0))


@EVERY
def test_totals_above_100_hold_fractions_of_a_percent(name: str) -> None:
    """
    12.5 percent are 125 of 1000, where the proxy can hold that.
    """
    codec, made = PROXIES[name].codec, PROXIES[name].made
    split = Split(canary=125, total=1000)
    if name in FIXED:
        with pytest.raises(InvalidWeight, match="total"):
            codec.write(made(100, 0, None), TARGET, split)
        with pytest.raises(InvalidWeight, match="total of 10"):
            codec.write(made(100, 0, None), TARGET, Split(canary=2, total=10))
        return

    assert same(made(875, 125, None), written(name, made(100, 0, None), split))


@EVERY
def test_a_missing_weight_means_what_the_proxy_says(name: str) -> None:
    """
    Beside another weight; where nobody has one some share equally, and for others it is an error.
    """
    proxy = PROXIES[name]
    canary, total = share(name, proxy.made(300, None, None))

    assert proxy.missing * total == canary * (300 + proxy.missing)
    if proxy.equal:
        assert (50, 100) == share(name, proxy.made(None, None, None))
    else:
        with pytest.raises(InvalidRequest, match="all weights are 0"):
            share(name, proxy.made(None, None, None))


@EVERY
@pytest.mark.parametrize("weights", [(0, 0), (100, -1), (-5, 5)])
def test_weights_that_mean_nothing_are_an_error_to_read_and_are_written_well(
    name: str, weights: tuple[int, int]
) -> None:
    """
    R8: reading raises rather than guesses; an order puts it right all the same.
    """
    objects = PROXIES[name].made(*weights, None)
    with pytest.raises(InvalidRequest, match=r"all weights are 0|negative"):
        share(name, objects)

    assert (30, 100) == share(name, written(name, objects, Split(canary=30)))


@EVERY
def test_the_way_home_is_one_patch_from_any_state(name: str) -> None:
    """
    R7; at home already, nothing is written.
    """
    proxy = PROXIES[name]
    states: list[tuple[int | None, int]] = [(10, 90), (0, 100), (0, 0), (None, -3)]
    for primary, canary in states:
        objects = proxy.made(primary, canary, None)
        patches = proxy.codec.reset(objects, TARGET)

        assert 1 == len(patches)
        assert (0, 100) == share(name, carried_out(objects, patches))
    assert () == proxy.codec.reset(proxy.made(100, 0, None), TARGET)


@EVERY
def test_bounds_are_kept(name: str) -> None:
    """
    The adapter refuses what the release forbids, whoever asks.
    """
    target = evolve(TARGET, bounds=Bounds(min=0, max=50))
    with pytest.raises(InvalidWeight, match="bounds"):
        PROXIES[name].codec.write(PROXIES[name].made(100, 0, None), target, Split(canary=60))


@EVERY
def test_sides_of_another_namespace_are_others(name: str) -> None:
    """
    R9: the same names elsewhere are other services.
    """
    if name == "knative":
        return  # the sides of a Knative Service are its own revisions
    target = evolve(TARGET, namespace="elsewhere")
    with pytest.raises(RouteNotFound):
        PROXIES[name].codec.read(PROXIES[name].made(100, 0, None), target)


@EVERY
@pytest.mark.parametrize("first", [(90, 10), (4, 0)])
def test_an_adopted_route_gets_its_first_weights_again(name: str, first: tuple[int, int]) -> None:
    """
    Whatever the way in which its kind holds a weight.
    """
    codec = PROXIES[name].codec
    before = PROXIES[name].made(*first, None)
    adopted = carried_out(before, codec.remembering(before, TARGET))
    moved = carried_out(adopted, codec.write(adopted, TARGET, Split(canary=50)))
    home = carried_out(moved, codec.reset(moved, TARGET))
    given = carried_out(home, codec.giving_back(home, TARGET))

    assert same(before, given)
