"""`_mesh/envoy.py`: which numbers of a route configuration must change."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.envoy.documents import TARGET, document, naming, route

from progressive._mesh import envoy
from progressive._mesh.envoy import Edit, Path, Rule
from progressive._model.traffic import Observed, RouteRef, Split
from progressive.errors import (
    AmbiguousRoute,
    DestinationNotFound,
    Drift,
    InvalidRequest,
    InvalidWeight,
    RouteNotFound,
    RouterError,
    Unsupported,
)

DEEPER = ("weighted_clusters", "clusters", "name", "weight", "header_name", "@type")


def applied(value: dict[str, Any], edits: tuple[Edit, ...]) -> None:
    """Write edits into the document, in place."""
    for edit in edits:
        at: Any = value
        for key in edit.path[:-1]:
            at = at[key]
        at[edit.path[-1]] = edit.weight


def only(value: dict[str, Any]) -> Rule:
    """The rule that the target means."""
    (rule,) = envoy.chosen(envoy.rules(value), TARGET)
    return rule


def test_the_split_is_read_from_the_weights() -> None:
    """
    Third clusters count in the total: what they hold is not the primary's.
    """
    rule = only(document(route({"web-v1": 70, "web-v2": 20, "web-v0": 10})))

    assert Observed(canary=20, total=100) == envoy.split_of(rule, TARGET)


def test_keys_in_either_spelling_are_read() -> None:
    """
    Protobuf's JSON form allows camel case, and Envoy's own dumps use both.
    """
    value = document(route({"web-v1": 90, "web-v2": 10}))
    resource = value["resources"][0]
    resource["virtualHosts"] = resource.pop("virtual_hosts")
    action = resource["virtualHosts"][0]["routes"][0]["route"]
    action["weightedClusters"] = action.pop("weighted_clusters")

    rule = only(value)
    applied(value, envoy.edits(rule, TARGET, Split(canary=30)))

    assert [70, 30] == [one["weight"] for one in action["weightedClusters"]["clusters"]]


@given(
    canary=st.integers(0, 1000),
    total=st.integers(1, 1000),
    third=st.integers(0, 1000),
    stored=st.tuples(st.integers(0, 1000), st.integers(0, 1000)),
)
def test_what_is_written_is_what_is_read(
    canary: int, total: int, third: int, stored: tuple[int, int]
) -> None:
    """
    R2, R4 and R8 for any numbers: the split comes back, third clusters keep theirs, and a
    second write has nothing to do; or the order is refused and nothing changes.
    """
    canary = min(canary, total)
    primary_before, canary_before = stored
    value = document(route({"web-v1": primary_before, "web-v2": canary_before, "other": third}))
    split = Split(canary=canary, total=total)

    rule = only(value)
    if canary + third > total:
        with pytest.raises(InvalidWeight):
            envoy.edits(rule, TARGET, split)
        return
    applied(value, envoy.edits(rule, TARGET, split))
    after = only(value)

    assert envoy.split_of(after, TARGET).shows(split)
    assert () == envoy.edits(after, TARGET, split)
    numbers = {one.cluster: one.weight for one in after.destinations}
    assert third == numbers["other"]


@given(weights=st.lists(st.integers(0, 50), min_size=3, max_size=3))
def test_home_gives_the_canary_nothing(weights: list[int]) -> None:
    """
    The way home must work from any state, also from weights that Envoy refuses.
    """
    primary, canary, third = weights
    value = document(route({"web-v1": primary, "web-v2": canary, "other": third}))

    (rule,) = envoy.homeward(envoy.rules(value), TARGET)
    applied(value, envoy.home_edits(rule, TARGET))
    seen = envoy.split_of(only(value), TARGET) if primary + canary + third else None

    assert seen is None or 0 == seen.canary
    assert () == envoy.home_edits(only(value), TARGET)
    assert seen is None or max(1, sum(weights)) == seen.total


def test_weights_in_the_wanted_proportion_are_left_alone() -> None:
    """
    1 to 4 is 20 of 100 already: writing it anew would be a change without an effect.
    """
    rule = only(document(route({"web-v1": 4, "web-v2": 1})))

    assert () == envoy.edits(rule, TARGET, Split(canary=20))


@pytest.mark.parametrize(
    "weight", [None, -1, "ten", 2.5, True, 2**32, [1]], ids=lambda one: repr(one)
)
def test_a_weight_that_envoy_refuses_is_not_guessed(weight: object) -> None:
    """
    Envoy keeps its old routes then, so nobody knows what the file's numbers mean.
    """
    rule = only(document(route({"web-v1": 90, "web-v2": weight})))

    with pytest.raises(InvalidWeight):
        envoy.split_of(rule, TARGET)


@pytest.mark.parametrize("weight", ["10", 10.0])
def test_numbers_in_protobufs_json_form_are_read(weight: object) -> None:
    """
    Measured on Envoy 1.40: it takes both spellings.
    """
    rule = only(document(route({"web-v1": 90, "web-v2": weight})))

    assert 10 == envoy.split_of(rule, TARGET).canary


def test_all_zero_is_an_error() -> None:
    """
    Envoy refuses it; reading it as "all on the primary" would be a guess.
    """
    with pytest.raises(InvalidWeight, match="all weights are zero"):
        envoy.split_of(only(document(route({"web-v1": 0, "web-v2": 0}))), TARGET)


def test_runtime_keys_make_the_file_untold() -> None:
    """
    With them the weights of the file are defaults only.
    """
    value = document(route({"web-v1": 90, "web-v2": 10}))
    action = value["resources"][0]["virtual_hosts"][0]["routes"][0]["route"]
    action["weighted_clusters"]["runtime_key_prefix"] = "routing.web"

    for act in (
        lambda: envoy.split_of(only(value), TARGET),
        lambda: envoy.edits(only(value), TARGET, Split(canary=5)),
    ):
        with pytest.raises(Unsupported, match=r"routing\.web"):
            act()


def test_a_declared_total_is_not_broken() -> None:
    """
    Older Envoys refuse weights whose sum is not total_weight.
    """
    value = document(route({"web-v1": 100, "web-v2": 0}))
    action = value["resources"][0]["virtual_hosts"][0]["routes"][0]["route"]
    action["weighted_clusters"]["total_weight"] = 100
    rule = only(value)

    assert 2 == len(envoy.edits(rule, TARGET, Split(canary=5)))
    with pytest.raises(InvalidWeight, match="total_weight"):
        envoy.edits(rule, TARGET, Split(canary=5, total=1000))


@pytest.mark.parametrize(
    ("routes", "error", "words"),
    [
        ([], RouteNotFound, "no route sends"),
        ([route({"a": 1, "b": 1})], RouteNotFound, "no route sends"),
        ([route({"web-v1": 100})], DestinationNotFound, "canary 'web-v2'"),
        ([route({"web-v2": 100, "a": 0})], DestinationNotFound, "primary 'web-v1'"),
        (
            [{"name": "m", "match": {}, "route": {"cluster": "web-v1"}}],
            DestinationNotFound,
            "weighted_clusters",
        ),
        (
            [route({"web-v1": 1, "web-v2": 0}), route({"web-v1": 1, "web-v2": 0}, "b")],
            AmbiguousRoute,
            "shop/all/main, shop/all/b",
        ),
    ],
)
def test_a_route_that_is_not_plain_is_refused(
    routes: list[dict[str, Any]], error: type[RouterError], words: str
) -> None:
    """
    Each refusal has its own type, and words that say what to do.
    """
    with pytest.raises(error, match=words):
        envoy.chosen(envoy.rules(document(*routes)), TARGET)


def test_a_side_that_is_there_twice_is_ambiguous() -> None:
    """
    Subsets by metadata list one cluster several times; a weight for "the canary" has no place.
    """
    value = document(route({"web-v1": 90, "web-v2": 10}))
    action = value["resources"][0]["virtual_hosts"][0]["routes"][0]["route"]
    action["weighted_clusters"]["clusters"].append({"name": "web-v2", "weight": 0})

    with pytest.raises(AmbiguousRoute, match="more than once"):
        only(value)


@pytest.mark.parametrize("rule", ["two", 1])
def test_a_named_rule_is_the_one(rule: str | int) -> None:
    """
    By its name, or by its place among all routes of the configuration.
    """
    value = document(
        route({"web-v1": 100, "web-v2": 0}, "one"), route({"web-v1": 60, "web-v2": 40}, "two")
    )

    (found,) = envoy.chosen(envoy.rules(value), naming(RouteRef(name="shop", rule=rule)))

    assert "shop/all/two" == str(found)
    assert 40 == envoy.split_of(found, TARGET).canary


def test_several_named_rules_are_steered_together_and_must_agree() -> None:
    """
    One release over two hosts; two different answers are no answer (R8).
    """
    value = document(
        route({"web-v1": 100, "web-v2": 0}, "one"), route({"web-v1": 60, "web-v2": 40}, "two")
    )
    target = naming(RouteRef(name="shop", rule="one"), RouteRef(name="shop", rule=1))

    found = envoy.chosen(envoy.rules(value), target)

    assert ["one", "two"] == [one.name for one in found]
    with pytest.raises(Drift, match="0/100, 40/100"):
        envoy.agreed([envoy.split_of(one, target) for one in found])


@pytest.mark.parametrize(
    "ref",
    [
        RouteRef(name="other"),
        RouteRef(name="shop", rule="nine"),
        RouteRef(name="shop", rule=7),
        RouteRef(name="shop", kind="VirtualService"),
    ],
)
def test_a_named_rule_that_is_not_there_is_not_found(ref: RouteRef) -> None:
    """
    Falling back to another rule would move somebody else's traffic.
    """
    with pytest.raises(RouteNotFound):
        envoy.chosen(envoy.rules(document(route({"web-v1": 1, "web-v2": 0}))), naming(ref))


def test_home_means_every_rule_that_holds_both_sides() -> None:
    """
    The canary may get users through any of them.
    """
    value = document(
        route({"web-v1": 80, "web-v2": 20}, "one"), route({"web-v1": 60, "web-v2": 40}, "two")
    )

    found = envoy.homeward(envoy.rules(value), TARGET)

    assert ["one", "two"] == [one.name for one in found]


@pytest.mark.parametrize("value", [None, [], {"virtual_hosts": []}, {"resources": {}}, "text"])
def test_a_document_that_envoy_does_not_read_is_refused(value: object) -> None:
    """
    A bare RouteConfiguration is the usual slip; the words show what is wanted.
    """
    with pytest.raises(InvalidRequest, match="resources"):
        envoy.rules(value)


@given(
    value=st.recursive(
        st.none() | st.integers() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(("resources", "virtual_hosts", "routes", "route", *DEEPER)),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_strange_documents_are_refused_and_never_break(value: object) -> None:
    """
    Files are other people's: a wrong type anywhere is an error of ours, not a TypeError.
    """
    try:
        found = envoy.rules({"resources": [value]})
        envoy.chosen(found, TARGET)
    except RouterError:
        pass


def test_paths_lead_to_the_weights() -> None:
    """
    An edit is applied to a text by its path alone.
    """
    value = document(route({"web-v1": 100, "web-v2": 0}))
    where: Path = ("resources", 0, "virtual_hosts", 0, "routes", 0, "route")
    where = (*where, "weighted_clusters", "clusters")

    edits = envoy.edits(only(value), TARGET, Split(canary=5))

    assert (
        Edit(path=(*where, 0, "weight"), cluster="web-v1", weight=95),
        Edit(path=(*where, 1, "weight"), cluster="web-v2", weight=5),
    ) == edits
