"""The objects that a managed release starts with, and how they go on without it."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from tests.unit.mesh.mutations import carried_out
from tests.unit.mesh.proxies.worlds import PROXIES, TARGET
from tests.unit.mesh.schemas import faults

from progressive._mesh.rules.handing import HandsBack
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Split
from progressive.errors import Unsupported

SERVICE = ServiceSpec(
    name="web",
    port=80,
    metadata={"apex": {"labels": {"team": "shop"}, "annotations": {"note": "kept"}}},
)
MADE = ("contour", "gloo", "kuma", "traefik")
SPECS: dict[str, Any] = {
    "contour": {
        "routes": [
            {
                "conditions": [{"prefix": "/"}],
                "services": [
                    {"name": "web-primary", "port": 80, "weight": 100},
                    {"name": "web-canary", "port": 80, "weight": 0},
                ],
            }
        ]
    },
    "traefik": {
        "weighted": {
            "services": [
                {"name": "web-primary", "port": 80, "weight": 100},
                {"name": "web-canary", "port": 80, "weight": 0},
            ]
        }
    },
}


@pytest.mark.parametrize("name", MADE)
def test_a_release_starts_with_all_traffic_on_the_primary(name: str) -> None:
    """
    The object is ours by its label, read and written as any other, and fits its schema.
    """
    codec = PROXIES[name].codec
    made = codec.make(TARGET, SERVICE)
    (after,) = carried_out([made], codec.write([made], TARGET, Split(canary=20)))

    assert SPECS.get(name, made["spec"]) == made["spec"]
    assert {
        "name": "web",
        "namespace": "shop",
        "labels": {"team": "shop", "app.kubernetes.io/managed-by": "progressive"},
        "annotations": {"note": "kept"},
    } == made["metadata"]
    assert (0, 20) == tuple(codec.read([one], TARGET).canary for one in (made, after))
    assert [] == faults(name, made) + faults(name, after)


@pytest.mark.parametrize("name", MADE)
def test_a_release_that_is_given_up_leaves_a_route_to_the_apex(name: str) -> None:
    """
    And one that starts again takes it up: all traffic on the primary.
    """
    codec = PROXIES[name].codec
    assert isinstance(codec, HandsBack)
    made = codec.make(TARGET, SERVICE)
    (half,) = carried_out([made], codec.write([made], TARGET, Split(canary=50)))
    (left,) = carried_out([half], [codec.sent_to_apex(half, TARGET, port=80)])
    again = codec.split_again(left, TARGET, port=80)
    assert again is not None
    (taken_up,) = carried_out([left], [again])

    assert codec.names_sides(half, TARGET)
    assert not codec.names_sides(left, TARGET)
    assert made["spec"] == taken_up["spec"]
    assert [] == faults(name, left) + faults(name, taken_up)


def test_a_mirror_to_others_stays_when_a_release_is_given_up() -> None:
    """
    It stands among the services of the route, and is none of its destinations.
    """
    codec = PROXIES["contour"].codec
    assert isinstance(codec, HandsBack)
    objects = PROXIES["contour"].made(100, 0, None)
    services = objects[0]["spec"]["routes"][1]["services"]
    audit = {"name": "audit", "port": 80, "weight": 5, "mirror": True}
    services += [audit, {"name": "web-canary", "port": 80, "weight": 5, "mirror": True}]
    (left,) = carried_out(objects, [codec.sent_to_apex(objects[0], TARGET, port=80)])

    assert [{"name": "web", "port": 80}, audit] == left["spec"]["routes"][1]["services"]


def test_contour_carries_what_it_can_of_the_document() -> None:
    """
    A path, a timeout and retries, in its own words.
    """
    routing = {
        "match": [{"uri": {"prefix": "/api"}}],
        "timeout": "15s",
        "retries": {"attempts": 3, "perTryTimeout": "1s", "retryOn": "5xx,reset"},
    }
    service = evolve(SERVICE, routing=routing, app_protocol="grpc")
    (route,) = PROXIES["contour"].codec.make(TARGET, service)["spec"]["routes"]

    assert [{"prefix": "/api"}] == route["conditions"]
    assert {"response": "15s"} == route["timeoutPolicy"]
    assert {"count": 3, "perTryTimeout": "1s", "retryOn": ["5xx", "reset"]} == route["retryPolicy"]
    assert ["h2c", "h2c"] == [one["protocol"] for one in route["services"]]


@pytest.mark.parametrize("name", sorted(set(PROXIES) - {"contour-tcp"}))
@pytest.mark.parametrize(
    "change",
    [
        {"routing": {"corsPolicy": {"allowOrigins": []}, "headers": {"request": {}}}},
        {"routing": {"match": [{"uri": {"prefix": "/"}}, {"uri": {"prefix": "/b"}}]}},
        {"routing": {"retries": {"backoff": "1s"}}},
        {"app_protocol": "TCP"},
    ],
)
def test_what_a_made_object_cannot_carry_is_refused(name: str, change: dict[str, Any]) -> None:
    """
    Nothing of a document is left out in silence.
    """
    with pytest.raises(Unsupported):
        PROXIES[name].codec.make(TARGET, evolve(SERVICE, **change))
