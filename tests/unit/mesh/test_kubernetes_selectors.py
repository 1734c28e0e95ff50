"""A selector that is switched, and what is asked of both ways to move the traffic of a Service."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from tests.unit.mesh.manifests import endpoints
from tests.unit.mesh.plain import TARGET, by_name, carried_out, labels, pods, service, services

from progressive._mesh.kubernetes.codec import KubernetesCodec
from progressive._model.traffic import Bounds, Match, Split, Sticky, Subsets, TextMatch
from progressive.errors import (
    AmbiguousRoute,
    DestinationNotFound,
    InvalidWeight,
    PreflightFailed,
    RouteNotFound,
    RouterError,
    Unsupported,
)

CODEC = KubernetesCodec()
MATCH = Match(headers={"x-user": TextMatch(exact="qa")})


# a selector


def test_a_switch_replaces_the_whole_selector_and_tests_the_old_one() -> None:
    """
    One label at a time would select nobody in between, or the pods of both.
    """
    objects = services(labels("primary"))
    (patch,) = CODEC.write(objects, TARGET, Split(canary=100))

    assert (
        {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "test", "path": "/spec/selector", "value": labels("primary")},
        {"op": "replace", "path": "/spec/selector", "value": labels("canary")},
    ) == patch.patch
    assert "Service shop/web" == str(patch.ref)


@pytest.mark.parametrize(("selected", "canary"), [("primary", 0), ("canary", 1000)])
def test_the_side_that_is_selected_has_everything(selected: str, canary: int) -> None:
    """
    The selector is the split, and the same order again is no write.
    """
    objects = services(labels(selected))
    observed = CODEC.read(objects, TARGET, total=1000)

    assert (canary, 1000) == (observed.canary, observed.total)
    assert () == CODEC.write(objects, TARGET, Split(canary=canary, total=1000))


def test_a_selector_with_other_keys_is_replaced_by_the_other_side_s() -> None:
    """
    Sides may be told apart by different labels; none of the old ones may stay.
    """
    objects = [
        service("web", {"app": "web-primary"}),
        service("web-primary", {"app": "web-primary"}),
        service("web-canary", {"app": "web", "track": "canary"}),
    ]
    after = carried_out(objects, CODEC.write(objects, TARGET, Split(canary=100)))

    assert {"app": "web", "track": "canary"} == by_name(after, "Service", "web")["spec"][
        "selector"
    ]
    assert 100 == CODEC.read(after, TARGET).canary


@pytest.mark.parametrize("selected", ["primary", "canary", "nobody"])
def test_a_reset_points_at_the_primary_from_wherever_it_is(selected: str) -> None:
    """
    In any state: another writer may have left a selector that fits no side.
    """
    objects = services(labels(selected))
    after = carried_out(objects, CODEC.reset(objects, TARGET))

    assert 0 == CODEC.read(after, TARGET).canary
    assert () == CODEC.reset(after, TARGET)


def test_a_switch_to_a_side_without_ready_endpoints_is_refused() -> None:
    """
    All users would get nothing; the way back asks for nothing.
    """
    objects = [*services(labels("primary")), endpoints("web-canary", False)]
    with pytest.raises(PreflightFailed, match="no ready endpoint"):
        CODEC.write(objects, TARGET, Split(canary=100))
    home = [*services(labels("canary")), endpoints("web-primary", False)]

    assert 1 == len(CODEC.write(home, TARGET, Split(canary=0)))


# what is asked of both ways


@pytest.mark.parametrize(
    ("objects", "error", "words"),
    [
        ([], RouteNotFound, "Service shop/web does not exist"),
        (services(labels("primary"))[:2], DestinationNotFound, "web-canary"),
        (services(labels("primary"))[::2], DestinationNotFound, "web-primary"),
        (services({"app": "other"}), RouteNotFound, "app=other"),
        (services({"app": "web", "version": "x"}), RouteNotFound, "version=x"),
        ([service("web", None), *services({})[1:]], Unsupported, "no selector"),
        (
            [*services({"app": "web"})[:2], service("web-canary", None)],
            DestinationNotFound,
            "selects|selector",
        ),
        (
            [*services({"app": "web"})[:2], service("web-canary", labels("primary"))],
            AmbiguousRoute,
            "label of its own",
        ),
        (services({"app": "web"}), DestinationNotFound, "no Deployment"),
    ],
)
def test_what_cannot_be_split_is_refused_for_reading_and_writing(
    objects: Any, error: type[RouterError], words: str
) -> None:
    """
    R8: a Service that is not understood is not guessed at.
    """
    with pytest.raises(error, match=words):
        CODEC.read(objects, TARGET)
    with pytest.raises(error, match=words):
        CODEC.write(objects, TARGET, Split(canary=100))

    assert () == CODEC.steered(objects, TARGET)


@pytest.mark.parametrize(
    "split",
    [
        Split(canary=100, match=(MATCH,)),
        Split(canary=0, mirror=10),
        Split(canary=100, sticky=Sticky(cookie="web")),
    ],
)
def test_what_a_service_cannot_look_at_is_refused(split: Split) -> None:
    """
    A Service moves connections and reads nothing in them.
    """
    for objects in (services(labels("primary")), pods(9, 1)):
        with pytest.raises(Unsupported, match="mesh or a gateway"):
            CODEC.write(objects, TARGET, split)


def test_a_share_of_a_selector_is_refused_with_the_way_to_have_one() -> None:
    """
    It would be all or nothing, whatever was ordered.
    """
    with pytest.raises(Unsupported, match="only labels that the pods of both sides have"):
        CODEC.write(services(labels("primary")), TARGET, Split(canary=50))


def test_bounds_and_subsets_are_refused() -> None:
    """
    The document's own limits hold for every router.
    """
    with pytest.raises(InvalidWeight, match="bounds"):
        CODEC.write(pods(9, 1), evolve(TARGET, bounds=Bounds(max=20)), Split(canary=30))
    subsets = Subsets(primary="a", canary="b")
    with pytest.raises(Unsupported, match="subsets"):
        CODEC.write(pods(9, 1), evolve(TARGET, subsets=subsets), Split(canary=30))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"sessionAffinity": "ClientIP"}, "ClientIP"),
        ({"trafficDistribution": "PreferClose"}, "trafficDistribution PreferClose"),
        ({"clusterIP": "None"}, "headless"),
        ({"internalTrafficPolicy": "Local"}, "policy Local"),
        ({"publishNotReadyAddresses": True}, "before they are ready"),
    ],
)
def test_what_bends_the_share_is_a_warning(spec: dict[str, Any], words: str) -> None:
    """
    The write is done as ordered; what users get may be something else.
    """
    objects = services(labels("primary"), **spec)
    (warning,) = CODEC.read(objects, TARGET).warnings

    assert words in warning
    assert warning.startswith("Note: Service shop/web")
    assert () == CODEC.read(services(labels("primary")), TARGET).warnings


@pytest.mark.parametrize("gone", ["web", "web-canary", "Deployment web-canary"])
def test_a_reset_succeeds_whatever_of_the_canary_is_gone(gone: str) -> None:
    """
    M-126: the way home does not depend on what it leaves.
    """
    objects = [
        one
        for one in pods(6, 4)
        if gone not in (one["metadata"]["name"], f"{one['kind']} {one['metadata']['name']}")
        or (one["kind"] == "Deployment" and " " not in gone)
    ]
    after = carried_out(objects, CODEC.reset(objects, TARGET))
    left = {one["metadata"]["name"]: one for one in after if one["kind"] == "Deployment"}

    assert (10 if gone == "web-canary" else 6) == left["web-primary"]["spec"]["replicas"]
    assert () == CODEC.reset(after, TARGET)


def test_the_two_ways_are_told_by_what_they_write() -> None:
    """
    A run marks the objects that it moves, and only those.
    """
    switched = CODEC.steered(services(labels("primary")), TARGET)
    shared = CODEC.steered(pods(9, 1), TARGET)

    assert ["Service shop/web"] == [str(one) for one in switched]
    assert ["Deployment shop/web-primary", "Deployment shop/web-canary"] == [
        str(one) for one in shared
    ]
