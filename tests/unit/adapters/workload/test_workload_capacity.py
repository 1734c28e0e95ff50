"""The autoscalers of a primary during a release (L25), in a cluster in memory."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from tests.unit.adapters.workload.world import (
    PRIMARY,
    SHOP,
    V1,
    V2,
    WEB,
    Document,
    promoted,
    put,
    target,
    world,
    written,
)
from tests.unit.kube.manifests import hpa, keda

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._adapters.workload import DeploymentWorkload
from progressive._kube.workload.capacity import MIN_REPLICAS
from progressive._kube.workload.revision import revision
from progressive.errors import ClusterError, ErrorKind

HPA = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers/web"
KEDA = "/apis/keda.sh/v1alpha1/namespaces/shop/scaledobjects/web"


def started(*autoscalers: Document, replicas: int = 6) -> tuple[MemoryCluster, DeploymentWorkload]:
    """A release whose canary is coming up."""
    cluster, workload = world(
        target(V2, replicas=0), promoted(V1, replicas=replicas), *autoscalers
    )
    workload.situation(SHOP)
    workload.scale(SHOP, up=True)
    return cluster, workload


def changed(cluster: MemoryCluster, path: str, **spec: Any) -> None:
    """A person edits an autoscaler."""
    one = cluster.get(path)
    cluster.put({**one, "spec": {**one["spec"], **spec}})


@pytest.mark.parametrize(
    ("one", "path", "key", "before"),
    [(hpa(minReplicas=2), HPA, "minReplicas", 2), (keda(), KEDA, "minReplicaCount", None)],
)
def test_the_primary_keeps_its_replicas_until_the_run_is_over(
    one: Document, path: str, key: str, before: int | None
) -> None:
    """Its users need them when they all come back to it."""
    cluster, workload = started(one)
    meanwhile = cluster.get(path)["spec"].get(key)
    workload.promote(SHOP, revision(V2))
    workload.give_back(SHOP)
    log = list(cluster.log)
    workload.give_back(SHOP)

    assert (6, before) == (meanwhile, cluster.get(path)["spec"].get(key))
    assert not cluster.get(path)["metadata"].get("annotations")
    assert log == cluster.log


def test_promotion_writes_no_replicas() -> None:
    """They are the autoscaler's, which may have added some since the start."""
    cluster, workload = started(hpa(minReplicas=2))
    cluster.put({**cluster.get(PRIMARY), "spec": {**cluster.get(PRIMARY)["spec"], "replicas": 9}})

    workload.promote(SHOP, revision(V2))

    assert 9 == cluster.get(PRIMARY)["spec"]["replicas"]
    (patch,) = [one.body for one in cluster.log if one.path == PRIMARY]
    assert "/spec/replicas" not in [one["path"] for one in patch]


def test_without_an_autoscaler_of_the_primary_nothing_is_asked_or_written() -> None:
    """Requests are counted; one of somebody else's is no reason for any."""
    other = hpa(minReplicas=1)
    other["spec"]["scaleTargetRef"] = {"kind": "Deployment", "name": "other"}
    counts = []
    for autoscalers in ((), (other,), (hpa(minReplicas=6),)):
        cluster, workload = started(*autoscalers)
        workload.promote(SHOP, revision(V2))
        workload.give_back(SHOP)
        counts.append(len(cluster.calls))
        assert "horizontalpodautoscalers/web" not in str(cluster.calls)

    assert 1 == len(set(counts))


def test_the_canary_comes_up_with_no_less_than_the_autoscalers_minimum() -> None:
    """The primary was just made smaller by hand, and will grow again (L3)."""
    cluster, _ = started(hpa(minReplicas=3), replicas=1)

    assert 3 == cluster.get(WEB)["spec"]["replicas"]


def test_a_status_that_was_written_in_between_does_not_stop_it() -> None:
    """The autoscaler's controller writes every few seconds; the patch tests the version."""
    cluster, workload = world(target(V2, replicas=0), promoted(V1, replicas=6), hpa(minReplicas=2))
    workload.situation(SHOP)
    cluster.put({**cluster.get(HPA), "status": {"currentReplicas": 6, "desiredReplicas": 6}})

    workload.scale(SHOP, up=True)
    cluster.on(
        lambda: put(cluster, {**cluster.get(HPA), "status": {"currentReplicas": 7}}),
        verb="patch",
        path="horizontalpodautoscalers",
    )
    workload.give_back(SHOP)

    assert 2 == cluster.get(HPA)["spec"]["minReplicas"]
    sent = [one.body[0]["path"] for one in cluster.log if one.path == HPA]
    assert ["/metadata/resourceVersion"] * 2 == sent


def test_a_driver_that_died_is_followed_by_one_that_gives_back_what_was_there_first() -> None:
    """Between raise and save, or between the end and the giving back."""
    cluster, _ = started(hpa(minReplicas=2))
    second = DeploymentWorkload(cluster, started()[1].managed)
    second.situation(SHOP)
    second.scale(SHOP, up=True)
    second.give_back(SHOP)

    assert 2 == cluster.get(HPA)["spec"]["minReplicas"]


