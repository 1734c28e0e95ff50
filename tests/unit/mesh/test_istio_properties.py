"""What holds for every VirtualService of host style."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.mesh.manifests import CODEC, TARGET, carried_out, route

from progressive._mesh.rules.weights import share
from progressive._model.traffic import Split
from progressive.errors import InvalidWeight

WEIGHTS = st.none() | st.integers(0, 1000)
SUFFIXES = st.sampled_from(["", ".shop.svc.cluster.local", ".shop.svc"])
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@st.composite
def destinations(draw: st.DrawFn, host: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"destination": {"host": host + draw(SUFFIXES)}}
    weight = draw(WEIGHTS)
    if weight is not None:
        entry["weight"] = weight
    if draw(st.booleans()):
        entry["headers"] = {"request": {"add": {"x": "y"}}}
    return entry


@st.composite
def virtual_services(draw: st.DrawFn) -> dict[str, Any]:
    main = [draw(destinations("web-primary")), draw(destinations("web-canary"))]
    main += draw(st.lists(destinations("third"), max_size=2))
    around = st.lists(
        st.fixed_dictionaries({"route": st.lists(destinations("other"), max_size=2), "x": JUNK}),
        max_size=3,
    )
    before, after = draw(around), draw(around)
    rule = {"route": draw(st.permutations(main)), "future": draw(JUNK)}
    return route(*before, rule, *after)


def without_sides(manifest: dict[str, Any]) -> dict[str, Any]:
    rest = copy.deepcopy(manifest)
    for rule in rest["spec"]["http"]:
        for entry in rule["route"]:
            if entry["destination"]["host"].startswith("web-"):
                entry.pop("weight", None)
    return rest


@given(virtual_services(), st.integers(1, 2000), st.data())
def test_a_write_is_read_back_changes_nothing_else_and_is_not_repeated(
    manifest: dict[str, Any], total: int, data: st.DataObject
) -> None:
    """
    The three promises of every write, for shapes that nobody thought of.
    """
    split = Split(canary=data.draw(st.integers(0, total)), total=total)
    untouched = copy.deepcopy(manifest)
    try:
        patches = CODEC.write([manifest], TARGET, split)
    except InvalidWeight:
        return
    (after,) = carried_out([manifest], patches)
    (rule,) = CODEC.finder.find([after], TARGET)
    canary, whole = share(rule, TARGET)

    assert untouched == manifest
    assert without_sides(manifest) == without_sides(after)
    assert () == CODEC.write([after], TARGET, split)
    assert len(patches) <= 1
    # third destinations that already stood beside the right share may stretch the total
    assert canary * total == split.canary * whole


@given(virtual_services())
def test_the_way_home_always_arrives_in_one_patch(manifest: dict[str, Any]) -> None:
    """
    A rollback must not depend on the state that it finds.
    """
    patches = CODEC.reset([manifest], TARGET)
    (after,) = carried_out([manifest], patches)

    assert 0 == CODEC.read([after], TARGET).canary
    assert len(patches) <= 1
    assert () == CODEC.reset([after], TARGET)
    assert without_sides(manifest) == without_sides(after)
