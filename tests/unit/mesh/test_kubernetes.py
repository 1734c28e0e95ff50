"""A selector that is switched, and replicas that make a share."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.mesh.manifests import endpoints
from tests.unit.mesh.plain import (
    TARGET,
    autoscaler,
    by_name,
    carried_out,
    deployment,
    labels,
    pods,
    service,
    services,
)

from progressive._mesh.kubernetes.codec import KubernetesCodec
from progressive._model.traffic import (
    Bounds,
    Match,
    Pods,
    Split,
    Sticky,
    Subsets,
    TextMatch,
)
from progressive.errors import (
    AmbiguousRoute,
    DestinationNotFound,
    ErrorKind,
    ForeignController,
    InvalidRequest,
    InvalidWeight,
    PreflightFailed,
    RouteNotFound,
    RouterError,
    Unsupported,
)

CODEC = KubernetesCodec()
MATCH = Match(headers={"x-user": TextMatch(exact="qa")})


def replicas(objects: Any) -> tuple[int, int]:
    found = [by_name(objects, "Deployment", name) for name in ("web-primary", "web-canary")]
    primary, canary = (one["spec"]["replicas"] for one in found)
    return primary, canary


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


# replicas


@pytest.mark.parametrize(
    ("before", "weight", "total", "after"),
    [
        ((9, 1), 20, 100, (8, 2)),
        ((9, 1), 12, 100, (9, 1)),
        ((9, 1), 25, 100, (7, 3)),
        ((9, 1), 1, 100, (9, 1)),
        ((9, 1), 99, 100, (1, 9)),
        ((9, 1), 100, 100, (0, 10)),
        ((9, 1), 0, 100, (10, 0)),
        ((0, 10), 50, 100, (5, 5)),
        ((10, 0), 1, 1000, (9, 1)),
        ((1, 1), 90, 100, (1, 1)),
        ((195, 5), 33, 1000, (193, 7)),
    ],
)
def test_replicas_come_nearest_to_the_share_and_keep_their_sum(
    before: tuple[int, int], weight: int, total: int, after: tuple[int, int]
) -> None:
    """
    A side that shall have traffic has a pod, however small its share is.
    """
    objects = pods(*before)
    split = Split(canary=weight, total=total)
    result = carried_out(objects, CODEC.write(objects, TARGET, split))

    assert after == replicas(result)
    assert CODEC.read(result, TARGET, total=total).shows(split)
    assert () == CODEC.write(result, TARGET, split)


def test_the_side_that_grows_is_written_first_with_a_test_of_its_replicas() -> None:
    """
    The other way round users would have fewer pods for a moment.
    """
    up = CODEC.write(pods(9, 1), TARGET, Split(canary=50))
    down = CODEC.write(pods(5, 5), TARGET, Split(canary=10))

    assert ["web-canary", "web-primary"] == [one.ref.name for one in up]
    assert ["web-primary", "web-canary"] == [one.ref.name for one in down]
    assert (
        {"op": "test", "path": "/metadata/resourceVersion", "value": "9"},
        {"op": "test", "path": "/spec/replicas", "value": 1},
        {"op": "add", "path": "/spec/replicas", "value": 5},
    ) == up[0].patch


def test_replicas_that_are_not_written_are_one() -> None:
    """
    The API server's default; a test of an absent key would fail for ever.
    """
    (first, second) = CODEC.write(pods(None, 3), TARGET, Split(canary=50))

    assert 3 == len(second.patch)
    assert (
        {"op": "test", "path": "/metadata/resourceVersion", "value": "9"},
        {"op": "add", "path": "/spec/replicas", "value": 2},
    ) == first.patch


def test_the_share_that_is_reached_is_told_and_the_order_is_recognised() -> None:
    """
    With ten pods 1 percent is 10; saying 1 would be untrue, calling it drift would be as well.
    """
    observed = CODEC.read(pods(9, 1), TARGET)

    assert (10, 100, Pods(canary=1, total=10)) == (
        observed.canary,
        observed.total,
        observed.pods,
    )
    assert observed.shows(Split(canary=1))
    assert observed.shows(Split(canary=14))
    assert not observed.shows(Split(canary=15))
    assert not observed.shows(Split(canary=0))


def test_a_share_that_is_no_whole_percent_is_told_in_pods() -> None:
    """
    A third is no number of hundredths.
    """
    observed = CODEC.read(pods(2, 1), TARGET)

    assert (1, 3) == (observed.canary, observed.total)
    assert observed.shows(Split(canary=33))


def test_ready_endpoints_are_what_users_get() -> None:
    """
    Pods that are asked for serve nobody yet; the order stands all the same.
    """
    slices = [endpoints("web-primary", *[True] * 8), endpoints("web-canary", True, False)]
    observed = CODEC.read([*pods(8, 2), *slices], TARGET, total=9)

    assert (1, 9) == (observed.canary, observed.total)
    assert observed.shows(Split(canary=20))
    assert not observed.shows(Split(canary=10))


def test_an_endpoint_counts_once() -> None:
    """
    Two families of addresses, or two slices for two ports, are still one pod.
    """

    def slice_of(name: str, family: str, *addresses: str) -> dict[str, Any]:
        one = endpoints(name)
        ends = [{"addresses": [address], "conditions": {}} for address in addresses]
        one["metadata"]["name"] += family + addresses[0]
        return {**one, "addressType": family, "endpoints": ends}

    slices = [
        slice_of("web-primary", "IPv4", "10.0.0.1", "10.0.0.2", "10.0.0.3"),
        slice_of("web-primary", "IPv6", "fd::1", "fd::2", "fd::3"),
        slice_of("web-canary", "IPv4", "10.0.1.1"),
        slice_of("web-canary", "IPv4", "10.0.1.1"),
    ]

    assert 25 == CODEC.read([*pods(3, 1), *slices], TARGET).canary


def test_nobody_ready_is_an_error_that_may_pass() -> None:
    """
    A share of nothing is no share; the pods may come back.
    """
    slices = [endpoints("web-primary", False), endpoints("web-canary")]
    with pytest.raises(PreflightFailed, match="nobody is served") as refusal:
        CODEC.read([*pods(1, 1), *slices], TARGET)
    with pytest.raises(InvalidRequest, match="0 replicas"):
        CODEC.read(pods(0, 0), TARGET)

    assert ErrorKind.UNAVAILABLE is refusal.value.kind


@pytest.mark.parametrize(("before", "weight"), [((1, 0), 50), ((0, 0), 10), ((0, 0), 100)])
def test_too_few_pods_to_share_are_refused(before: tuple[int, int], weight: int) -> None:
    """
    One pod cannot be two sides, and the sum is the user's.
    """
    with pytest.raises(PreflightFailed, match="scale web-primary up"):
        CODEC.write(pods(*before), TARGET, Split(canary=weight))

    assert () == CODEC.write(pods(0, 0), TARGET, Split(canary=0))


@pytest.mark.parametrize("kind", ["HorizontalPodAutoscaler", "ScaledObject"])
@pytest.mark.parametrize("name", ["web-primary", "web-canary"])
def test_an_autoscaler_is_refused_before_the_canary_grows(kind: str, name: str) -> None:
    """
    It would undo the share at its next look; the way home must not wait for it.
    """
    objects = [*pods(9, 1), autoscaler(name, kind)]
    with pytest.raises(PreflightFailed, match=f"{kind} shop/{name}-scaler"):
        CODEC.write(objects, TARGET, Split(canary=20))
    home = carried_out(objects, CODEC.write(objects, TARGET, Split(canary=0)))

    assert () == CODEC.write(objects, TARGET, Split(canary=10))
    assert (9 if name == "web-primary" else 10, 0) == replicas(home)


def test_the_autoscaler_of_another_is_nobody_s_business() -> None:
    """
    Only the two Deployments are written.
    """
    other = autoscaler("billing")
    foreign = autoscaler("web-primary")
    foreign["spec"]["scaleTargetRef"]["kind"] = "StatefulSet"

    assert 2 == len(CODEC.write([*pods(9, 1), other, foreign], TARGET, Split(canary=20)))


def test_a_side_with_pods_of_which_none_is_ready_does_not_grow() -> None:
    """
    More of what does not start helps nobody; a side without pods gets its first ones.
    """
    broken = [endpoints("web-primary", True), endpoints("web-canary", False)]
    with pytest.raises(PreflightFailed, match="not scaled to 2"):
        CODEC.write([*pods(9, 1), *broken], TARGET, Split(canary=20))
    empty = [endpoints("web-primary", True), endpoints("web-canary")]

    assert 2 == len(CODEC.write([*pods(10, 0), *empty], TARGET, Split(canary=20)))
    with pytest.raises(PreflightFailed, match="in steps"):
        CODEC.write([*pods(10, 0), *empty], TARGET, Split(canary=100))


def test_pods_of_others_behind_the_apex_keep_their_part() -> None:
    """
    R4: what third destinations hold is neither side's.
    """
    objects = [*pods(6, 0), deployment("web-legacy", 4, labels("legacy"))]
    after = carried_out(objects, CODEC.write(objects, TARGET, Split(canary=20)))

    assert (4, 2) == replicas(after)
    assert 4 == by_name(after, "Deployment", "web-legacy")["spec"]["replicas"]
    assert 20 == CODEC.read(after, TARGET).canary
    with pytest.raises(InvalidWeight, match="belong to neither side"):
        CODEC.write(objects, TARGET, Split(canary=60))


def test_the_deployment_of_a_side_is_found_by_its_pods_and_then_by_its_name() -> None:
    """
    Names are habits; what the Service selects is what gets traffic.
    """
    target = evolve(TARGET, canary_workload="web")
    old = deployment("web-old", 0, labels("canary"))
    objects = [*pods(9, 1)[:-1], deployment("web", 1, labels("canary"))]
    (first, _) = CODEC.write(objects, TARGET, Split(canary=20))
    (named, _) = CODEC.write([*objects, old], target, Split(canary=20))

    assert "web" == first.ref.name == named.ref.name
    with pytest.raises(AmbiguousRoute, match="web, web-old"):
        CODEC.write([*objects, old], TARGET, Split(canary=20))


def test_one_deployment_for_both_sides_is_refused() -> None:
    """
    Whatever its replicas are, its pods are the same.
    """
    objects = [
        service("web", {"app": "web"}),
        service("web-primary", {"app": "web", "a": "1"}),
        service("web-canary", {"app": "web", "b": "1"}),
        deployment("web", 4, {"app": "web", "a": "1", "b": "1"}),
    ]
    with pytest.raises(AmbiguousRoute, match="Deployment of its own"):
        CODEC.read(objects, TARGET)


def test_another_controller_is_refused_and_read() -> None:
    """
    Two controllers would fight over the replicas.
    """
    objects = pods(9, 1)
    objects[3]["metadata"]["managedFields"] = [{"manager": "rollouts-controller"}]
    with pytest.raises(ForeignController, match="Argo Rollouts"):
        CODEC.write(objects, TARGET, Split(canary=20))
    with pytest.raises(ForeignController, match="Argo Rollouts"):
        CODEC.reset(objects, TARGET)
    (warning,) = CODEC.read(objects, TARGET).warnings

    assert warning.startswith("ForeignController: Deployment shop/web-primary")


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


@given(
    st.integers(0, 40),
    st.integers(0, 40),
    st.integers(0, 5),
    st.integers(1, 2000),
    st.data(),
)
def test_a_write_of_replicas_is_near_and_is_not_repeated(
    primary: int, canary: int, third: int, total: int, data: st.DataObject
) -> None:
    """
    Never further than one pod away, unless a side must keep one; the sum stays.
    """
    split = Split(canary=data.draw(st.integers(0, total)), total=total)
    objects = [*pods(primary, canary), deployment("web-legacy", third, labels("legacy"))]
    try:
        after = carried_out(objects, CODEC.write(objects, TARGET, split))
    except (PreflightFailed, InvalidWeight):
        assert split.canary > 0
        return
    had, got = replicas(after)
    whole = primary + canary + third
    asked = split.canary / split.total

    assert primary + canary == had + got
    assert (split.canary > 0) == (got > 0) or whole == 0
    assert split.canary == split.total or had > 0 or primary + canary == 0
    assert () == CODEC.write(after, TARGET, split)
    if whole and split.canary and had:
        near = abs(got / whole - asked) * whole <= 0.5 + 1e-9
        assert near or got == 1 or had == 1
    if whole:
        assert CODEC.read(after, TARGET).shows(split)


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
