"""What is around a route: grants, older routes, the route that is made, and its way back."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.mesh.gateway_api import (
    CODEC,
    MESH,
    PUBLIC,
    ROOT,
    TARGET,
    backend,
    grant,
    route,
    rule,
    weights,
    written,
)
from tests.unit.mesh.schemas import faults

from progressive._kube.patch import apply
from progressive._mesh.codec import ref_of
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Match, Split, Sticky, TextMatch
from progressive.errors import InvalidRequest, InvalidWeight, PreflightFailed, Unsupported

FAR = [
    backend("web-primary", 100, namespace="shop"),
    backend("web-canary", 0, namespace="shop"),
]
OLD, NEW = (
    {"meta_creationTimestamp": "2026-01-01T00:00:00Z"},
    {"meta_creationTimestamp": "2026-02-01T00:00:00Z"},
)


# grants


def far(kind: str = "HTTPRoute") -> dict[str, Any]:
    return route({"backendRefs": FAR}, kind=kind, meta_namespace="infra")


@pytest.mark.parametrize(
    "grants",
    [
        [grant()],
        [grant("HTTPRoute", "infra", "web-primary", "web-canary")],
        [grant("GRPCRoute"), grant("HTTPRoute", "infra", "web-canary"), grant()],
        [],
    ],
    ids=["all", "both", "one of several", "none seen"],
)
def test_a_route_of_another_namespace_may_be_granted(grants: list[Any]) -> None:
    """Without a single grant in sight it is not known whether they could be read."""
    assert 20 == weights(written(Split(canary=20), far(), *grants))["web-canary"]


@pytest.mark.parametrize(
    "grants",
    [
        [grant("HTTPRoute", "infra", "web-primary")],
        [grant("GRPCRoute")],
        [grant("HTTPRoute", "edge")],
        [{**grant(), "spec": {"from": None, "to": [5]}}],
    ],
    ids=["one side", "another kind", "another namespace", "garbage"],
)
def test_a_missing_grant_is_named_before_users_meet_it(grants: list[Any]) -> None:
    """A backend that is not permitted keeps its share and answers 500."""
    with pytest.raises(PreflightFailed, match=r"from: \[\{group: .*, kind: HTTPRoute, namespace"):
        CODEC.write([far(), *grants], TARGET, Split(canary=20))
    assert () == CODEC.write([far(), *grants], TARGET, Split(canary=0))


def test_a_grant_of_another_namespace_is_no_grant() -> None:
    """It is the owner of the services who permits."""
    elsewhere = grant()
    elsewhere["metadata"]["namespace"] = "infra"
    other = grant("GRPCRoute")

    with pytest.raises(PreflightFailed):
        CODEC.write([far(), elsewhere, other], TARGET, Split(canary=20))


# older routes


def taking(*rules: Any, **more: Any) -> dict[str, Any]:
    named = {"meta_name": "legacy", **OLD, **more}
    return route(*(rules or ({"backendRefs": [backend("other")]},)), **named)


def test_a_route_behind_an_older_one_moves_nothing() -> None:
    """Of two equal matches the older route wins: the split would be stored, and not happen."""
    with pytest.raises(PreflightFailed, match="HTTPRoute shop/legacy is older"):
        CODEC.write([route(rule(), **NEW), taking()], TARGET, Split(canary=20))


@pytest.mark.parametrize(
    "other",
    [
        taking(parentRefs=[{**PUBLIC, "sectionName": "http"}]),
        taking(hostnames=["web.example.com"]),
        taking({"matches": [{"path": {"type": "PathPrefix", "value": "/old"}}]}),
        taking({"matches": [{**ROOT, "headers": [{"name": "x", "value": "1"}]}]}),
        taking(kind="GRPCRoute"),
        taking(meta_creationTimestamp="2026-03-01T00:00:00Z"),
        taking(meta_creationTimestamp=None),
        taking(meta_creationTimestamp="2026-02-01T00:00:00Z"),
    ],
)
def test_only_a_certain_loss_is_refused(other: dict[str, Any]) -> None:
    """A route that may share the requests is somebody's plan."""
    manifest = route(rule(), **NEW)

    assert 20 == weights(written(Split(canary=20), manifest, other))["web-canary"]


