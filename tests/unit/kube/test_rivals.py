"""Who else moves a Deployment."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.kube.manifests import deployment

from progressive._kube.rivals import driving, is_suspended, scaling

WEB = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}


@pytest.mark.parametrize(
    "reference",
    [WEB, {**WEB, "apiVersion": "apps/v1beta2"}, {"name": "web"}, {"name": "web", "kind": None}],
)
def test_a_reference_to_the_target_is_recognised(reference: dict[str, Any]) -> None:
    """KEDA's default kind is Deployment, and the version of a reference says nothing."""
    one = {"metadata": {"name": "scaler"}, "spec": {"scaleTargetRef": reference}}

    assert one == scaling([{"spec": {}}, {}, one], deployment())


@pytest.mark.parametrize(
    "reference",
    [
        {**WEB, "name": "web-primary"},
        {**WEB, "kind": "StatefulSet"},
        {**WEB, "apiVersion": "argoproj.io/v1alpha1"},
        "web",
        None,
    ],
)
def test_a_reference_to_something_else_is_not(reference: Any) -> None:
    """An autoscaler of the primary does not stand in the way."""
    assert scaling([{"spec": {"scaleTargetRef": reference}}], deployment()) is None


def test_canaries_of_the_target_are_found_with_their_state() -> None:
    """A suspended one owns what is made; another one is refused."""
    listed: list[dict[str, Any]] = [
        {"metadata": {"name": "a"}, "spec": {"targetRef": WEB, "suspend": True}},
        {"metadata": {"name": "b"}, "spec": {"targetRef": {**WEB, "name": "other"}}},
        {"metadata": {"name": "c"}, "spec": {"targetRef": WEB}},
    ]

    found = driving(listed, deployment())

    assert [("a", True), ("c", False)] == [
        (one["metadata"]["name"], is_suspended(one)) for one in found
    ]
