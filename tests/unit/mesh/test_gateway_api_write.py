"""What a write changes in routes of the Gateway API, and what it refuses."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.mesh.gateway_api import (
    CODEC,
    MESH,
    ROOT,
    TARGET,
    backend,
    reset,
    route,
    rule,
    rules,
    weights,
    written,
)

from progressive._model.traffic import Match, RouteRef, Split, Sticky, Subsets, Target, TextMatch
from progressive.errors import (
    AmbiguousRoute,
    DestinationNotFound,
    InvalidRequest,
    InvalidWeight,
    NotOwned,
    RouterError,
    Unsupported,
)

EXACT = TextMatch(exact="1")
QA = Match(headers={"x-qa": EXACT})
STICKY = Sticky(cookie="web-canary", max_age=timedelta(hours=1))


WEIGHTS = st.none() | st.integers(0, 1_000_000)
KINDS = st.sampled_from(["HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute"])


@st.composite
def routes(draw: st.DrawFn) -> dict[str, Any]:
    entries = [backend("web-primary", draw(WEIGHTS)), backend("web-canary", draw(WEIGHTS))]
    entries += draw(st.lists(st.builds(backend, st.just("third"), st.integers(0, 50)), max_size=2))
    for one in entries:
        if draw(st.booleans()):
            one["namespace"] = "shop"
        if draw(st.booleans()):
            one.update(group="", kind="Service")
    others = st.lists(
        st.builds(lambda weight: {"backendRefs": [backend("other", weight)]}, WEIGHTS), max_size=3
    )
    both = {"backendRefs": draw(st.permutations(entries)), "future": draw(st.text())}
    return route(*draw(others), both, *draw(others), kind=draw(KINDS))


def without_sides(manifest: Mapping[str, Any]) -> Any:
    rest = copy.deepcopy(dict(manifest))
    del rest["metadata"]["resourceVersion"]
    for one in rest["spec"]["rules"]:
        for entry in one["backendRefs"]:
            if entry["name"].startswith("web-"):
                entry.pop("weight", None)
    return rest


@given(routes(), st.integers(1, 1_000_000), st.data())
def test_a_write_is_read_back_changes_nothing_else_and_is_not_repeated(
    manifest: dict[str, Any], total: int, data: st.DataObject
) -> None:
    """The three promises of every write, for shapes that nobody thought of."""
    split = Split(canary=data.draw(st.integers(0, total)), total=total)
    try:
        found = written(split, manifest)
    except InvalidWeight:
        return
    observed = CODEC.read([found], TARGET, total=total)

    assert without_sides(manifest) == without_sides(found)
    assert () == CODEC.write([found], TARGET, split)
    assert observed.canary * total == split.canary * observed.total
    assert 0 == CODEC.read([reset(found)], TARGET).canary


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({}, True),
        ({"namespace": "shop"}, True),
        ({"group": "", "kind": "Service"}, True),
        ({"group": None, "kind": None, "namespace": None}, True),
        ({"namespace": "other"}, False),
        ({"kind": "ServiceImport", "group": "multicluster.x-k8s.io"}, False),
        ({"group": "core"}, False),
    ],
)
def test_a_backend_is_compared_whole(more: dict[str, Any], found: bool) -> None:
    """R9: a service of the same name in another namespace has other pods."""
    manifest = route({"backendRefs": [backend("web-primary"), backend("web-canary", **more)]})

    if found:
        assert {"web-primary": 80, "web-canary": 20} == weights(
            written(Split(canary=20), manifest)
        )
    else:
        with pytest.raises(DestinationNotFound, match="web-canary"):
            CODEC.write([manifest], TARGET, Split(canary=20))


def test_the_namespace_of_a_backend_is_that_of_its_route() -> None:
    """A route of namespace infra whose backend names no namespace means a service of infra."""
    named = [backend("web-primary", namespace="shop"), backend("web-canary", namespace="shop")]
    far = route({"backendRefs": named}, meta_namespace="infra")
    near = route(rule(), meta_namespace="infra")

    assert 20 == weights(written(Split(canary=20), far))["web-canary"]
    with pytest.raises(RouterError):
        CODEC.write([near], TARGET, Split(canary=20))


def test_one_object_gets_one_patch_with_tests_before_the_edits() -> None:
    """R3: no reader ever sees one weight without the other."""
    (patch,) = CODEC.write([route(rule(95, 0, backend("audit", 5)))], TARGET, Split(canary=20))
    ways = [
        (one["op"], one["path"].removeprefix("/spec/rules/0/backendRefs")) for one in patch.patch
    ]

    assert [
        ("test", "/metadata/resourceVersion"),
        ("test", "/0/name"),
        ("test", "/1/name"),
        ("add", "/0/weight"),
        ("add", "/1/weight"),
    ] == ways
    assert 75 == patch.patch[3]["value"]


def test_named_routes_of_two_kinds_get_a_patch_each() -> None:
    """Pages by HTTP, calls by gRPC; without an entry nobody knows which is meant."""
    http, grpc = route(rule()), route(rule(), kind="GRPCRoute", meta_name="calls")
    target = Target(
        namespace="shop",
        service="web",
        primary="web-primary",
        canary="web-canary",
        routes=[RouteRef(name="web"), RouteRef(name="calls", kind="GRPCRoute")],
    )
    patches = CODEC.write([http, grpc], target, Split(canary=30))

    assert ["HTTPRoute", "GRPCRoute"] == [one.ref.kind for one in patches]
    with pytest.raises(AmbiguousRoute):
        CODEC.write([http, grpc], TARGET, Split(canary=30))


# matched requests


def test_a_match_repeats_what_the_rule_asks_for() -> None:
    """Specificity decides, not order: a rule for the header alone would lose against a path."""
    cart = {
        "path": {"type": "PathPrefix", "value": "/cart"},
        "queryParams": [{"type": "Exact", "name": "a", "value": "b"}],
    }
    pay = {"path": {"type": "Exact", "value": "/pay"}, "method": "POST"}
    base = rule(matches=[pay, cart], timeouts={"request": "10s"})
    either = [QA, Match(query={"v": TextMatch(regex="2|3")})]
    found = rules(written(Split(canary=100, match=either), route(base)))[1]
    header = {"type": "Exact", "name": "x-qa", "value": "1"}
    query = {"type": "RegularExpression", "name": "v", "value": "2|3"}

    assert "progressive-match" == found["name"]
    assert {"request": "10s"} == found["timeouts"]
    assert [
        {**pay, "headers": [header]},
        {**pay, "queryParams": [query]},
        {**cart, "headers": [header]},
        {**cart, "queryParams": [*cart["queryParams"], query]},
    ] == found["matches"]
    assert [backend("web-canary", 100)] == found["backendRefs"]


def test_subsets_are_refused() -> None:
    """R5: they are Istio's; without a word about them all users of both would be moved."""
    target = evolve(TARGET, subsets=Subsets(primary="stable", canary="next"))

    with pytest.raises(Unsupported, match="gateway-api knows no subsets"):
        CODEC.write([route(rule())], target, Split(canary=20))


