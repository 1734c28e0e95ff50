"""The way home: whatever stands in a VirtualService, all traffic ends on the primary."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.mesh.manifests import CODEC, TARGET, both, carried_out, destination, on, route

from progressive._model.traffic import Observed, RouteRef, Split, Target
from progressive.errors import DestinationNotFound

CANARY = {"host": "web-canary"}
COOKIE = {"cookie": {"regex": r"(.*;\s*)?web-canary=kqzp(;.*)?"}}


def test_one_patch_takes_match_stickiness_mirror_and_weight_away() -> None:
    """
    Between two patches users would still be pinned to a canary that is bad.
    """
    match = {"name": "progressive-match", "match": [{}], "route": [destination("web-canary", 1)]}
    sticky = {
        "name": "progressive-sticky",
        "match": [{"headers": COOKIE}],
        "route": [destination("web-canary", 1)],
    }
    main = both(50, 50, name="main", timeout="5s")
    main["route"][1]["headers"] = {"response": {"add": {"Set-Cookie": "web-canary=kqzp; Path=/"}}}
    main.update(mirror=CANARY, mirrorPercentage={"value": 25})
    before = route(match, sticky, main)
    (patch,) = CODEC.reset([before], TARGET)
    (after,) = carried_out([before], [patch])

    assert [both(100, 0, name="main", timeout="5s")] == after["spec"]["http"]
    assert () == CODEC.reset([after], TARGET)


def test_a_plain_order_removes_what_it_lacks() -> None:
    """
    A split is the whole order: a mirror that was declared no more must end.
    """
    before = route(both(mirror=CANARY))
    assert 100 == CODEC.read([before], TARGET).mirror

    after = carried_out([before], CODEC.write([before], TARGET, Split(canary=0)))
    assert [both()] == after[0]["spec"]["http"]


def test_what_belongs_to_others_stays() -> None:
    """
    A team's own cookie, mirror or managed-looking rule is not ours to remove.
    """
    cookie = {"response": {"add": {"Set-Cookie": "session=1"}}}
    theirs = {"name": "progressive-match", "route": [destination("cart-canary", 1)]}
    main = both(80, 20, mirrors=[{"destination": {"host": "audit"}}, {"destination": CANARY}])
    main["route"][1]["headers"] = cookie
    before = route(theirs, main)
    (after,) = carried_out([before], CODEC.reset([before], TARGET))

    assert theirs == after["spec"]["http"][0]
    assert [{"destination": {"host": "audit"}}] == after["spec"]["http"][1]["mirrors"]
    assert cookie == after["spec"]["http"][1]["route"][1]["headers"]


@pytest.mark.parametrize(
    ("mirror", "seen"),
    [
        ({"mirror": CANARY}, 100.0),
        ({"mirror": CANARY, "mirrorPercentage": {"value": 0}}, None),
        ({"mirror": CANARY, "mirrorPercentage": {"value": 12.5}}, 12.5),
        ({"mirrors": [{"destination": CANARY, "percentage": {"value": 10}}]}, 10.0),
        ({"mirror": {"host": "audit"}}, None),
    ],
)
def test_a_mirror_is_read_as_istio_means_it(mirror: dict[str, Any], seen: float | None) -> None:
    """
    An absent percentage copies everything.
    """
    assert seen == CODEC.read([route(both(**mirror))], TARGET).mirror


def test_both_of_two_ambiguous_rules_go_home() -> None:
    """
    A write must not guess; the way home need not.
    """
    before = [route(both(80, 20)), route(both(70, 30), name="web-public")]
    after = carried_out(before, CODEC.reset(before, TARGET))

    assert [0, 0] == [one["spec"]["http"][0]["route"][1]["weight"] for one in after]


def test_a_canary_that_is_gone_leaves_nothing_to_do() -> None:
    """
    Somebody may have cleaned up already.
    """
    assert () == CODEC.reset([route({"route": [destination("web-primary", 100)]})], TARGET)
    assert () == CODEC.reset([], TARGET)


def test_a_named_rule_that_was_renamed_goes_home_all_the_same() -> None:
    """
    The user's route entry is stale, but the traffic is still split.
    """
    before = route(both(80, 20, name="renamed"))
    target = on(RouteRef(name="web", rule="main"))

    after = carried_out([before], CODEC.reset([before], target))
    assert Observed(canary=0) == CODEC.read(after, on())


LONE = {"name": "main", "route": [destination("web-canary")]}


@pytest.mark.parametrize("target", [TARGET, on(RouteRef(name="web", rule="main"))])
def test_a_route_with_the_canary_alone_is_told(target: Target) -> None:
    """
    No weight can bring its traffic home; a success would be a lie.
    """
    with pytest.raises(DestinationNotFound, match="web-primary"):
        CODEC.reset([route(LONE)], target)


@pytest.mark.parametrize("other", ["web-primary", "web"])
def test_a_testers_rule_with_the_canary_alone_is_none_of_a_reset(other: str) -> None:
    """
    Everybody else goes to the primary, or to the service itself: that is home.
    """
    testers = {**LONE, "match": [{"headers": {"x-qa": {"exact": "1"}}}]}

    assert () == CODEC.reset([route(testers, {"route": [destination(other)]})], TARGET)


def test_what_can_go_home_does_though_another_route_cannot() -> None:
    """
    R3: on the way home every object is attempted; what is left over is told after that.
    """
    before = [route(LONE), route(both(20, 80), name="web-public")]
    target = on(RouteRef(name="web", rule="main"), RouteRef(name="web-public", rule=0))
    after = carried_out(before, CODEC.reset(before, target))

    assert both(100, 0) == after[1]["spec"]["http"][0]
    with pytest.raises(DestinationNotFound, match="VirtualService shop/web, rule main"):
        CODEC.reset(after, target)


def test_the_total_of_the_release_is_kept() -> None:
    """
    A release in thousandths comes home in thousandths, beside third destinations.
    """
    rule = both(865, 125)
    rule["route"].append(destination("web-experiment", 10))
    (after,) = carried_out([route(rule)], CODEC.reset([route(rule)], TARGET, total=1000))

    assert [990, 0, 10] == [one["weight"] for one in after["spec"]["http"][0]["route"]]