def test_a_route_that_is_made_is_younger_than_any_that_stands() -> None:
    """Flagger makes it all the same, and its weights move nobody."""
    routing = {"gatewayRefs": [PUBLIC]}
    service = ServiceSpec(name="web", port=80, hosts=("WEB.example.com",), routing=routing)
    made = CODEC.make(TARGET, service)
    same = taking(hostnames=["web.example.com", "www.example.com"])

    assert ref_of(same, TARGET) == CODEC.rival([same], made, TARGET)
    assert CODEC.rival([taking(hostnames=["www.example.com"])], made, TARGET) is None
    assert CODEC.rival([taking()], made, TARGET) is None


# the route that is made


def spec_of(**service: Any) -> Any:
    made = CODEC.make(TARGET, ServiceSpec(**{"name": "web", "port": 80, **service}))
    assert [] == faults("gateway-api", made)
    return made["spec"]


def test_a_made_route_says_what_the_document_says() -> None:
    """As Flagger makes it, so that a team may change the tool and keep the route."""
    routing = {
        "gatewayRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", **PUBLIC}],
        "match": [
            {"uri": {"prefix": "/pay"}, "method": {"exact": "POST"}},
            {"headers": {"x-a": {"regex": "1|2"}}, "queryParams": {"v": {"exact": "2"}}},
        ],
        "headers": {"request": {"set": {"b": "2", "a": "1"}}, "response": {"remove": ["x-b"]}},
        "rewrite": {"uri": "/", "authority": "web.local"},
        "mirror": [{"backendRef": {"name": "audit", "port": 80}}],
        "timeout": "10s",
        "backendTimeout": "1m30s",
    }
    spec = spec_of(hosts=("web.example.com",), routing=routing)
    (made,) = spec["rules"]
    changes = {"set": [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]}
    path = {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}

    assert ["web.example.com"] == spec["hostnames"]
    assert routing["gatewayRefs"] == spec["parentRefs"]
    assert [
        {"path": {"type": "PathPrefix", "value": "/pay"}, "method": "POST"},
        {
            "headers": [{"type": "RegularExpression", "name": "x-a", "value": "1|2"}],
            "queryParams": [{"type": "Exact", "name": "v", "value": "2"}],
        },
    ] == made["matches"]
    assert [
        {"type": "RequestHeaderModifier", "requestHeaderModifier": changes},
        {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"remove": ["x-b"]}},
        {"type": "URLRewrite", "urlRewrite": {"hostname": "web.local", "path": path}},
        {"type": "RequestMirror", "requestMirror": routing["mirror"][0]},  # type: ignore[index]
    ] == made["filters"]
    assert {"request": "10s", "backendRequest": "1m30s"} == made["timeouts"]
    assert {"web-primary": 100, "web-canary": 0} == weights({"spec": spec})


def test_without_gateways_its_parent_is_the_apex() -> None:
    """Routes of a mesh hang on the Service that clients call (GAMMA)."""
    spec = spec_of()

    assert [MESH] == spec["parentRefs"]
    assert [ROOT] == spec["rules"][0]["matches"]
    assert "hostnames" not in spec


@pytest.mark.parametrize(
    ("service", "words"),
    [
        ({"app_protocol": "TCP"}, "TCPRoute"),
        ({"routing": {"match": [{"sourceLabels": {"a": "b"}}]}}, "sourceLabels"),
        ({"routing": {"match": [{"method": {"prefix": "P"}}]}}, "exact methods"),
        ({"routing": {"match": [{"uri": {"prefix": "/", "exact": "/a"}}]}}, r"match\[0\].uri"),
        ({"routing": {"match": [{"headers": {"x": {"prefix": "a"}}}]}}, "header x"),
        ({"routing": {"timeout": "1.5s"}}, "timeout of 1.5s"),
    ],
)
def test_what_no_httproute_can_say_is_refused(service: dict[str, Any], words: str) -> None:
    """A condition that is left out would take everybody's requests."""
    with pytest.raises(Unsupported, match=words):
        CODEC.make(TARGET, ServiceSpec(**{"name": "web", "port": 80, **service}))