@pytest.mark.parametrize(
    ("match", "words"),
    [
        (Match(headers={"x-user": TextMatch(prefix="a.b")}), r"header x-user.*regex: a\\\.b\.\*"),
        (Match(query={"v": TextMatch(prefix="2")}), "query parameter v"),
    ],
)
def test_a_prefix_is_refused_at_every_weight(match: Match, words: str) -> None:
    """Flagger drops it, and with it the condition: all users would be on the canary."""
    for weight in (0, 20, 100):
        with pytest.raises(Unsupported, match=words):
            CODEC.write([route(rule())], TARGET, Split(canary=weight, match=[match]))


@pytest.mark.parametrize(
    "match",
    [
        Match(headers={"x y": EXACT}),
        Match(headers={"x-qa": TextMatch(exact="")}),
        Match(headers={"x-qa": TextMatch(exact="a" * 4097)}),
        Match(query={"v": TextMatch(exact="a" * 1025)}),
        Match(headers={f"x-{one}": EXACT for one in range(17)}),
        Match(headers={"Cookie": EXACT}, cookies={"beta": EXACT}),
    ],
)
def test_what_the_schema_refuses_is_refused_before(match: Match) -> None:
    """A release must not learn it in its third hour."""
    with pytest.raises(InvalidRequest):
        CODEC.write([route(rule())], TARGET, Split(canary=20, match=[match]))


