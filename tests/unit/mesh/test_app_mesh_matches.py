"""Matches in App Mesh: routes of their own, before those that are steered."""

from __future__ import annotations

import pytest
from tests.unit.mesh.app_mesh import CODEC, both, http, node, router, service, weights, written
from tests.unit.mesh.manifests import TARGET, carried_out, on
from tests.unit.mesh.schemas import faults

from progressive._model.traffic import Match, RouteRef, Split, Sticky, TextMatch
from progressive.errors import InvalidRequest, NotOwned, RouterError, Unsupported

QA = Match(headers={"x-user": TextMatch(exact="qa")})


def matched(*items: Match, canary: int = 100) -> Split:
    return Split(canary=canary, match=items)


def test_a_match_is_a_route_before_the_smallest_priority() -> None:
    """
    M-97: what the route matches and how it retries stays; the base route is not touched.
    """
    base = http(timeout={"perRequest": {"unit": "s", "value": 15}}, match={"prefix": "/a"})
    routes = written([service(), router(base, http("low", 7, action={}))], matched(QA, canary=30))

    assert base == routes[0]
    assert {
        "name": "progressive-match",
        "priority": 6,
        "httpRoute": {
            "match": {"prefix": "/a", "headers": [{"name": "x-user", "match": {"exact": "qa"}}]},
            "action": {"weightedTargets": [node("web-primary", 70), node("web-canary", 30)]},
            "timeout": {"perRequest": {"unit": "s", "value": 15}},
        },
    } == routes[2]


def test_each_item_of_a_match_has_a_route_of_its_own() -> None:
    """
    All conditions of one route must hold, and items are alternatives.
    """
    objects = [service(), router(http())]
    beta = Match(cookies={"beta": TextMatch(exact="always")})
    order = matched(QA, beta)
    after = carried_out(objects, CODEC.write(objects, TARGET, order))
    ours = after[1]["spec"]["routes"][1:]

    assert [("progressive-match", 8), ("progressive-match-2", 9)] == [
        (one["name"], one["priority"]) for one in ours
    ]
    assert [[100], [100]] == [weights(one) for one in ours]
    assert CODEC.read(after, TARGET).shows(order)
    assert () == CODEC.write(after, TARGET, order)
    # one item less: its route goes, and the other keeps the place right before the base
    fewer = carried_out(after, CODEC.write(after, TARGET, matched(QA)))[1]["spec"]["routes"]
    assert [("web", 10), ("progressive-match", 9)] == [
        (one["name"], one["priority"]) for one in fewer
    ]
    home = carried_out(after, CODEC.reset(after, TARGET))
    assert objects == home


def test_two_steered_routes_have_matches_of_their_own_kind() -> None:
    """
    A gRPC route calls headers metadata; names and priorities never meet.
    """
    target = on(RouteRef(name="web", rule="web"), RouteRef(name="web", rule="calls"))
    objects = [router(http(), http("calls", 20, "grpcRoute", match={"serviceName": "shop.Cart"}))]
    after = carried_out(objects, CODEC.write(objects, target, matched(QA)))
    ours = after[0]["spec"]["routes"][2:]
    asked = [{"name": "x-user", "match": {"exact": "qa"}}]

    assert [("progressive-match", 8), ("progressive-match-2", 9)] == [
        (one["name"], one["priority"]) for one in ours
    ]
    assert {"serviceName": "shop.Cart", "metadata": asked} == ours[1]["grpcRoute"]["match"]
    assert CODEC.read(after, target).shows(matched(QA))


def test_every_condition_that_the_schema_knows_is_written() -> None:
    """
    The schema of the CRD takes the result.
    """
    item = Match(
        headers={"x-a": TextMatch(prefix="q"), "x-b": TextMatch(regex="q[0-9]+")},
        cookies={"beta": TextMatch(exact="on"), "team": TextMatch(prefix="a")},
        query={"v": TextMatch(exact="2")},
    )
    objects = [service(), router(http())]
    (_, after) = carried_out(objects, CODEC.write(objects, TARGET, matched(item)))
    match = after["spec"]["routes"][1]["httpRoute"]["match"]

    assert [] == faults("app-mesh", after)
    assert {"x-a": "prefix", "x-b": "regex", "cookie": "regex"} == {
        one["name"]: next(iter(one["match"])) for one in match["headers"]
    }
    assert [{"name": "v", "match": {"exact": "2"}}] == match["queryParameters"]