def test_a_run_that_has_nothing_to_do_gives_back_what_a_dead_one_left() -> None:
    """The next start sees the note, whatever that run comes to."""
    cluster, _ = started(hpa(minReplicas=2))
    second = DeploymentWorkload(cluster, started()[1].managed)
    second.situation(SHOP)
    second.give_back(SHOP)
    third = DeploymentWorkload(cluster, started()[1].managed)
    third.give_back(SHOP)

    assert 2 == cluster.get(HPA)["spec"]["minReplicas"]
    assert 1 == len([one for one in cluster.log if one.path == HPA][1:])


def test_a_raise_whose_answer_is_lost_is_given_back() -> None:
    """It may be stored all the same."""
    cluster, workload = world(target(V2, replicas=0), promoted(V1, replicas=6), hpa(minReplicas=2))
    workload.situation(SHOP)
    lost = ClusterError("no answer", ErrorKind.UNAVAILABLE)
    cluster.fail(lost, verb="patch", path="horizontalpodautoscalers", after=True)
    with pytest.raises(ClusterError, match="HorizontalPodAutoscaler shop/web cannot be raised"):
        workload.scale(SHOP, up=True)

    workload.give_back(SHOP)

    assert 2 == cluster.get(HPA)["spec"]["minReplicas"]
    assert 0 == cluster.get(WEB)["spec"]["replicas"], "the canary waits for it"


def test_one_autoscaler_that_cannot_be_given_back_does_not_keep_the_other() -> None:
    """And the error says which one, and that it is worth another try."""
    cluster, workload = started(hpa(minReplicas=2), keda(minReplicaCount=1))
    cluster.fail(
        ClusterError("no answer", ErrorKind.UNAVAILABLE),
        verb="patch",
        path="horizontalpodautoscalers",
    )
    with pytest.raises(ClusterError, match="HorizontalPodAutoscaler shop/web") as caught:
        workload.give_back(SHOP)

    assert caught.value.transient
    assert (6, 1) == (
        cluster.get(HPA)["spec"]["minReplicas"],
        cluster.get(KEDA)["spec"]["minReplicaCount"],
    )
    workload.give_back(SHOP)
    assert 2 == cluster.get(HPA)["spec"]["minReplicas"]


def test_an_autoscaler_that_somebody_deletes_is_no_obstacle() -> None:
    """Before it is raised, and before it is given back."""
    cluster, workload = started(hpa(minReplicas=2))
    cluster.discard(HPA)
    workload.give_back(SHOP)

    cluster, workload = world(target(V2, replicas=0), promoted(V1, replicas=6), hpa(minReplicas=2))
    workload.situation(SHOP)
    cluster.discard(HPA)
    workload.scale(SHOP, up=True)
    workload.give_back(SHOP)

    assert [("patch", "/deployments/web")] == [
        one for one in written(cluster) if "controllerrevisions" not in one[1]
    ]


def test_a_missing_right_is_said_before_the_canary_comes_up() -> None:
    """Without it a release could halve the service, and nobody would know."""
    cluster, workload = world(target(V2, replicas=0), promoted(V1, replicas=6), hpa(minReplicas=2))
    workload.situation(SHOP)
    cluster.deny("patch", "horizontalpodautoscalers")

    with pytest.raises(ClusterError, match="the minimum of HorizontalPodAutoscaler") as caught:
        workload.scale(SHOP, up=True)

    assert ErrorKind.FORBIDDEN is caught.value.kind
    assert 0 == cluster.get(WEB)["spec"]["replicas"]


def test_a_repair_keeps_the_primary_as_large_as_the_canary_that_serves() -> None:
    """Alone for hours, its autoscaler made it small; all users come back to it at once (L11)."""
    cluster, workload = world(target(V2, replicas=6), promoted(V1, replicas=1), hpa(minReplicas=1))
    workload.situation(SHOP)

    workload.promote(SHOP, revision(V2))
    meanwhile = cluster.get(HPA)["spec"]["minReplicas"]
    workload.give_back(SHOP)

    assert (6, 1) == (meanwhile, cluster.get(HPA)["spec"]["minReplicas"])


def test_a_primary_that_keda_scales_in_secret_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """Its HorizontalPodAutoscaler is KEDA's, which would write over what we write."""
    kept = hpa(minReplicas=1)
    owner = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "web", "uid": "u"}
    kept["metadata"]["ownerReferences"] = [owner]
    cluster, workload = world(target(V2, replicas=0), promoted(V1, replicas=6), kept)
    cluster.deny("list", "scaledobjects")
    with caplog.at_level(logging.WARNING, logger="progressive"):
        workload.situation(SHOP)
    workload.scale(SHOP, up=True)

    assert 1 == cluster.get(HPA)["spec"]["minReplicas"]
    (said,) = [one.getMessage() for one in caplog.records]
    assert "shop/web belongs to ScaledObject web, which cannot be read" in said


def test_a_spoilt_note_is_said_when_it_is_removed(caplog: pytest.LogCaptureFixture) -> None:
    """Somebody has to look at what the minimum should be."""
    spoilt = hpa(minReplicas=6)
    spoilt["metadata"]["annotations"] = {MIN_REPLICAS: "two"}
    cluster, workload = world(target(V2), promoted(V1), spoilt)
    workload.situation(SHOP)
    with caplog.at_level(logging.WARNING, logger="progressive"):
        workload.give_back(SHOP)

    assert "HorizontalPodAutoscaler shop/web" in caplog.text
    assert not cluster.get(HPA)["metadata"].get("annotations")
