"""Whoever else writes a VirtualService: other controllers, and GitOps."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.mesh.manifests import CODEC, TARGET, both, carried_out, owner, route, written

from progressive._model.traffic import Split, Target
from progressive.errors import ForeignController


@pytest.mark.parametrize(
    "meta",
    [
        {"managedFields": [{"manager": "flagger"}]},
        {"managedFields": [{"manager": "rollouts-controller"}]},
        {"annotations": {"argo-rollouts.argoproj.io/managed-by-rollouts": "web"}},
        {"annotations": {"argo-rollouts.argoproj.io/managed-by-rollouts": ""}},
        {
            "ownerReferences": [
                {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "w"}
            ]
        },
        {
            "ownerReferences": [
                {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "x"}
            ]
        },
    ],
)
def test_another_controllers_object_is_read_and_not_written(meta: dict[str, Any]) -> None:
    """
    Two controllers that move the same weights fight, and users see both.
    """
    theirs = route(both(80, 20), **meta)

    assert 20 == CODEC.read([theirs], TARGET).canary
    with pytest.raises(ForeignController, match="shop/web"):
        CODEC.write([theirs], TARGET, Split(canary=30))
    with pytest.raises(ForeignController):
        CODEC.reset([theirs], TARGET)


def test_the_object_of_the_very_canary_is_taken_over() -> None:
    """
    Flagger's documents load unchanged, and so do the objects that Flagger made for them. An owner
    is of the namespace of its object, so one of that name elsewhere is another Canary.
    """
    very = owner("flagger.app/v1beta1", "Canary", "web")
    theirs = route(both(), ownerReferences=[very], managedFields=[{"manager": "flagger"}])
    target = Target(
        namespace="shop",
        service="web",
        primary="web-primary",
        canary="web-canary",
        owner_names=["web"],
    )

    assert 30 == CODEC.read(written([theirs], Split(canary=30), target), target).canary

    theirs["metadata"]["namespace"] = "edge"
    for one in theirs["spec"]["http"][0]["route"]:
        one["destination"]["host"] += ".shop.svc.cluster.local"
    with pytest.raises(ForeignController, match="owned by Canary web"):
        CODEC.write([theirs], target, Split(canary=30))


def test_a_rival_that_appears_in_a_run_does_not_keep_the_traffic_away_from_home() -> None:
    """
    What we split, we bring home, whoever else writes by then.
    """
    managers = [{"manager": "progressive"}, {"manager": "flagger"}]
    split = route(both(80, 20), managedFields=managers)

    assert 0 == CODEC.read(carried_out([split], CODEC.reset([split], TARGET)), TARGET).canary


@pytest.mark.parametrize(
    ("manager", "annotation", "word"),
    [
        ("argocd-controller", {}, "ignoreDifferences"),
        ("kustomize-controller", {}, "kustomize.toolkit.fluxcd.io/ssa"),
        ("helm-controller", {}, "helm.toolkit.fluxcd.io/driftDetection"),
        ("helm-controller", {"helm.toolkit.fluxcd.io/driftDetection": "disabled"}, None),
        ("kustomize-controller", {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}, None),
    ],
)
def test_gitops_is_a_warning_with_the_setting_that_helps(
    manager: str, annotation: dict[str, str], word: str | None
) -> None:
    """
    It will take the weights back at its next look, and nobody will know why.
    """
    one = route(both(), managedFields=[{"manager": manager}], annotations=annotation)
    warnings = CODEC.read([one], TARGET).warnings

    assert (word is not None) == bool(warnings)
    assert all((word or "") in one for one in warnings)
