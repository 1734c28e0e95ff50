"""Mirrors, cookies, nameless rules and persistent sessions in routes of the Gateway API."""

from __future__ import annotations

import copy
import re
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.mesh.gateway_api import (
    CODEC,
    TARGET,
    after,
    backend,
    reset,
    route,
    rule,
    rules,
    weights,
    written,
)

from progressive._mesh.gateway_api.codec import GatewayApiCodec
from progressive._mesh.gateway_api.layout import RouteLayout
from progressive._model.traffic import Match, Split, Sticky, TextMatch
from progressive.errors import DestinationNotFound, InvalidRequest, Unsupported

QA = Match(headers={"x-qa": TextMatch(exact="1")})
STICKY = Sticky(cookie="web-canary", max_age=timedelta(hours=1))
CANARY_MIRROR: dict[str, Any] = {
    "type": "RequestMirror",
    "requestMirror": {"backendRef": backend("web-canary")},
}


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (100.0, {"percent": 100}),
        (12.5, {"fraction": {"numerator": 125, "denominator": 1000}}),
        (0.1, {"fraction": {"numerator": 1, "denominator": 1000}}),
        (33.33, {"fraction": {"numerator": 3333, "denominator": 10000}}),
    ],
)
def test_a_mirror_is_said_as_a_percentage_or_a_fraction_and_read_back(
    wanted: float, said: dict[str, Any]
) -> None:
    """M-54: the server refuses both together, and a percentage that is no whole number."""
    split = Split(canary=0, mirror=wanted)
    found = written(split, route(rule()))

    assert [{"backendRef": backend("web-canary"), **said}] == [
        one["requestMirror"] for one in rules(found)[0]["filters"]
    ]
    assert wanted == CODEC.read([found], TARGET).mirror
    assert () == CODEC.write([found], TARGET, split)


def test_another_percentage_leaves_the_filter_where_it_is() -> None:
    """R1: a person's filters keep their order."""
    other = {"type": "RequestMirror", "requestMirror": {"backendRef": backend("audit")}}
    standing = copy.deepcopy(CANARY_MIRROR)
    standing["requestMirror"]["fraction"] = {"numerator": 1, "denominator": 8}
    manifest = route(rule(filters=[standing, other]))
    found = rules(written(Split(canary=0, mirror=30), manifest))[0]["filters"]

    assert {**CANARY_MIRROR["requestMirror"], "percent": 30} == found[0]["requestMirror"]
    assert other == found[1]
    assert [other] == rules(written(Split(canary=0), manifest))[0]["filters"]
    assert "filters" not in rules(reset(route(rule(filters=[standing]))))[0]


@pytest.mark.parametrize(
    ("share", "read"),
    [
        ({}, 100.0),
        ({"percent": 0}, None),
        ({"percent": 7}, 7.0),
        ({"fraction": {"numerator": 1}}, 1.0),
        ({"fraction": {"numerator": 1, "denominator": 0}}, None),
        ({"percent": "x"}, None),
    ],
)
def test_a_mirror_is_read_as_the_api_means_it(share: dict[str, Any], read: float | None) -> None:
    """Without a share everything is copied."""
    mirror = {"backendRef": backend("web-canary"), **share}
    manifest = route(rule(filters=[{"type": "RequestMirror", "requestMirror": mirror}]))

    assert read == CODEC.read([manifest], TARGET).mirror


def test_a_mirror_that_does_not_fit_is_refused() -> None:
    """Sixteen filters, nine decimals, no port: the server takes none of them."""
    filters = [{"type": "ExtensionRef"}] * 16
    bare = [backend("web-primary"), {"name": "web-canary"}]

    with pytest.raises(InvalidRequest, match="16 filters"):
        CODEC.write([route(rule(filters=filters))], TARGET, Split(canary=0, mirror=10))
    with pytest.raises(InvalidRequest, match="no port"):
        CODEC.write([route({"backendRefs": bare})], TARGET, Split(canary=0, mirror=10))
    with pytest.raises(Unsupported, match="too fine"):
        CODEC.write([route(rule())], TARGET, Split(canary=0, mirror=0.123456789))


