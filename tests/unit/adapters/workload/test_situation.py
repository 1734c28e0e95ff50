"""How a managed Deployment stands, and what is refused."""

from __future__ import annotations

import pytest
from tests.unit.adapters.workload.world import (
    OURS,
    SHOP,
    V1,
    V2,
    Document,
    canary,
    primary,
    promoted,
    service,
    target,
    world,
)
from tests.unit.kube.manifests import deployment

from progressive._adapters.workload import DeploymentWorkload
from progressive._kube.workload.revision import revision
from progressive._model.events import Situation
from progressive.errors import ClusterError, ErrorKind, ForeignController


def refusal(workload: DeploymentWorkload) -> ClusterError:
    with pytest.raises(ClusterError) as caught:
        workload.situation(SHOP)
    return caught.value


def test_before_the_first_deploy_nothing_is_promoted() -> None:
    """No primary, or one without the mark: the first deploy goes on (L2)."""
    assert Situation(revision=revision(V1), images=["web=web:1"]) == (
        world(target())[1].situation(SHOP)
    )
    assert Situation(revision=revision(V1), images=["web=web:1"]) == (
        world(target(), primary(labels=OURS))[1].situation(SHOP)
    )


def test_a_new_template_is_seen_beside_what_was_promoted() -> None:
    """That difference is what starts a release (L3)."""
    cluster, workload = world(target(V2), promoted(V1))

    found = workload.situation(SHOP)

    assert (revision(V2), revision(V1)) == (found.revision, found.promoted)
    assert ("web=web:2",) == found.images, "what a person calls that revision"
    assert [] == cluster.log


def test_a_target_that_does_not_exist_is_named() -> None:
    """A typo in the document."""
    error = refusal(world()[1])

    assert (ErrorKind.NOT_FOUND, "Deployment shop/web does not exist") == (error.kind, str(error))


def test_a_target_without_a_known_label_is_refused() -> None:
    """Before anything is made (L1)."""
    error = refusal(world(target(select={"tier": "x"}))[1])

    assert ErrorKind.INVALID is error.kind
    assert "must hold one of the labels app, name, app.kubernetes.io/name" in str(error)


@pytest.mark.parametrize(
    ("api_version", "kind", "reference"),
    [
        ("autoscaling/v2", "HorizontalPodAutoscaler", {"kind": "Deployment", "name": "web"}),
        ("keda.sh/v1alpha1", "ScaledObject", {"name": "web"}),
    ],
)
def test_an_autoscaler_of_the_target_is_refused(
    api_version: str, kind: str, reference: Document
) -> None:
    """It would scale up what a release scaled to zero."""
    scaler = {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": "scaler", "namespace": "shop"},
        "spec": {"scaleTargetRef": reference},
    }

    error = refusal(world(target(), scaler)[1])

    assert ErrorKind.INVALID is error.kind
    assert str(error).startswith(f"{kind} shop/scaler scales Deployment shop/web: ")


def test_a_running_flagger_is_refused() -> None:
    """Two drivers of one traffic (L21)."""
    workload = world(target(), canary(suspend=False))[1]

    with pytest.raises(ForeignController, match="Canary shop/web drives Deployment shop/web"):
        workload.situation(SHOP)
    with pytest.raises(ForeignController):
        workload.prepare(SHOP)


def test_clusters_without_flagger_and_keda_are_fine() -> None:
    """A person without rights cannot tell a kind that is absent from one that is forbidden."""
    cluster, workload = world(target(), served={"flagger.app": (), "keda.sh": ()})
    assert workload.situation(SHOP).promoted is None

    cluster, workload = world(target())
    cluster.deny("list", "canaries")
    cluster.deny("list", "scaledobjects")
    assert workload.situation(SHOP).promoted is None

    cluster.deny("list", "horizontalpodautoscalers")
    assert ErrorKind.FORBIDDEN is refusal(workload).kind


FLAGGERS = [{"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "web", "uid": "u"}]


@pytest.mark.parametrize(
    "others",
    [
        (primary(V1),),
        (primary(V2, labels=OURS),),
        (primary(V2, ownerReferences=FLAGGERS),),
        (primary(V2), service("web", "web-primary")),
    ],
    ids=["runs the target's template", "ours", "flagger's", "serves the apex"],
)
def test_a_primary_that_may_serve_is_taken_over(others: tuple[Document, ...]) -> None:
    """Nothing is made again, and nobody is switched to something older than they have."""
    cluster, workload = world(target(V1), canary(suspend=True), *others)

    assert workload.situation(SHOP).promoted is None
    workload.prepare(SHOP)

    assert "web-primary" not in [
        one.body["metadata"]["name"]
        for one in cluster.log
        if one.verb == "create" and one.body["kind"] == "Deployment"
    ]


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ((primary(V2),), "runs another template than Deployment shop/web, and serves nobody"),
        ((primary(V2), service("web", "web")), "serves nobody"),
        ((deployment(name="web-primary", select={"app": "x"}),), "selects other pods"),
    ],
)
def test_a_deployment_that_only_has_the_primarys_name_is_refused(
    others: tuple[Document, ...], words: str
) -> None:
    """Users would be sent to whatever it is."""
    cluster, workload = world(target(V1), *others)

    error = refusal(workload)

    assert ErrorKind.INVALID is error.kind
    assert words in str(error)
    with pytest.raises(ClusterError):
        workload.prepare(SHOP)
    assert [] == cluster.log
