"""A plain Service over the pods of both sides: shares made of replicas."""

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
)

from progressive._mesh.kubernetes.codec import KubernetesCodec
from progressive._model.traffic import Pods, Split
from progressive.errors import (
    AmbiguousRoute,
    ErrorKind,
    ForeignController,
    InvalidRequest,
    InvalidWeight,
    PreflightFailed,
)

CODEC = KubernetesCodec()


def replicas(objects: Any) -> tuple[int, int]:
    found = [by_name(objects, "Deployment", name) for name in ("web-primary", "web-canary")]
    primary, canary = (one["spec"]["replicas"] for one in found)
    return primary, canary


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