# the way back


@pytest.mark.parametrize(
    ("manifest", "spare"),
    [
        (route(rule(), parentRefs=[MESH]), True),
        (route(rule(matches=None), parentRefs=[{**MESH, "group": "core"}]), True),
        (route(rule()), False),
        (route(rule(), parentRefs=[MESH, PUBLIC]), False),
        (route(rule(), parentRefs=[{**MESH, "name": "other"}]), False),
        (route(rule(timeouts={"request": "1s"}), parentRefs=[MESH]), False),
        (route(rule(), {"backendRefs": []}, parentRefs=[MESH]), False),
        (route(rule(matches=[{"path": {"value": "/a"}}]), parentRefs=[MESH]), False),
        (route(rule(), parentRefs=[]), False),
    ],
)
def test_a_route_is_spare_where_the_apex_serves_just_so_without_it(
    manifest: dict[str, Any], spare: bool
) -> None:
    """A gateway has no other way to a service."""
    assert spare is CODEC.is_spare(manifest, TARGET)


def test_a_route_is_sent_to_the_apex_and_split_again() -> None:
    """A release that is given up leaves a gateway with a route; the next one takes it up."""
    split = Split(canary=20, mirror=10, match=[Match(headers={"x-qa": TextMatch(exact="1")})])
    standing = written(split, route(rule(), {"backendRefs": [backend("other")]}))
    sent = apply(standing, CODEC.sent_to_apex(standing, TARGET, port=80).patch)
    again = CODEC.split_again(sent, TARGET, port=80)
    assert again is not None
    back = apply(sent, again.patch)

    assert [[backend("web")], [backend("other")]] == [
        one["backendRefs"] for one in sent["spec"]["rules"]
    ]
    assert not CODEC.names_sides(sent, TARGET)
    assert {"web-primary": 100, "web-canary": 0} == weights(back)
    assert CODEC.split_again(back, TARGET, port=80) is None


def test_weights_that_mean_nothing_are_refused_in_words() -> None:
    """A server has none of these, and a file may."""
    for weight in ("5", 0.5, True):
        canary = {**backend("web-canary"), "weight": weight}
        manifest = route({"backendRefs": [backend("web-primary"), canary]})
        with pytest.raises(InvalidRequest, match="not a whole number"):
            CODEC.read([manifest], TARGET)


# implementations that are known by their status


def followed_by(controller: str) -> dict[str, Any]:
    manifest = route(rule())
    manifest["status"] = {"parents": [None, {"controllerName": controller}]}
    return manifest


STICKY = Sticky(cookie="web")


@pytest.mark.parametrize(
    ("controller", "split", "words"),
    [
        ("traefik.io/gateway-controller", Split(canary=0, mirror=100), "Traefik.* cannot mirror"),
        ("projectcontour.io/gateway-controller", Split(canary=0, mirror=10), "every request"),
        ("linkerd.io/policy-controller", Split(canary=0, mirror=100), "Linkerd.* cannot mirror"),
        (
            "application-networking.k8s.aws/gateway-api-controller",
            Split(canary=1, total=1000),
            "VPC Lattice.* up to 999",
        ),
    ],
)
def test_what_the_implementation_cannot_do_is_refused_once_it_is_known(
    controller: str, split: Split, words: str
) -> None:
    """The API takes it, and then users get errors, or the canary gets everything."""
    with pytest.raises((Unsupported, InvalidWeight), match=words):
        CODEC.write([followed_by(controller)], TARGET, split)
    assert CODEC.write([followed_by("example.com/gateway")], TARGET, split)


def test_what_it_can_do_is_done() -> None:
    """Contour mirrors all requests well; Traefik sets cookies."""
    for controller, split in (
        ("projectcontour.io/gateway-controller", Split(canary=0, mirror=100)),
        ("traefik.io/gateway-controller", Split(canary=5, sticky=STICKY)),
        ("application-networking.k8s.aws/gateway-api-controller", Split(canary=1, total=999)),
    ):
        assert CODEC.write([followed_by(controller)], TARGET, split)
