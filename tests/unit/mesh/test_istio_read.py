"""What is read in a VirtualService, and what a new one looks like."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.mesh.manifests import (
    CODEC,
    TARGET,
    both,
    carried_out,
    destination,
    on,
    route,
)

from progressive._model.release import ServiceSpec
from progressive._model.traffic import (
    Observed,
    RouteRef,
    Split,
)
from progressive.errors import (
    DestinationNotFound,
    Drift,
    InvalidRequest,
)


@pytest.mark.parametrize(
    ("rule", "seen"),
    [
        (both(80, 20), (20, 100)),
        (both(4, 1), (20, 100)),
        (both(875, 125), (125, 1000)),
        (both(100, None), (0, 100)),
        (both(None, 5), (100, 100)),
        (both(2, 1), (1, 3)),
    ],
)
def test_weights_are_read_as_proportions(rule: dict[str, Any], seen: tuple[int, int]) -> None:
    """
    Istio takes any numbers; a share that has no whole percent keeps its own total.
    """
    observed = CODEC.read([route(rule)], TARGET)

    assert seen == (observed.canary, observed.total)


@pytest.mark.parametrize("rule", [both(0, 0), both(None, None), both(110, -10), both("80", 20)])  # type: ignore[arg-type]
def test_weights_that_mean_nothing_are_an_error_to_read_and_none_to_write(
    rule: dict[str, Any],
) -> None:
    """
    Reading must not guess; a write puts sound numbers there.
    """
    with pytest.raises(InvalidRequest):
        CODEC.read([route(rule)], TARGET)

    assert Observed(canary=0) == CODEC.read(
        carried_out([route(rule)], CODEC.reset([route(rule)], TARGET)), TARGET
    )


def test_a_lone_destination_has_everything_whatever_its_weight() -> None:
    """
    Istio ignores the weight of a single destination.
    """
    lone = route({"name": "main", "route": [destination("web-canary", 0)]})

    assert 100 == CODEC.read([lone], on(RouteRef(name="web", rule="main"))).canary
    with pytest.raises(DestinationNotFound, match="web-primary"):
        CODEC.write([lone], TARGET, Split(canary=100))


def test_rules_of_one_release_that_differ_are_drift() -> None:
    """
    One number for both would be a guess.
    """
    target = on(RouteRef(name="web", rule=0), RouteRef(name="web", rule=1))

    with pytest.raises(Drift, match=r"20 of 100.*0 of 100"):
        CODEC.read([route(both(80, 20), both())], target)


def test_two_rules_of_one_object_change_in_one_patch() -> None:
    """
    Between two patches users of one rule would see another split than users of the other.
    """
    target = on(RouteRef(name="web", rule=0), RouteRef(name="web", rule=1))
    patches = CODEC.write([route(both(), both())], target, Split(canary=20))

    assert 1 == len(patches)
    assert 4 == sum(1 for one in patches[0].patch if one["op"] == "add")


@pytest.mark.parametrize(
    ("managed", "writer"),
    [
        ([], None),
        ([{"manager": "a", "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:metadata": {}}}], None),
        (
            [
                {
                    "manager": "old",
                    "time": "2026-01-01T00:00:00Z",
                    "fieldsV1": {"f:spec": {"f:http": {}}},
                },
                {
                    "manager": "new",
                    "time": "2026-01-02T00:00:00Z",
                    "fieldsV1": {"f:spec": {"f:http": {}}},
                },
                {
                    "manager": "other",
                    "time": "2026-01-03T00:00:00Z",
                    "fieldsV1": {"f:spec": {"f:hosts": {}}},
                },
            ],
            "new",
        ),
    ],
)
def test_the_last_writer_of_the_weights_is_named(
    managed: list[dict[str, Any]], writer: str | None
) -> None:
    """
    A drift event must say who did it.
    """
    assert writer == CODEC.read([route(both(), managedFields=managed)], TARGET).writer


def test_the_route_that_is_made_has_the_shape_that_flagger_makes() -> None:
    """
    People who come from Flagger find the object that they know.
    """
    spec = ServiceSpec(
        name="web",
        port=80,
        hosts=("web.example.com",),
        gateways=("istio-system/public",),
        routing={"match": [{"uri": {"prefix": "/"}}], "timeout": "5s", "retries": {"attempts": 3}},
        metadata={"apex": {"annotations": {"team": "a"}}},
    )
    made = CODEC.make(TARGET, spec)

    assert {
        "hosts": ["web.example.com", "web"],
        "gateways": ["istio-system/public"],
        "http": [
            {
                "match": [{"uri": {"prefix": "/"}}],
                "timeout": "5s",
                "retries": {"attempts": 3},
                "route": [
                    {
                        "destination": {"host": "web-primary", "port": {"number": 80}},
                        "weight": 100,
                    },
                    {"destination": {"host": "web-canary", "port": {"number": 80}}, "weight": 0},
                ],
            }
        ],
    } == made["spec"]
    assert {"team": "a"} == made["metadata"]["annotations"]
    assert Observed(canary=0) == CODEC.read([made], TARGET)


@pytest.mark.parametrize(
    ("hosts", "made"), [((), ["web"]), (("*",), ["*"]), (("web", "x"), ["web", "x"])]
)
def test_the_apex_is_a_host_unless_it_is_covered(hosts: tuple[str, ...], made: list[str]) -> None:
    """
    Callers inside the mesh use the apex name; without it they would miss the canary.
    """
    spec = CODEC.make(TARGET, ServiceSpec(name="web", port=80, hosts=hosts))["spec"]

    assert (made, ["mesh"]) == (spec["hosts"], spec["gateways"])
