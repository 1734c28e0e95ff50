"""What App Mesh's VirtualRouters say and are told: nodes, kinds of route, priorities."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from tests.unit.mesh.app_mesh import (
    ARN,
    CODEC,
    both,
    http,
    node,
    router,
    service,
    virtual_node,
    weights,
    written,
)
from tests.unit.mesh.manifests import TARGET, carried_out, on
from tests.unit.mesh.schemas import faults

from progressive._model.traffic import Match, RouteRef, Split, Sticky, TextMatch
from progressive.errors import (
    AmbiguousRoute,
    DestinationNotFound,
    Drift,
    InvalidRequest,
    InvalidWeight,
    NotOwned,
    RouteNotFound,
    RouterError,
    Unsupported,
)

KINDS = ("httpRoute", "http2Route", "grpcRoute", "tcpRoute")
QA = Match(headers={"x-user": TextMatch(exact="qa")})


def matched(*items: Match, canary: int = 100) -> Split:
    return Split(canary=canary, match=items)


# the way to the router


def test_the_apex_leads_to_its_router() -> None:
    """
    Another router with the same nodes serves other users.
    """
    objects = [service(provider="b"), router(http(), name="a"), router(http(), name="b")]
    (patch,) = CODEC.write(objects, TARGET, Split(canary=20))

    assert "VirtualRouter shop/b" == str(patch.ref)


def test_a_service_may_be_known_by_its_name_in_aws_alone() -> None:
    """
    Clients call the AWS name; the object may be called otherwise.
    """
    for name in ("web", "web.shop", "web.shop.svc.cluster.local"):
        objects = [service("front", awsName=name), router(http())]

        assert 0 == CODEC.read(objects, TARGET).canary
    twice = [service("front", awsName="web"), service("back", awsName="web.shop"), router(http())]
    with pytest.raises(AmbiguousRoute, match=r"front.*back"):
        CODEC.read(twice, TARGET)


def test_a_router_may_be_named_by_its_arn() -> None:
    """
    A provider of another account or tool has no name in this cluster.
    """
    provider = {"virtualRouter": {"virtualRouterARN": "arn:router"}}
    found = [service(provider=provider), router(http(), virtualRouterARN="arn:router")]
    assert 0 == CODEC.read(found, TARGET).canary
    with pytest.raises(RouteNotFound, match="arn:router"):
        CODEC.read([service(provider=provider), router(http())], TARGET)


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        ({"virtualNode": {"virtualNodeRef": {"name": "web-primary"}}}, "a virtual node"),
        ({}, "nothing"),
        (None, "nothing"),
        ([5], "nothing"),
        ("elsewhere", "VirtualRouter shop/elsewhere"),
    ],
)
def test_without_a_router_there_are_no_weights(provider: Any, words: str) -> None:
    """
    M-90: such a mesh works, but shares nothing.
    """
    with pytest.raises(RouteNotFound, match=words):
        CODEC.write([service(provider=provider), router(http())], TARGET, Split(canary=20))


def test_a_named_router_needs_no_service() -> None:
    """
    A person who names the object knows better than any chain; a service may be named as well.
    """
    named = on(RouteRef(name="web", kind="VirtualRouter", rule="web"))
    by_service = on(RouteRef(name="front", kind="VirtualService"))
    objects = [service("front"), router(http())]

    assert [[20, 80]] == [
        weights(one) for one in written([router(http())], Split(canary=20), named)
    ]
    assert [20, 80] == weights(written(objects, Split(canary=20), by_service)[0])
    with pytest.raises(RouteNotFound, match="VirtualService shop/front"):
        CODEC.write([router(http())], by_service, Split(canary=20))
    assert () == CODEC.reset([router(http())], by_service)
    assert () == CODEC.steered([router(http())], by_service)


# several routes, told apart by what they speak


CALLS = [http(), http("h2", 11, "http2Route"), http("calls", 12, "grpcRoute")]


@pytest.mark.parametrize(("protocol", "place"), [("grpc", 1), ("http", 0)])
def test_a_protocol_picks_among_routes_that_hold_both_nodes(protocol: str, place: int) -> None:
    """
    App Mesh tells gRPC from HTTP, so that neither stands for the other.
    """
    routes = [CALLS[0], CALLS[2]]
    target = on(RouteRef(name="web", protocol=protocol))
    after = written([router(*routes)], Split(canary=3), target)

    assert routes[1 - place] == after[1 - place]
    assert [3, 97] == weights(after[place], ("httpRoute", "grpcRoute")[place])


def test_an_index_counts_all_routes_whatever_they_speak() -> None:
    """
    The list is one; a protocol beside an index does not make another of it.
    """
    target = on(RouteRef(name="web", rule=2, protocol="grpc"))
    after = written([router(*CALLS)], Split(canary=3), target)

    assert [3, 97] == weights(after[2], "grpcRoute")


def test_an_index_and_a_protocol_that_contradict_each_other_are_refused() -> None:
    """
    One of the two is a mistake, and either could be.
    """
    target = on(RouteRef(name="web", rule=0, protocol="grpc"))
    with pytest.raises(
        RouteNotFound, match=r"rule web \(routes\[0\]\) is a rule for http, not for g"
    ):
        CODEC.write([router(*CALLS)], target, Split(canary=3))


# nodes


def test_a_node_is_a_side_by_name_service_or_arn() -> None:
    """
    R9: names are compared in full, whoever wrote them.
    """
    nodes = [
        virtual_node("stable", host="web-primary.shop.svc.cluster.local"),
        virtual_node("web-canary", arn=ARN),
    ]
    route = http(
        action={
            "weightedTargets": [
                {"virtualNodeARN": ARN, "weight": 0},
                {"virtualNodeRef": {"name": "stable", "namespace": "shop"}, "weight": 100},
            ]
        }
    )
    (patch,) = CODEC.write([service(), router(route), *nodes], TARGET, Split(canary=20))
    tests = {
        one["path"].split("weightedTargets/")[-1] for one in patch.patch if one["op"] == "test"
    }

    assert {
        "/metadata/resourceVersion",
        "0/virtualNodeARN",
        "1/virtualNodeRef/name",
        "1/virtualNodeRef/namespace",
    } == tests


def test_a_node_with_the_name_of_a_side_is_the_side_whatever_others_serve() -> None:
    """
    Two nodes may stand before one service; the name decides.
    """
    host = "web-canary.shop.svc.cluster.local"
    nodes = [virtual_node("web-canary", host=host), virtual_node("spare", host=host)]
    route = http(**both(90, 0, node("spare", 10)))

    assert [20, 70, 10] == weights(
        written([service(), router(route), *nodes], Split(canary=20))[0]
    )


@pytest.mark.parametrize(
    "other",
    [
        {"virtualNodeRef": {"name": "web-canary", "namespace": "other"}},
        {"virtualNodeARN": "arn:aws:appmesh:us-east-1:1:mesh/m/virtualNode/web-canary_shop"},
        {"virtualNodeRef": "web-canary"},
        {"virtualNodeRef": None, "virtualNodeARN": 5},
    ],
)
def test_another_node_is_no_side(other: Any) -> None:
    """
    A node of the same name elsewhere holds other pods.
    """
    route = http(action={"weightedTargets": [{**other, "weight": 0}, node("web-primary", 100)]})
    with pytest.raises(DestinationNotFound, match="web-canary"):
        CODEC.write([service(), router(route)], TARGET, Split(canary=20))


# weights


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_route_has_weights(kind: str) -> None:
    """
    Flagger knows the first HTTP route alone.
    """
    objects = [service(), router(http(kind=kind))]

    assert [35, 65] == weights(written(objects, Split(canary=35))[0], kind)
    assert 0 == CODEC.read(objects, TARGET).canary


def test_routes_of_several_kinds_move_in_one_patch() -> None:
    """
    M-88: users of the gRPC route would get another version than those of the HTTP route.
    """
    target = on(RouteRef(name="web", rule="web"), RouteRef(name="web", rule="calls"))
    objects = [router(http(), http("calls", 5, "grpcRoute"), http("other"))]
    (patch,) = CODEC.write(objects, target, Split(canary=20))
    routes = carried_out(objects, [patch])[0]["spec"]["routes"]

    assert [20, 80] == weights(routes[0])
    assert [20, 80] == weights(routes[1], "grpcRoute")
    assert objects[0]["spec"]["routes"][2] == routes[2]


def test_a_half_order_is_told() -> None:
    """
    One number for two different splits would be a guess.
    """
    target = on(RouteRef(name="web", rule="web"), RouteRef(name="web", rule="other"))
    with pytest.raises(Drift, match="differ"):
        CODEC.read([router(http(), http("other", **both(80, 20)))], target)


@pytest.mark.parametrize("total", [101, 1000])
def test_a_total_above_100_is_refused(total: int) -> None:
    """
    M-94, M-95: neither the schema nor AWS takes such weights.
    """
    with pytest.raises(InvalidWeight, match="100"):
        CODEC.write([service(), router(http())], TARGET, Split(canary=total, total=total))


def test_a_weight_that_is_missing_is_no_number() -> None:
    """
    The schema requires one, so nobody has decided what none means; a write settles it.
    """
    objects = [service(), router(http(**both(None, 0)))]
    with pytest.raises(InvalidRequest, match="no weight"):
        CODEC.read(objects, TARGET)

    assert [20, 80] == weights(written(objects, Split(canary=20))[0])


@pytest.mark.parametrize("route", [{"name": "web"}, {"name": "web", "httpRoute": None}])
def test_a_route_of_no_kind_is_refused_when_it_is_named(route: Any) -> None:
    """
    M-91: it sends its requests nowhere.
    """
    with pytest.raises(InvalidRequest, match="no weighted destinations"):
        CODEC.write([router(route)], on(RouteRef(name="web", rule="web")), Split(canary=20))


def test_every_answer_says_that_the_service_has_ended() -> None:
    """
    M-87: a controller may accept weights that reach no proxy.
    """
    (warning,) = CODEC.read([service(), router(http())], TARGET).warnings

    assert warning.startswith("MeshRetired: ")


# matches


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


def test_a_reset_has_nothing_to_do_where_no_router_is() -> None:
    """
    R7: in any state.
    """
    assert () == CODEC.reset([], TARGET)
    assert () == CODEC.reset([service(provider="gone")], evolve(TARGET, port=80))
