"""What is refused before a VirtualService is written: impossible orders, and an outage."""

from __future__ import annotations

import re

import pytest
from tests.unit.mesh.manifests import CODEC, TARGET, both, destination, endpoints, route, service

from progressive._model.traffic import Bounds, Match, Split, Sticky, Target, TextMatch
from progressive.errors import InvalidRequest, InvalidWeight, PreflightFailed, Unsupported


@pytest.mark.parametrize("protocol", ["tcp", "tls"])
@pytest.mark.parametrize(
    "split",
    [
        Split(canary=10, mirror=5),
        Split(canary=10, sticky=Sticky(cookie="c")),
        Split(canary=10, match=[Match(headers={"x": TextMatch(exact="1")})]),
    ],
)
def test_what_a_rule_without_requests_cannot_say_is_refused(split: Split, protocol: str) -> None:
    """
    An order that is carried out in part is another order.
    """
    rule = route()
    rule["spec"][protocol] = [both()]

    with pytest.raises(Unsupported, match=protocol):
        CODEC.write([rule], TARGET, split)


def test_weights_outside_the_bounds_or_the_mesh_are_refused() -> None:
    """
    Bounds are the user's own guard; int32 is the mesh's.
    """
    bounded = Target(
        namespace="shop",
        service="web",
        primary="web-primary",
        canary="web-canary",
        bounds=Bounds(min=5, max=50),
    )
    for weight in (4, 51):
        with pytest.raises(InvalidWeight, match="5 to 50"):
            CODEC.write([route(both())], bounded, Split(canary=weight))
    with pytest.raises(InvalidWeight):
        CODEC.write([route(both())], TARGET, Split(canary=1, total=2**31))


def test_a_second_object_for_the_same_mesh_host_is_refused() -> None:
    """
    istiod follows one of the two, and which is not defined (IST0109).
    """
    old = route({"route": [destination("legacy")]}, name="web-old")
    old["spec"]["hosts"] = ["web.shop.svc.cluster.local"]
    with pytest.raises(PreflightFailed, match="web-old"):
        CODEC.write([route(both()), old], TARGET, Split(canary=20))

    old["spec"]["gateways"] = ["istio-system/public"]
    assert 1 == len(CODEC.write([route(both()), old], TARGET, Split(canary=20)))


def test_a_service_with_two_ports_needs_a_port_in_its_destination() -> None:
    """
    Without it istiod drops the destination (IST0112), and the share becomes errors.
    """
    objects = [route(both()), service("web-canary", 80, 9090)]
    with pytest.raises(PreflightFailed, match="2 ports"):
        CODEC.write(objects, TARGET, Split(canary=20))

    for entry in objects[0]["spec"]["http"][0]["route"]:
        entry["destination"]["port"] = {"number": 80}
    assert 1 == len(CODEC.write(objects, TARGET, Split(canary=20)))


@pytest.mark.parametrize(
    ("primary", "canary", "weight", "refused"),
    [
        ([True], [False], 20, "web-canary"),
        ([True], [], 20, "web-canary"),
        ([False], [True], 20, "web-primary"),
        ([False], [True], 100, None),
        ([True], [False, True], 20, None),
        ([True], [None], 20, None),
        ([False], [False], 0, None),
    ],
)
def test_a_side_without_a_ready_endpoint_gets_no_weight(
    primary: list[bool | None], canary: list[bool | None], weight: int, refused: str | None
) -> None:
    """
    Traffic is never sent to a side that cannot answer; the way home asks for nothing.
    """
    slices = [endpoints("web-primary", *primary), endpoints("web-canary", *canary)]
    objects = [route(both(90, 10)), *slices]
    if refused is None:
        assert 1 == len(CODEC.write(objects, TARGET, Split(canary=weight)))
    else:
        with pytest.raises(PreflightFailed, match=refused):
            CODEC.write(objects, TARGET, Split(canary=weight))


@pytest.mark.parametrize(
    ("match", "word"),
    [
        (Match(), "everyone"),
        (Match(headers={"x user": TextMatch(exact="qa")}), "'x user' is no name"),
        (Match(cookies={"a;b": TextMatch(exact="1")}), "'a;b' is no name"),
        (Match(headers={"x-user": TextMatch(prefix="")}), "everyone"),
        (Match(headers={"x-user": TextMatch(regex="")}), "everyone"),
        (Match(headers={"x-user": TextMatch(regex="(?=qa).*")}), "RE2"),
        (Match(headers={"x-user": TextMatch(regex=r"(a)\1")}), "RE2"),
        (Match(query={"v": TextMatch(regex="[0-9")}), "no regular expression"),
        (Match(headers={"x-user": TextMatch(regex="a" * 1025)}), "1025 characters"),
    ],
)
def test_a_condition_that_the_mesh_would_refuse_or_widen_is_refused(
    match: Match, word: str
) -> None:
    """
    istiod's webhook says no to most of these, and to nothing while it starts.
    """
    with pytest.raises(InvalidRequest, match=re.escape(word)):
        CODEC.write([route(both())], TARGET, Split(canary=20, match=[match]))
