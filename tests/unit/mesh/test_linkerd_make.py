"""The route of a managed release for Linkerd: made, given back, and what would take its place."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.mesh.linkerd_objects import (
    POLICY,
    SERVICE_PARENT,
    backend,
    mesh_route,
    shared,
    traffic_split,
)
from tests.unit.mesh.manifests import TARGET, carried_out

from progressive._mesh.linkerd.codec import LinkerdCodec
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Split
from progressive.errors import Unsupported

CODEC = LinkerdCodec()
WEB = ServiceSpec(name="web", port=80)


@pytest.mark.parametrize(("protocol", "kind"), [(None, "HTTPRoute"), ("GRPC", "GRPCRoute")])
def test_a_release_starts_with_a_route_of_the_mesh(protocol: str | None, kind: str) -> None:
    """
    What is made must be found, read and written like any other route.
    """
    labels = {"apex": {"labels": {"team": "a"}, "annotations": {"x": "y"}}}
    made = CODEC.make(
        TARGET, ServiceSpec(name="web", port=8080, app_protocol=protocol, metadata=labels)
    )
    (after,) = carried_out([made], CODEC.write([made], TARGET, Split(canary=20)))

    assert kind == made["kind"]
    assert {"team": "a", "app.kubernetes.io/managed-by": "progressive"} == made["metadata"][
        "labels"
    ]
    assert {"x": "y"} == made["metadata"]["annotations"]
    assert 0 == CODEC.read([made], TARGET).canary
    assert 20 == CODEC.read([after], TARGET).canary
    assert CODEC.is_spare(made, TARGET)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"headless": True}, "headless"),
        ({"app_protocol": "tcp"}, "TCPRoute"),
        ({"routing": {"timeout": "5s", "retries": {"attempts": 3}}}, "retries, timeout"),
        ({"routing": {"rewrite": {"uri": "/"}}, "hosts": ("a.example.com",)}, "hosts, rewrite"),
        ({"app_protocol": "grpc", "routing": {"match": [{"uri": {"exact": "/"}}]}}, "match"),
    ],
)
def test_what_such_a_route_cannot_hold_is_refused(more: dict[str, Any], words: str) -> None:
    """
    Left out without a word it would be missed in production.
    """
    with pytest.raises(Unsupported, match=words):
        CODEC.make(TARGET, ServiceSpec(name="web", port=80, **more))


@pytest.mark.parametrize(
    ("other", "wins"),
    [
        (mesh_route({"backendRefs": [backend("web")]}, name="theirs"), True),
        (mesh_route({"backendRefs": [backend("web")]}, name="theirs", version=POLICY), True),
        (mesh_route({"backendRefs": []}, kind="GRPCRoute", name="theirs"), True),
        (traffic_split(("web", 1), name="theirs"), True),
        (
            mesh_route(
                {"matches": [{"path": {"type": "PathPrefix", "value": "/"}}]}, name="theirs"
            ),
            True,
        ),
        (
            mesh_route(
                {"matches": [{"path": {"type": "PathPrefix", "value": "/api"}}]}, name="theirs"
            ),
            False,
        ),
        (mesh_route({"backendRefs": []}, kind="TCPRoute", name="theirs"), False),
        (
            mesh_route(
                {"backendRefs": []}, name="theirs", parents=[{**SERVICE_PARENT, "port": 81}]
            ),
            False,
        ),
        (
            mesh_route(
                {"backendRefs": []}, name="theirs", parents=[{**SERVICE_PARENT, "name": "cart"}]
            ),
            False,
        ),
    ],
)
def test_what_certainly_takes_the_requests_of_a_new_route(
    other: dict[str, Any], wins: bool
) -> None:
    """
    An older route for every request, a kind that comes before, or a split with its profile.
    """
    rival = CODEC.rival([other], CODEC.make(TARGET, WEB), TARGET)

    assert wins == (rival is not None)


@pytest.mark.parametrize(
    "route",
    [
        mesh_route(shared(filters=[{"type": "RequestHeaderModifier"}])),
        mesh_route(shared(timeouts={"request": "5s"})),
        mesh_route(shared(matches=[{"path": {"type": "PathPrefix", "value": "/api"}}])),
        mesh_route(shared(), shared()),
        mesh_route({"backendRefs": [backend("web-primary", 90), backend("audit", 10)]}),
        mesh_route(shared(), parents=[SERVICE_PARENT, {"name": "public"}]),
        mesh_route(shared(), parents=[{**SERVICE_PARENT, "name": "old"}]),
    ],
)
def test_a_route_that_says_more_is_kept_and_sent_to_the_apex(route: dict[str, Any]) -> None:
    """
    With it filters, time limits, gateways and refusals of other paths would go.
    """
    assert not CODEC.is_spare(route, TARGET)

    (after,) = carried_out([route], [CODEC.sent_to_apex(route, TARGET, port=80)])
    assert not CODEC.names_sides(after, TARGET)


def test_the_way_to_the_apex_and_back() -> None:
    """
    A release that is taken up again finds its route.
    """
    route = mesh_route(shared(70, 30))
    (gone,) = carried_out([route], [CODEC.sent_to_apex(route, TARGET, port=80)])
    again = CODEC.split_again(gone, TARGET, port=80)
    assert again is not None

    (back,) = carried_out([gone], [again])
    assert [{"backendRefs": [backend("web")]}] == gone["spec"]["rules"]
    assert 0 == CODEC.read([back], TARGET).canary
