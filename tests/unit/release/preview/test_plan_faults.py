"""What a plan finds wrong with a target, a cluster or a router, before anything is made."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from tests.unit.documents.classic import classic, read
from tests.unit.release.deployed import DEPLOYMENT, Answer, router
from tests.unit.release.preview.planned import deployment, errors, names, plan_of

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._release.known import router_names
from progressive._release.preview.plan import plan
from progressive.errors import ClusterError, ErrorKind


def test_a_document_that_is_not_valid_asks_nothing_of_the_cluster() -> None:
    """Its faults are told even where the cluster cannot be reached."""
    cluster = MemoryCluster()
    cluster.fail(ClusterError("gone", ErrorKind.UNAVAILABLE), times=None)
    answer = plan(read(classic(suspend=1)), cluster, make_router=router)

    assert ["problems", "valid"] == sorted(answer)
    assert ["spec.suspend"] == [path for path, _ in errors(answer)]


def canary(name: str, **spec: Any) -> Answer:
    found = classic(**spec)
    found["metadata"]["name"] = name
    return found


AUTOSCALER: Answer = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "hpa", "namespace": "shop"},
    "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "my-app"}},
}
STRANGER = {**DEPLOYMENT, "metadata": {"name": "my-app-primary", "namespace": "shop"}}
NAMELESS = deployment(selector={"matchLabels": {"component": "x"}})


@pytest.mark.parametrize(
    ("objects", "path", "words"),
    [
        ((), "spec.targetRef", "does not exist"),
        ((NAMELESS,), "spec.targetRef", "app.kubernetes.io/name"),
        ((DEPLOYMENT, AUTOSCALER), "spec.targetRef", "hpa"),
        ((DEPLOYMENT, canary("again")), "spec.targetRef", "again"),
        ((DEPLOYMENT, STRANGER), "spec.targetRef", "my-app-primary"),
    ],
)
def test_a_target_that_cannot_be_released_is_found(
    objects: tuple[Answer, ...], path: str, words: str
) -> None:
    """Before anything is made (L1)."""
    answer = plan_of(*objects)

    assert not answer["valid"]
    assert [path] == [one for one, _ in errors(answer)]
    assert words in errors(answer)[0][1]


def test_all_faults_of_a_target_are_told() -> None:
    """They share a path, and each needs another repair."""
    answer = plan_of(NAMELESS, AUTOSCALER, canary("again"))

    assert 3 == len(errors(answer))


def test_a_suspended_canary_of_flagger_is_no_rival() -> None:
    """So a team can move over, and back."""
    assert plan_of(DEPLOYMENT, canary("my-app", suspend=True))["valid"]


def test_a_cluster_without_istio_is_refused() -> None:
    """The route could not be written (L1)."""
    cluster = MemoryCluster([DEPLOYMENT], served={"networking.istio.io": ()})
    answer = plan(read(classic()), cluster, make_router=router)

    assert ["spec.provider"] == [path for path, _ in errors(answer)]


def test_a_cluster_that_may_not_be_read_is_told() -> None:
    """The missing right is the fault, and nothing goes away by itself."""
    cluster = MemoryCluster([DEPLOYMENT])
    cluster.deny("get", "deployments")
    answer = plan(read(classic()), cluster, make_router=router)

    assert [("PD501", "spec.targetRef")] == [(p["id"], p["path"]) for p in answer["problems"]]


def test_a_cluster_that_does_not_answer_is_no_fault_of_the_document() -> None:
    """The caller says `unreachable`."""
    cluster = MemoryCluster([DEPLOYMENT])
    cluster.fail(ClusterError("gone", ErrorKind.UNAVAILABLE), times=None)

    with pytest.raises(ClusterError):
        plan(read(classic()), cluster, make_router=router)


def test_cautions_about_the_target_are_warnings() -> None:
    """Such as configuration that both sides share, for it is not released in steps yet."""
    shared = deepcopy(DEPLOYMENT)
    container = shared["spec"]["template"]["spec"]["containers"][0]
    container["envFrom"] = [{"configMapRef": {"name": "settings"}}]
    (told,) = plan_of(shared)["problems"]

    assert ("warning", "spec.targetRef") == (told["severity"], told["path"])
    assert "configmap/settings" in told["message"]


def test_a_router_that_may_act_elsewhere_is_not_rehearsed() -> None:
    """A plan writes nothing, whatever a plugin does with its own load balancer."""
    cluster = MemoryCluster([DEPLOYMENT])
    answer = plan(read(classic(provider="envoy"), routers=router_names()), cluster)

    assert answer["valid"]
    assert ("Deployment", "my-app-primary") in names(answer)
    assert ["spec.provider"] == [one["path"] for one in answer["problems"]]
    assert "not shown" in answer["problems"][0]["message"]


def test_a_router_without_its_plugin_is_refused() -> None:
    """Read with a name that nobody provides any more."""
    answer = plan(read(classic(), router="gone", routers={"gone"}), MemoryCluster([DEPLOYMENT]))

    assert ["spec.provider"] == [path for path, _ in errors(answer)]
