"""Managed rules of VirtualServices: their order, and the cookies that they share."""

from __future__ import annotations

import re
from typing import Any

import pytest
from attrs import evolve
from tests.unit.mesh.manifests import CODEC, TARGET, both, destination, on, route, written

from progressive._model.traffic import Match, RouteRef, Split, Sticky, TextMatch

MATCH = Match(headers={"x-user": TextMatch(exact="qa")})
MATCHED = {
    "name": "progressive-match",
    "match": [{"headers": {"x-user": {"exact": "qa"}}}],
    "route": [destination("web-canary", 100)],
}


@pytest.mark.parametrize("first", [[], [{"name": "new", "redirect": {"uri": "/new"}}]])
def test_a_managed_rule_that_would_never_be_tried_goes_in_front(
    first: list[dict[str, Any]],
) -> None:
    """
    M-31: the first rule that fits wins, so behind one for everyone it stands for nothing.
    """
    order = Split(canary=100, match=[MATCH])
    before = route(*first, both(), MATCHED)
    (after,) = written([before], order)

    assert [MATCHED, *first, both()] == after["spec"]["http"]
    assert () == CODEC.write([after], TARGET, order)


def test_managed_rules_stand_in_the_order_in_which_they_must_be_tried() -> None:
    """
    The rule for everyone who is matched would take the users of the cookie as well.
    """
    order = Split(canary=30, match=[MATCH], sticky=Sticky(cookie="side"))
    (wanted,) = written([route(both())], order)
    sticky, match, main = wanted["spec"]["http"]
    (after,) = written([route(match, sticky, main)], order)

    assert ["progressive-sticky", "progressive-match"] == [sticky["name"], match["name"]]
    assert [sticky, match, main] == after["spec"]["http"]


def test_all_rules_of_an_object_share_the_cookie() -> None:
    """
    A browser has one cookie of a name: with a value for each rule, users of both would change
    sides at every request, and all of them at the next step.
    """
    target = on(RouteRef(name="web", rule="api"), RouteRef(name="web", rule="main"))
    rules = [both(name="api", match=[{"uri": {"prefix": "/api"}}]), both(name="main")]
    order = Split(canary=10, sticky=Sticky(cookie="side"))
    (first,) = written([route(*rules)], order, target)
    (next_step,) = written([first], evolve(order, canary=20), target)

    assert () == CODEC.write([first], target, order)
    assert 1 == len(set(re.findall("side=[a-z]{10}", str((first, next_step)))))


def test_the_value_that_is_kept_is_that_of_the_whole_name() -> None:
    """
    I-10: a matched cookie whose name ends alike stands in the same expression.
    """
    order = Split(
        canary=10,
        sticky=Sticky(cookie="side"),
        match=[Match(cookies={"my-side": TextMatch(exact="left")})],
    )
    (first,) = written([route(both())], order)

    assert () == CODEC.write([first], TARGET, order)
