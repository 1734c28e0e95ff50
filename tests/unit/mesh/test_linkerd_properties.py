"""What holds for every TrafficSplit, and for every route of Linkerd."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.mesh.linkerd_objects import POLICY, backend, mesh_route, traffic_split
from tests.unit.mesh.manifests import TARGET, carried_out

from progressive._mesh.linkerd.codec import LinkerdCodec
from progressive._mesh.rules.weights import share
from progressive._model.traffic import Split
from progressive.errors import InvalidWeight

CODEC = LinkerdCodec()

QUANTITIES = (
    st.integers(0, 1000)
    | st.integers(0, 1000).map(str)
    | st.integers(0, 9).map(lambda one: one * 100).map(lambda one: f"{one}m")
    | st.sampled_from([0.25, 0.5, 1.5, "1k", "0.1"])
)


@st.composite
def routes(draw: st.DrawFn) -> dict[str, Any]:
    kind, version = draw(
        st.sampled_from([("HTTPRoute", None), ("HTTPRoute", POLICY), ("GRPCRoute", None)])
    )
    weight = st.none() | st.integers(0, 1000)
    sides = [backend(one, draw(weight)) for one in ("web-primary", "web-canary")]
    third = st.builds(backend, st.sampled_from(["audit", "cart"]), weight)
    rule = {"backendRefs": draw(st.permutations([*sides, *draw(st.lists(third, max_size=2))]))}
    others = st.lists(st.builds(lambda one: {"backendRefs": [one]}, third), max_size=2)
    return mesh_route(*draw(others), rule, *draw(others), kind=kind, version=version)


@st.composite
def splits(draw: st.DrawFn) -> dict[str, Any]:
    backends = [(one, draw(QUANTITIES)) for one in ("web-primary", "web-canary")]
    backends += draw(st.lists(st.tuples(st.just("audit"), QUANTITIES), max_size=2))
    return traffic_split(*draw(st.permutations(backends)), version="v1alpha1")


def bare(manifest: dict[str, Any]) -> dict[str, Any]:
    """Without the weights of the sides."""
    rest = copy.deepcopy(manifest)
    spec = rest["spec"]
    lists = (
        [spec["backends"]] if "backends" in spec else [it["backendRefs"] for it in spec["rules"]]
    )
    for one in (one for listed in lists for one in listed):
        if str(one.get("service", one.get("name"))).startswith("web-"):
            one.pop("weight", None)
    return rest


@given(routes() | splits(), st.integers(1, 2000), st.data())
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
    assert bare(manifest) == bare(after)
    assert () == CODEC.write([after], TARGET, split)
    assert len(patches) <= 1
    assert canary * total == split.canary * whole


@given(routes() | splits())
def test_the_way_home_always_arrives_in_one_patch(manifest: dict[str, Any]) -> None:
    """
    A rollback must not depend on the state that it finds.
    """
    patches = CODEC.reset([manifest], TARGET)
    (after,) = carried_out([manifest], patches)

    assert 0 == CODEC.read([after], TARGET).canary
    assert len(patches) <= 1
    assert () == CODEC.reset([after], TARGET)
    assert bare(manifest) == bare(after)


@pytest.mark.parametrize("manifest", [mesh_route({}), traffic_split()])
def test_an_object_without_destinations_has_nothing_to_bring_home(
    manifest: dict[str, Any],
) -> None:
    """
    A reset is a success where nothing of the release is left.
    """
    assert () == CODEC.reset([manifest], TARGET)