def test_a_cookie_is_matched_whole_even_where_expressions_are_searched_for() -> None:
    """Traefik and others look for an expression anywhere in the value."""
    split = Split(canary=100, match=[Match(cookies={"beta": TextMatch(exact="a.b")})])
    (header,) = rules(written(split, route(rule())))[1]["matches"][0]["headers"]

    assert ("RegularExpression", "Cookie") == (header["type"], header["name"])
    for taken in ("beta=a.b", "x=1; beta=a.b", "beta=a.b; y=2"):
        assert re.search(header["value"], taken)
    for refused in ("alphabeta=a.b", "beta=a.bc", "beta=axb", "x=beta=a.b"):
        assert not re.search(header["value"], refused)


@pytest.mark.parametrize(
    ("theirs", "matches", "words"),
    [
        ([{"backendRefs": []}] * 15, 1, "16 rules and holds 16"),
        ([{"matches": [ROOT] * 63, "backendRefs": []}] * 2, 2, "129 matches"),
    ],
)
def test_a_route_without_room_is_refused(theirs: list[Any], matches: int, words: str) -> None:
    """M-60: 17 rules or 129 matches are refused by the server."""
    split = Split(canary=20, match=[Match(headers={"x-qa": EXACT})] * matches)

    with pytest.raises(InvalidRequest, match=words):
        CODEC.write([route(rule(), *theirs)], TARGET, split)
    assert 20 == weights(written(Split(canary=20), route(rule(), *theirs)))["web-canary"]


def test_a_route_at_its_limits_is_fine() -> None:
    """128 matches, 16 rules and 64 matches of one rule are allowed."""
    theirs = [{"matches": [ROOT] * 53, "backendRefs": []}, *[{"matches": [ROOT]}] * 10]
    base = rule(matches=[ROOT])
    many = [Match(headers={"x-qa": TextMatch(exact=str(one))}) for one in range(64)]
    found = rules(written(Split(canary=20, match=many), route(base, *theirs)))

    assert 128 == sum(len(one["matches"]) for one in found)
    with pytest.raises(InvalidRequest, match="65"):
        CODEC.write([route(base)], TARGET, Split(canary=20, match=[*many, QA]))


def test_a_rule_of_our_name_that_is_not_ours_is_left_alone() -> None:
    """Two rules of one name are ambiguous to everybody who refers to them."""
    theirs = {"name": "progressive-match", "backendRefs": [backend("other")]}

    with pytest.raises(NotOwned, match="progressive-match"):
        CODEC.write([route(rule(), theirs)], TARGET, Split(canary=20, match=[QA]))


def test_a_grpc_rule_keeps_its_method_and_has_no_query() -> None:
    """A GRPCRoute matches methods and headers alone."""
    base = rule(matches=[{"method": {"service": "shop.Cart", "method": "Add"}}])
    manifest = route(base, kind="GRPCRoute", parentRefs=[MESH])
    found = rules(written(Split(canary=40, match=[QA]), manifest))[1]

    assert base["matches"][0]["method"] == found["matches"][0]["method"]
    assert [backend("web-primary", 60), backend("web-canary", 40)] == found["backendRefs"]
    with pytest.raises(Unsupported, match="query"):
        CODEC.write([manifest], TARGET, Split(canary=40, match=[Match(query={"v": EXACT})]))


@pytest.mark.parametrize("kind", ["TCPRoute", "TLSRoute"])
def test_what_sees_no_requests_has_weights_alone(kind: str) -> None:
    """A connection has no headers."""
    manifest = route({"backendRefs": [backend("web-primary"), backend("web-canary")]}, kind=kind)

    assert 5 == weights(written(Split(canary=5), manifest))["web-canary"]
    for more in ({"match": [QA]}, {"mirror": 10.0}, {"sticky": STICKY}):
        with pytest.raises(Unsupported, match=kind):
            CODEC.write([manifest], TARGET, Split(canary=5, **more))


def test_a_route_that_holds_nothing_but_our_rules_keeps_them_and_says_so() -> None:
    """
    Somebody took the rule away that they were made for; no API takes an empty list of rules.
    """
    ours = {
        "name": "progressive-match",
        "matches": [{"headers": [{"name": "x-user", "value": "old"}]}],
        "backendRefs": [backend("web-canary", 100)],
    }

    with pytest.raises(DestinationNotFound, match="put web-primary into it"):
        CODEC.reset([route(ours)], TARGET)
    beside = {"name": "other", "backendRefs": [backend("other")]}
    assert [beside] == rules(reset(route(ours, beside)))