def test_the_mirror_is_not_repeated_for_matched_requests() -> None:
    """The canary would get such a request twice."""
    manifest = route(rule(filters=[CANARY_MIRROR, {"type": "ExtensionRef"}]))
    split = Split(canary=30, mirror=100, match=[QA])

    assert [{"type": "ExtensionRef"}] == rules(written(split, manifest))[1]["filters"]


# stickiness


def test_a_cookie_is_set_by_the_canary_and_looked_for_by_a_rule() -> None:
    """The portable way; native persistence keeps users on a canary of weight 0."""
    split = Split(canary=10, sticky=STICKY)
    found = written(split, route(rule()))
    (added,) = rules(found)[0]["backendRefs"][1]["filters"]
    pair = added["responseHeaderModifier"]["add"][0]["value"]
    looked = rules(found)[1]["matches"][0]["headers"][0]["value"]

    assert re.fullmatch(r"web-canary=[a-z]{10}; Max-Age=3600", pair)
    assert re.search(looked, pair.partition(";")[0])
    assert () == CODEC.write([found], TARGET, split)
    assert rules(route(rule())) == rules(reset(found))


@pytest.mark.parametrize(
    "filters",
    [
        [{"type": "RequestHeaderModifier"}],
        [{"type": "ResponseHeaderModifier", "responseHeaderModifier": {"remove": ["x-a"]}}],
        [
            {
                "type": "ResponseHeaderModifier",
                "responseHeaderModifier": {"add": [{"name": "x", "value": "1"}]},
            }
        ],
    ],
)
def test_filters_of_a_backend_stay_beside_the_cookie(filters: list[Any]) -> None:
    """A backend has one modifier of answers, so ours goes into it, and out of it again."""
    manifest = route(rule())
    rules(manifest)[0]["backendRefs"][1]["filters"] = filters
    found = written(Split(canary=10, sticky=STICKY), manifest)
    ours = rules(found)[0]["backendRefs"][1]["filters"]

    assert 1 == sum(one["type"] == "ResponseHeaderModifier" for one in ours)
    assert "web-canary=" in str(ours)
    assert filters == rules(reset(found))[0]["backendRefs"][1]["filters"]
    assert filters == rules(found)[1]["backendRefs"][0]["filters"]


@pytest.mark.parametrize("key", ["add", "set", "remove"])
def test_a_backend_that_handles_cookies_itself_cannot_be_sticky(key: str) -> None:
    """A list of headers names each once: the application's cookie would be lost."""
    theirs = ["Set-Cookie"] if key == "remove" else [{"name": "set-cookie", "value": "id=1"}]
    manifest = route(rule())
    modifier = {"type": "ResponseHeaderModifier", "responseHeaderModifier": {key: theirs}}
    rules(manifest)[0]["backendRefs"][1]["filters"] = [modifier]

    with pytest.raises(Unsupported, match="Set-Cookie"):
        CODEC.write([manifest], TARGET, Split(canary=10, sticky=STICKY))
    assert [modifier] == rules(reset(written(Split(canary=10), manifest)))[0]["backendRefs"][1][
        "filters"
    ]


# schemas without names of rules

NAMELESS = GatewayApiCodec()
NAMELESS.layouts = tuple(one.nameless for one in CODEC.layouts if isinstance(one, RouteLayout))


def test_rules_without_names_are_listed_in_an_annotation() -> None:
    """Before release 1.4 the standard channel has none, and a strict write is refused."""
    manifest = route(rule())
    split = Split(canary=20, match=[QA])
    found = after(NAMELESS.write([manifest], TARGET, split), manifest)

    assert "name" not in rules(found)[1]
    assert {"progressive.dev/managed-rules": "1"} == found["metadata"]["annotations"]
    for codec in (NAMELESS, CODEC):
        assert codec.read([found], TARGET).matched
        assert () == codec.write([found], TARGET, split)
        home = after(codec.reset([found], TARGET), found)
        assert (rules(manifest), {}) == (rules(home), home["metadata"]["annotations"])


def test_a_rule_that_moved_to_a_listed_place_is_never_removed() -> None:
    """Somebody put a rule in front; what is at the old index is theirs."""
    split = Split(canary=20, match=[QA])
    found = after(NAMELESS.write([route(rule())], TARGET, split), route(rule()))
    rules(found).insert(0, {"backendRefs": [backend("new")]})
    home = reset(found)

    assert rules(found)[0] == rules(home)[0]
    assert {"web-primary": 100, "web-canary": 0} == weights(home, 1) == weights(home, 2)


