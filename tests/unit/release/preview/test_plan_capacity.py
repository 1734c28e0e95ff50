"""What a plan says of autoscalers and of Events, through the real adapters on a copy."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.documents.classic import classic, read
from tests.unit.release.deployed import deployed, router
from tests.unit.release.preview.planned import allowed, patched

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._release.preview.plan import plan

REFERENCE = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "my-app-primary"}
HPA: dict[str, Any] = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "my-app", "namespace": "shop"},
    "spec": {"scaleTargetRef": REFERENCE, "minReplicas": 1, "maxReplicas": 10},
}
KEDA: dict[str, Any] = {
    "apiVersion": "keda.sh/v1alpha1",
    "kind": "ScaledObject",
    "metadata": {"name": "my-app", "namespace": "shop"},
    "spec": {"scaleTargetRef": {"name": "my-app-primary"}, "triggers": []},
}


def planned(*autoscalers: dict[str, Any]) -> dict[str, Any]:
    cluster: MemoryCluster = deployed()
    for one in autoscalers:
        cluster.put(one)
    before = cluster.objects()
    answer = plan(read(classic()), cluster, make_router=router)
    assert before == cluster.objects(), "a plan writes nothing"
    return answer


@pytest.mark.parametrize(
    ("one", "resource", "other"),
    [
        (HPA, "horizontalpodautoscalers", "scaledobjects"),
        (KEDA, "scaledobjects", "horizontalpodautoscalers"),
    ],
)
def test_rights_to_write_an_autoscaler_are_asked_for_only_if_the_primary_has_one(
    one: dict[str, Any], resource: str, other: str
) -> None:
    """
    The least rights are those that this very release needs (L25).
    """
    assert {"list"} == allowed(planned(), resource)
    assert {"list", "get", "patch"} == allowed(planned(one), resource)
    assert {"list"} == allowed(planned(one), other)


def test_the_raise_of_a_minimum_is_shown() -> None:
    """
    Whoever owns the autoscaler sees what will be written on it, before it is.
    """
    answer = planned(HPA)
    (patch,) = [
        one["patch"]
        for one in answer["patches"]
        if one["ref"]["name"] == "my-app" and one["ref"]["kind"] == "HorizontalPodAutoscaler"
    ]

    assert ("HorizontalPodAutoscaler", "my-app") in patched(answer)
    assert {"op": "add", "path": "/spec/minReplicas", "value": 3} in patch


def test_the_right_to_tell_is_among_the_rights() -> None:
    """
    Without it a run warns once, and is not told as Kubernetes Events.
    """
    assert {"create"} == allowed(planned(), "events")


def test_a_target_without_news_is_told_the_rights_of_its_next_release() -> None:
    """
    Rights are granted between two releases, when there is nothing to release.
    """
    cluster = deployed(image="registry.example.com/my-app:2")
    answer = plan(read(classic()), cluster, make_router=router)

    assert [] == answer["patches"]
    assert "patch" in allowed(answer, "virtualservices")
