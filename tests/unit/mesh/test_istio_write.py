"""What a weight step changes in a VirtualService: which rule, and which destinations."""

from __future__ import annotations

import pytest
from tests.unit.mesh.manifests import CODEC, TARGET, both, destination, on, route, written

from progressive._model.traffic import RouteRef, Split, Subsets, Target
from progressive.errors import AmbiguousRoute, DestinationNotFound, InvalidWeight, RouteNotFound


def test_a_step_tests_what_it_edits_and_writes_both_weights() -> None:
    """
    Index paths without a test land on whatever was moved to that index meanwhile.
    """
    (patch,) = CODEC.write([route(both())], TARGET, Split(canary=20))

    assert (
        {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "test", "path": "/spec/http/0/route/0/destination/host", "value": "web-primary"},
        {"op": "test", "path": "/spec/http/0/route/1/destination/host", "value": "web-canary"},
        {"op": "add", "path": "/spec/http/0/route/0/weight", "value": 80},
        {"op": "add", "path": "/spec/http/0/route/1/weight", "value": 20},
    ) == patch.patch


def test_the_same_order_again_writes_nothing() -> None:
    """
    A no-op write still runs webhooks and wakes every controller that watches.
    """
    assert () == CODEC.write([route(both(80, 20))], TARGET, Split(canary=20))
    assert () == CODEC.write([route(both(4, 1))], TARGET, Split(canary=20))
    assert () == CODEC.write([route(both(7, 1))], TARGET, Split(canary=125, total=1000))


def test_only_the_rule_with_both_sides_is_steered() -> None:
    """
    A rule of a person that sends testers to the canary alone is not ours to change.
    """
    qa = {"name": "qa", "route": [destination("web-canary")]}
    before = route(qa, both(name="main"), {"route": [destination("legacy")]})
    after = written([before], Split(canary=35))[0]

    assert [65, 35] == [one["weight"] for one in after["spec"]["http"][1]["route"]]
    assert qa == after["spec"]["http"][0]
    assert before["spec"]["http"][2] == after["spec"]["http"][2]


@pytest.mark.parametrize(
    "host",
    ["web-canary", "web-canary.shop.svc.cluster.local", "web-canary.shop.svc.corp.example"],
)
def test_short_and_full_names_are_the_same_host(host: str) -> None:
    """
    Flagger compares raw strings and does not find a name that a user wrote in full.
    """
    rule = {"route": [destination("web-primary", 100), destination(host, 0)]}

    assert (
        20 == written([route(rule)], Split(canary=20))[0]["spec"]["http"][0]["route"][1]["weight"]
    )


@pytest.mark.parametrize(
    "host",
    ["web-canary.other.svc.cluster.local", "web-canary.other.svc", "web-canary.example.com"],
)
def test_the_same_first_label_elsewhere_is_another_host(host: str) -> None:
    """
    Argo Rollouts cuts at the first dot and would send users to another team's service.
    """
    rule = {"route": [destination("web-primary", 100), destination(host, 0)]}

    with pytest.raises(DestinationNotFound, match="web-canary"):
        CODEC.write([route(rule)], TARGET, Split(canary=20))


def test_a_short_name_belongs_to_the_namespace_of_its_virtual_service() -> None:
    """
    istiod resolves it there, whatever the release is about.
    """
    elsewhere = route(both())
    elsewhere["metadata"]["namespace"] = "edge"

    with pytest.raises(RouteNotFound):
        CODEC.write([elsewhere], TARGET, Split(canary=20))


def test_third_destinations_keep_their_number_at_the_cost_of_the_primary() -> None:
    """
    An experiment of somebody else must not be stopped by a canary.
    """
    rule = both(90, 0)
    rule["route"].append(destination("web-experiment", 10))
    after = written([route(rule)], Split(canary=20))[0]

    assert [70, 20, 10] == [one["weight"] for one in after["spec"]["http"][0]["route"]]


@pytest.mark.parametrize(("third", "weight"), [(10, 95), (100, 0)])
def test_what_does_not_fit_beside_third_destinations_is_refused(third: int, weight: int) -> None:
    """
    The sum would grow beyond the total, or both sides would end with nothing.
    """
    rule = both(50, 0)
    rule["route"].append(destination("web-experiment", third))

    with pytest.raises(InvalidWeight, match="web"):
        CODEC.write([route(rule)], TARGET, Split(canary=weight))


def test_a_named_rule_is_the_only_one_that_changes() -> None:
    """
    Two rules that hold both sides are ambiguous until one is named.
    """
    before = route(both(name="api"), both(name="main"))
    with pytest.raises(AmbiguousRoute, match=r"api.*main"):
        CODEC.write([before], TARGET, Split(canary=20))

    named = Target(
        namespace="shop",
        service="web",
        primary="web-primary",
        canary="web-canary",
        routes=[RouteRef(name="web", rule="main")],
    )
    after = written([before], Split(canary=20), named)[0]

    assert before["spec"]["http"][0] == after["spec"]["http"][0]
    assert 20 == after["spec"]["http"][1]["route"][1]["weight"]


def test_an_index_counts_the_rules_of_the_user_alone() -> None:
    """
    A managed rule that is put in front must not make the index mean another rule.
    """
    ours = {"name": "progressive-match", "route": [destination("web-canary", 100)]}
    after = written(
        [route(ours, both(), both())], Split(canary=20), on(RouteRef(name="web", rule=1))
    )

    assert [100, 80] == [one["route"][0]["weight"] for one in after[0]["spec"]["http"]]


@pytest.mark.parametrize("rule", ["nope", 2, -1])
def test_a_rule_that_does_not_exist_is_named(rule: str | int) -> None:
    """
    The refusal must say which entry of the document is wrong.
    """
    with pytest.raises(RouteNotFound, match=str(rule)):
        CODEC.write(
            [route(both(name="main"))], on(RouteRef(name="web", rule=rule)), Split(canary=1)
        )


def test_a_missing_object_is_named_with_its_namespace() -> None:
    """
    Typing errors in names are the commonest fault.
    """
    with pytest.raises(RouteNotFound, match="edge/web"):
        CODEC.write([route(both())], on(RouteRef(name="web", namespace="edge")), Split(canary=1))


def test_a_root_that_only_delegates_names_the_delegate() -> None:
    """
    The delegate carries the weights; the root must not be edited.
    """
    root = route({"delegate": {"name": "web-inner"}}, name="edge")

    with pytest.raises(RouteNotFound, match="shop/web-inner"):
        CODEC.write([root], on(RouteRef(name="edge")), Split(canary=1))


def test_subsets_are_sides_of_one_host() -> None:
    """
    The subset is tested beside the weight, for the host alone does not tell the sides apart.
    """
    subsets = Target(
        namespace="shop",
        service="web",
        primary="web-primary",
        canary="web-canary",
        subsets=Subsets(primary="stable", canary="next"),
    )
    rule = {
        "route": [
            {"destination": {"host": "web", "subset": "stable"}, "weight": 75},
            {"destination": {"host": "web", "subset": "next"}, "weight": 25},
        ]
    }
    assert 25 == CODEC.read([route(rule)], subsets).canary
    (patch,) = CODEC.write([route(rule)], subsets, Split(canary=30))
    (after,) = written([route(rule)], Split(canary=30), subsets)

    assert [70, 30] == [one["weight"] for one in after["spec"]["http"][0]["route"]]
    assert {"stable", "next"} <= {one["value"] for one in patch.patch if one["op"] == "test"}