# sessions that persist by themselves


def persisting(primary: int = 70, canary: int = 30, **more: Any) -> dict[str, Any]:
    return rule(primary, canary, sessionPersistence={"type": "Cookie"}, **more)


def test_a_canary_whose_sessions_persist_leaves_the_rule_on_the_way_home() -> None:
    """M-138: weight 0 alone keeps users on a bad canary for as long as their session lasts."""
    for home in (written(Split(canary=0), route(persisting())), reset(route(persisting()))):
        assert {"web-primary": 100} == weights(home)
        assert (0, 100) == (CODEC.read([home], TARGET).canary, CODEC.read([home], TARGET).total)
        assert () == CODEC.reset([home], TARGET)
        assert () == CODEC.write([home], TARGET, Split(canary=0))


def test_it_comes_back_as_it_was_with_its_next_weight() -> None:
    """Its place, its port and its filters are a person's."""
    standing = persisting()
    standing["backendRefs"].insert(
        0, {**standing["backendRefs"].pop(1), "filters": [{"type": "x"}]}
    )
    again = written(Split(canary=5), reset(route(standing)))

    canary = {**standing["backendRefs"][0], "weight": 5}
    assert [canary, backend("web-primary", 95)] == rules(again)[0]["backendRefs"]
    assert {} == again["metadata"]["annotations"]


@pytest.mark.parametrize("first", [0, 30, None])
def test_it_is_there_again_once_its_release_is_given_up(first: int | None) -> None:
    """M-138: whoever adopted the route gives it back as it was, the backend in its place."""
    standing = route(rule(70, first, sessionPersistence={"type": "Cookie"}))
    rules(standing)[0]["backendRefs"].reverse()
    adopted = after(CODEC.remembering([standing], TARGET), standing)
    home = reset(written(Split(canary=20), adopted))
    given = after(CODEC.giving_back([home], TARGET), home)

    assert {"web-primary": 100} == weights(home)
    assert standing["spec"] == given["spec"]
    assert {} == given["metadata"]["annotations"]


def test_the_patch_names_what_it_takes_out() -> None:
    """R3: another writer may have put something else there."""
    (patch,) = CODEC.reset([route(persisting())], TARGET)

    path = "/spec/rules/0/backendRefs/1"
    test = {"op": "test", "path": f"{path}/name", "value": "web-canary"}
    assert test in patch.patch
    assert {"op": "remove", "path": path} == patch.patch[-1]


def test_two_kinds_of_stickiness_are_refused() -> None:
    """M-67: a cookie of ours cannot overrule the gateway's own."""
    with pytest.raises(Unsupported, match="sessionPersistence"):
        CODEC.write([route(persisting())], TARGET, Split(canary=40, sticky=STICKY))


@pytest.mark.parametrize(
    "kept", ["x", "[]", "{}", '{"place": -1, "backend": {"name": "web-canary"}}']
)
def test_a_note_that_means_nothing_is_passed_over(kept: str) -> None:
    """Annotations are written by everybody."""
    lone = {"sessionPersistence": {"type": "Cookie"}, "backendRefs": [backend("web-primary", 100)]}
    manifest = route(lone, meta_annotations={"progressive.dev/withdrawn-0": kept})

    with pytest.raises(DestinationNotFound):
        CODEC.write([manifest], TARGET, Split(canary=5))


def test_the_next_step_leaves_the_rule_of_the_cookie_alone() -> None:
    """
    A rule by Flagger, or by an older version, has no anchors and means the same.
    """
    first = written(Split(canary=10, sticky=STICKY), route(rule()))
    condition = first["spec"]["rules"][1]["matches"][0]["headers"][0]
    condition["value"] = condition["value"].removeprefix("^").removesuffix("$")
    second = written(Split(canary=20, sticky=STICKY), first)

    assert first["spec"]["rules"][1] == second["spec"]["rules"][1]
    assert [80, 20] == [one["weight"] for one in second["spec"]["rules"][0]["backendRefs"]]