@pytest.mark.parametrize(
    ("item", "kind", "error", "words"),
    [
        (Match(query={"v": TextMatch(prefix="2")}), "httpRoute", Unsupported, "whole values"),
        (Match(query={"v": TextMatch(exact="2")}), "grpcRoute", Unsupported, "query"),
        (QA, "tcpRoute", Unsupported, "sees no requests"),
        (Match(headers={"x": TextMatch(exact="")}), "httpRoute", InvalidRequest, "0 letters"),
        (
            Match(headers={"x": TextMatch(exact="a" * 256)}),
            "http2Route",
            InvalidRequest,
            "256 letters",
        ),
        (Match(headers={"x" * 51: TextMatch(exact="a")}), "httpRoute", InvalidRequest, "51"),
        (
            Match(headers={f"x-{n}": TextMatch(exact="a") for n in range(11)}),
            "httpRoute",
            InvalidRequest,
            "11 headers",
        ),
    ],
)
def test_what_the_schema_has_no_word_for_is_refused(
    item: Match, kind: str, error: type[RouterError], words: str
) -> None:
    """
    A condition that is cut or left out sends users to the canary whom nobody asked.
    """
    with pytest.raises(error, match=words):
        CODEC.write([service(), router(http(kind=kind))], TARGET, matched(item))


@pytest.mark.parametrize(
    ("priority", "items", "fits"), [(0, 1, False), (1, 1, True), (1, 2, False)]
)
def test_there_is_no_priority_before_0(priority: int, items: int, fits: bool) -> None:
    """
    M-97b: a route that is tried later never sees the requests that it is for.
    """
    objects = [service(), router(http(priority=priority))]
    order = matched(*[QA, Match(headers={"x-b": TextMatch(exact="1")})][:items])
    if fits:
        assert 0 == written(objects, order)[1]["priority"]
        return
    with pytest.raises(Unsupported, match="priorities before"):
        CODEC.write(objects, TARGET, order)


def test_a_route_without_a_priority_is_tried_last() -> None:
    """
    Priorities end at 1000.
    """
    assert 999 == written([service(), router(http(priority=None))], matched(QA))[1]["priority"]


def test_a_route_of_somebody_else_keeps_its_name() -> None:
    """
    AWS takes each name once; a second release beside this one must be told apart.
    """
    others = [node("api-primary", 100), node("api-canary", 0)]
    theirs = http("progressive-match", 5, action={"weightedTargets": others})
    with pytest.raises(NotOwned, match="progressive-match"):
        CODEC.write([service(), router(http(), theirs)], TARGET, matched(QA))

    assert [20, 80] == weights(written([service(), router(http(), theirs)], Split(canary=20))[0])


@pytest.mark.parametrize(
    "split", [Split(canary=10, mirror=10.0), Split(canary=10, sticky=Sticky(cookie="c"))]
)
def test_mirror_and_stickiness_are_refused(split: Split) -> None:
    """
    Argo answers that it was done.
    """
    with pytest.raises(Unsupported, match="app-mesh"):
        CODEC.write([service(), router(http())], TARGET, split)


def test_the_way_home_drops_matches_and_stays_within_the_schema() -> None:
    """
    Third nodes may hold everything already; the primary gets a weight that AWS takes.
    """
    ours = http("progressive-match", 9, action={"weightedTargets": [node("web-canary", 100)]})
    objects = [service(), router(http(**both(90, 80, node("third", 100))), ours)]
    after = carried_out(objects, CODEC.reset(objects, TARGET))

    assert [[0, 100, 100]] == [weights(one) for one in after[1]["spec"]["routes"]]
    assert [] == faults("app-mesh", after[1])
