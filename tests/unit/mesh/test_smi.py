"""TrafficSplits: weights in every form that stands there, and nothing that a split cannot say."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.mesh.linkerd_objects import traffic_split
from tests.unit.mesh.manifests import TARGET, carried_out, endpoints, owner

from progressive._mesh.smi.codec import SmiCodec
from progressive._mesh.smi.quantity import weight_of
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Match, Split, Sticky, Target, TextMatch
from progressive.errors import (
    ForeignController,
    InvalidRequest,
    InvalidWeight,
    NotOwned,
    PreflightFailed,
    RouteNotFound,
    Unsupported,
)

CODEC = SmiCodec()


def pair(canary: Any, primary: Any, **more: Any) -> dict[str, Any]:
    return traffic_split(("web-canary", canary), ("web-primary", primary), **more)


@pytest.mark.parametrize(
    ("stored", "wanted"),
    [
        ("900m", Fraction(9, 10)),
        ("1", 1),
        ("0.5", Fraction(1, 2)),
        ("5e-1", Fraction(1, 2)),
        ("2E", 2 * 10**18),
        ("2Ki", 2048),
        (".5k", 500),
        ("-1", -1),
        (0.1, Fraction(1, 10)),
        (20.0, 20),
    ],
)
def test_a_weight_is_read_as_kubernetes_reads_a_quantity(stored: object, wanted: object) -> None:
    """
    'm' is a thousandth: read as its digits, 500m against 1 would be nearly everything.
    """
    assert wanted == weight_of(stored)


@pytest.mark.parametrize(
    "stored",
    ["", "m", "1 ", "1mm", "0x10", "1e999", "١", "1" * 99, None, True, [], {}, float("nan")],
)
def test_what_is_no_quantity_is_refused(stored: object) -> None:
    """
    A guess would move traffic; and a long exponent would only take time.
    """
    with pytest.raises(InvalidRequest, match="neither a number nor a quantity"):
        weight_of(stored)


@given(st.integers(0, 10**6), st.sampled_from(["", "m", "k", "Ki"]), st.integers(0, 1000))
def test_a_share_in_any_unit_is_the_same_share(part: int, unit: str, rest: int) -> None:
    """
    Proportions count: the unit of both must cancel out.
    """
    if part + rest == 0:
        return
    found = CODEC.read([pair(f"{part}{unit}", f"{rest}{unit}")], TARGET, total=part + rest)

    assert (part, part + rest) == (found.canary, found.total)


@pytest.mark.parametrize("version", ["v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4"])
def test_both_weights_are_written_as_numbers_in_the_version_of_the_object(version: str) -> None:
    """
    From v1alpha2 on the schema takes numbers alone; v1alpha1 takes them too.
    """
    before = pair("100m", "900m", version=version)
    (patch,) = CODEC.write([before], TARGET, Split(canary=333, total=1000))
    (after,) = carried_out([before], [patch])

    assert f"split.smi-spec.io/{version}" == patch.ref.api_version
    assert pair(333, 667, version=version) == after
    assert {"op": "test", "path": "/spec/backends/0/service", "value": "web-canary"} in patch.patch


def test_a_share_that_stands_in_quantities_is_not_written_again() -> None:
    """
    A write that changes nothing still runs webhooks and shows up in audits.
    """
    assert () == CODEC.write([pair("250m", "0.75")], TARGET, Split(canary=25))


def test_a_third_backend_keeps_its_number_and_one_in_parts_is_refused() -> None:
    """
    The primary pays for it; a fraction beside whole weights would change its share.
    """
    third = ("web-audit", 10)
    before = traffic_split(("web-canary", 0), ("web-primary", 90), third)
    (after,) = carried_out([before], CODEC.write([before], TARGET, Split(canary=20)))
    parts = traffic_split(("web-canary", 0), ("web-primary", "900m"), ("web-audit", "100m"))

    assert [20, 70, 10] == [one["weight"] for one in after["spec"]["backends"]]
    with pytest.raises(InvalidWeight, match="whole weights"):
        CODEC.write([parts], TARGET, Split(canary=20))


@pytest.mark.parametrize(
    "split",
    [
        Split(canary=0, mirror=10),
        Split(canary=100, match=[Match(headers={"x": TextMatch(exact="1")})]),
        Split(canary=10, sticky=Sticky(cookie="web")),
    ],
)
def test_what_a_split_cannot_say_is_refused(split: Split) -> None:
    """
    Flagger ignores the match, and all users are on the canary.
    """
    with pytest.raises(Unsupported):
        CODEC.write([pair(0, 100)], TARGET, split)


def test_a_backend_without_a_weight_means_nothing() -> None:
    """
    The schema requires one; what is missing is no zero.
    """
    before = pair(0, 100)
    del before["spec"]["backends"][0]["weight"]

    with pytest.raises(InvalidRequest, match="backend web-canary has no weight"):
        CODEC.read([before], TARGET)
    (after,) = carried_out([before], CODEC.write([before], TARGET, Split(canary=20)))
    assert pair(20, 80) == after


def test_a_split_of_another_controller_needs_leave() -> None:
    """
    It would write its own weights back; the owner stays even then.
    """
    theirs = {**owner("example.com/v1", "App", "checkout"), "controller": True}
    before = pair(0, 100, ownerReferences=[theirs])
    (after,) = carried_out(
        [before], SmiCodec(adopt=True).write([before], TARGET, Split(canary=20))
    )

    with pytest.raises(NotOwned, match="belongs to App checkout"):
        CODEC.write([before], TARGET, Split(canary=20))
    assert [theirs] == after["metadata"]["ownerReferences"]
    assert 20 == CODEC.read([after], TARGET).canary


def test_owners_that_are_no_controllers_and_the_release_itself_are_fine() -> None:
    """
    What a release made carries its owner, and Flagger's Canary is its controller.
    """
    canary = {**owner("flagger.app/v1beta1", "Canary", "web"), "controller": True}
    named = Target(
        namespace="shop",
        service="web",
        primary="web-primary",
        canary="web-canary",
        owner_names=("web",),
    )
    workload = {**owner("apps/v1", "Deployment", "web"), "controller": False}

    assert CODEC.write([pair(0, 100, ownerReferences=[canary])], named, Split(canary=1))
    assert CODEC.write([pair(0, 100, ownerReferences=[workload])], TARGET, Split(canary=1))
    for adopt in (False, True):
        with pytest.raises(ForeignController, match="Canary web"):
            SmiCodec(adopt=adopt).write(
                [pair(0, 100, ownerReferences=[canary])], TARGET, Split(canary=1)
            )


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"clusterIP": "None"}, "is headless"),
        ({"type": "ExternalName", "externalName": "x.example.com"}, "ExternalName"),
    ],
)
def test_an_apex_without_a_cluster_address_is_not_split(spec: dict[str, Any], words: str) -> None:
    """
    Adaptors do not follow such a split; the way home does not ask.
    """
    apex = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": spec,
    }
    before = [pair(50, 50), apex]

    with pytest.raises(PreflightFailed, match=words):
        CODEC.write(before, TARGET, Split(canary=60))
    assert CODEC.write(before, TARGET, Split(canary=0))
    assert CODEC.reset(before, TARGET)


def test_a_canary_without_ready_endpoints_gets_nothing() -> None:
    """
    Its share would be lost, or go to the primary without a word.
    """
    with pytest.raises(PreflightFailed, match="no ready endpoint"):
        CODEC.write([pair(0, 100), endpoints("web-canary", False)], TARGET, Split(canary=1))


def test_every_answer_says_that_the_interface_is_retired() -> None:
    """
    Nobody fixes it any more: whoever uses it should know the way out.
    """
    (words,) = CODEC.read([pair(0, 100)], TARGET).warnings

    assert words.startswith("Deprecated: TrafficSplit shop/web")
    assert "gateway-api" in words


def test_a_managed_release_starts_with_everything_on_the_primary() -> None:
    """
    As Flagger makes it, so that either can go on with what the other made.
    """
    made = CODEC.make(TARGET, ServiceSpec(name="web", port=80, metadata={"apex": {}}))

    assert {
        "service": "web",
        "backends": [
            {"service": "web-canary", "weight": 0},
            {"service": "web-primary", "weight": 100},
        ],
    } == made["spec"]
    assert () == CODEC.write([made], TARGET, Split(canary=0))
    with pytest.raises(Unsupported, match="headless"):
        CODEC.make(TARGET, ServiceSpec(name="web", port=80, headless=True))


def test_only_a_split_of_the_same_apex_is_a_rival() -> None:
    """
    Adaptors follow the one written last.
    """
    made = CODEC.make(TARGET, ServiceSpec(name="web", port=80))
    other = traffic_split(("cart", 1), name="theirs")
    elsewhere = traffic_split(("cart", 1), name="cart")
    elsewhere["spec"]["service"] = "cart"

    assert "TrafficSplit shop/theirs" == str(CODEC.rival([elsewhere, other], made, TARGET))
    assert CODEC.rival([elsewhere, made], made, TARGET) is None


def test_a_split_that_only_shares_the_apex_is_spare() -> None:
    """
    Without it the service serves all of its pods; a third backend would lose its users.
    """
    assert CODEC.is_spare(pair(0, 100), TARGET)
    assert not CODEC.is_spare(traffic_split(("web-primary", 9), ("audit", 1)), TARGET)


def test_a_split_of_another_namespace_is_about_other_services() -> None:
    """
    Names in a split are those of its own namespace.
    """
    before = pair(0, 100)
    before["metadata"]["namespace"] = "edge"

    with pytest.raises(RouteNotFound):
        CODEC.read([before], TARGET)
