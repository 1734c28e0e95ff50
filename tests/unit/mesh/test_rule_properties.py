"""What holds for every VirtualService, every route of Linkerd and every TrafficSplit."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.mesh import manifests
from tests.unit.mesh.linkerd_objects import POLICY, backend, mesh_route, traffic_split
from tests.unit.mesh.manifests import TARGET, carried_out, route

from progressive._mesh.linkerd.codec import LinkerdCodec
from progressive._mesh.rules.codec import RuleCodec
from progressive._mesh.rules.weights import share
from progressive._model.traffic import Split
from progressive.errors import InvalidWeight

LINKERD = LinkerdCodec()

WEIGHTS = st.none() | st.integers(0, 1000)
QUANTITIES = (
    st.integers(0, 1000)
    | st.integers(0, 1000).map(str)
    | st.integers(0, 9).map(lambda one: one * 100).map(lambda one: f"{one}m")
    | st.sampled_from([0.25, 0.5, 1.5, "1k", "0.1"])
)
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


@st.composite
def mesh_routes(draw: st.DrawFn) -> dict[str, Any]:
    kind, version = draw(
        st.sampled_from([("HTTPRoute", None), ("HTTPRoute", POLICY), ("GRPCRoute", None)])
    )
    sides = [backend(one, draw(WEIGHTS)) for one in ("web-primary", "web-canary")]
    third = st.builds(backend, st.sampled_from(["audit", "cart"]), WEIGHTS)
    rule = {"backendRefs": draw(st.permutations([*sides, *draw(st.lists(third, max_size=2))]))}
    others = st.lists(st.builds(lambda one: {"backendRefs": [one]}, third), max_size=2)
    return mesh_route(*draw(others), rule, *draw(others), kind=kind, version=version)


@st.composite
def splits(draw: st.DrawFn) -> dict[str, Any]:
    backends = [(one, draw(QUANTITIES)) for one in ("web-primary", "web-canary")]
    backends += draw(st.lists(st.tuples(st.just("audit"), QUANTITIES), max_size=2))
    return traffic_split(*draw(st.permutations(backends)), version="v1alpha1")


@frozen
class Mesh:
    """A codec, and all the objects that it may meet."""

    codec: RuleCodec
    objects: st.SearchStrategy[dict[str, Any]]


MESHES = {
    "istio": Mesh(manifests.CODEC, virtual_services()),
    "linkerd": Mesh(LINKERD, mesh_routes() | splits()),
}

of_each_mesh = pytest.mark.parametrize("mesh", MESHES.values(), ids=MESHES)


def bare(value: Any) -> Any:
    """An object, or a part of it, without the weights of the sides."""
    if isinstance(value, list):
        return [bare(one) for one in value]
    if not isinstance(value, dict):
        return value
    named = value.get("service", value.get("name", value.get("destination")))
    host = named.get("host") if isinstance(named, dict) else named
    side = str(host).startswith("web-")
    return {key: bare(one) for key, one in value.items() if key != "weight" or not side}


@of_each_mesh
@given(total=st.integers(1, 2000), data=st.data())
def test_a_write_is_read_back_changes_nothing_else_and_is_not_repeated(
    mesh: Mesh, total: int, data: st.DataObject
) -> None:
    """
    The three promises of every write, for shapes that nobody thought of.
    """
    codec, manifest = mesh.codec, data.draw(mesh.objects)
    split = Split(canary=data.draw(st.integers(0, total)), total=total)
    untouched = copy.deepcopy(manifest)
    try:
        patches = codec.write([manifest], TARGET, split)
    except InvalidWeight:
        return
    (after,) = carried_out([manifest], patches)
    (rule,) = codec.finder.find([after], TARGET)
    canary, whole = share(rule, TARGET)

    assert untouched == manifest
    assert bare(manifest) == bare(after)
    assert () == codec.write([after], TARGET, split)
    assert len(patches) <= 1
    # third destinations that already stood beside the right share may stretch the total
    assert canary * total == split.canary * whole


@of_each_mesh
@given(data=st.data())
def test_the_way_home_always_arrives_in_one_patch(mesh: Mesh, data: st.DataObject) -> None:
    """
    A rollback must not depend on the state that it finds.
    """
    codec, manifest = mesh.codec, data.draw(mesh.objects)
    patches = codec.reset([manifest], TARGET)
    (after,) = carried_out([manifest], patches)

    assert 0 == codec.read([after], TARGET).canary
    assert len(patches) <= 1
    assert () == codec.reset([after], TARGET)
    assert bare(manifest) == bare(after)


@pytest.mark.parametrize("manifest", [mesh_route({}), traffic_split()])
def test_an_object_without_destinations_has_nothing_to_bring_home(
    manifest: dict[str, Any],
) -> None:
    """
    A reset is a success where nothing of the release is left.
    """
    assert () == LINKERD.reset([manifest], TARGET)
