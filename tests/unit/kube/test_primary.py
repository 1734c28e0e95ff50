"""What the primary of a Deployment looks like, and how one is recognised."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.kube.manifests import deployment, template

from progressive._kube.workload.primary import (
    SELECTOR_LABELS,
    Selector,
    primary_deployment,
    primary_template,
    runs,
    selector_of,
    selector_of_primary,
    selects_as_ours,
)
from progressive._kube.workload.revision import revision, revision_of
from progressive.errors import SpecError

OWNER = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "uid-web"}
WEB = Selector(label="app", value="web")
LABEL_VALUES = st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)


def made(target: dict[str, Any]) -> dict[str, Any]:
    return primary_deployment(
        target, name="web-primary", selector=selector_of(target), owner=OWNER
    )


@given(label=st.sampled_from(SELECTOR_LABELS), value=LABEL_VALUES, replicas=st.integers(0, 50))
def test_the_primary_differs_in_the_selector_label(label: str, value: str, replicas: int) -> None:
    """The selector comes from the label's value, the name from the Deployment's."""
    pods = template(labels={label: value, "tier": "front"})
    target = deployment(select={label: value}, replicas=replicas, pods=pods)

    primary = made(target)

    assert "web-primary" == primary["metadata"]["name"]
    assert {"matchLabels": {label: f"{value}-primary"}} == primary["spec"]["selector"]
    assert {label: f"{value}-primary", "tier": "front"} == (
        primary["spec"]["template"]["metadata"]["labels"]
    )
    assert (replicas or 1) == primary["spec"]["replicas"]
    assert target["spec"]["template"]["spec"] == primary["spec"]["template"]["spec"]
    assert Selector(label=label, value=value) == selector_of_primary(primary)
    assert selects_as_ours(primary, selector_of(target))


def test_the_first_known_label_tells_the_sides_apart() -> None:
    """Flagger's order; the other labels of the selector are dropped, as with Flagger."""
    select = {"app.kubernetes.io/name": "w", "name": "x", "version": "1"}

    primary = made(deployment(select=select))

    assert {"matchLabels": {"name": "x-primary"}} == primary["spec"]["selector"]
    assert {"app.kubernetes.io/name": "w", "name": "x-primary", "version": "1"} == (
        primary["spec"]["template"]["metadata"]["labels"]
    )


def test_a_selector_without_a_known_label_is_refused_with_the_labels_it_has() -> None:
    """Who reads it must know what to change."""
    with pytest.raises(SpecError) as caught:
        selector_of(deployment(select={"component": "backend"}))

    assert "spec.targetRef" == caught.value.path
    assert (
        "the selector of Deployment shop/web must hold one of the labels app, name, "
        "app.kubernetes.io/name; it holds component" == caught.value.problem
    )


def test_a_label_that_would_get_too_long_is_refused() -> None:
    """Label values end at 63 characters; the API server would refuse the primary later."""
    assert "w" * 55 == selector_of(deployment(select={"app": "w" * 55})).value
    with pytest.raises(SpecError, match="63 characters"):
        selector_of(deployment(select={"app": "w" * 56}))


def test_settings_of_the_rollout_are_copied_and_others_are_not() -> None:
    """A paused target must not pause its primary."""
    settings: dict[str, Any] = {
        "progressDeadlineSeconds": 61,
        "minReadySeconds": 2,
        "revisionHistoryLimit": 0,
        "strategy": {"type": "Recreate"},
    }

    spec = made(deployment(**settings, paused=True))["spec"]

    assert settings == {key: spec[key] for key in settings}
    assert {*settings, "replicas", "selector", "template"} == set(spec)


def test_marks_of_other_programs_are_not_copied() -> None:
    """A copy with Flux's or Argo CD's marks would be pruned as something they lost."""
    foreign = {
        "toolkit.fluxcd.io/reconcile": "x",
        "kustomize.toolkit.fluxcd.io/name": "x",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        "deployment.kubernetes.io/revision": "7",
        "argocd.argoproj.io/tracking-id": "x",
        "meta.helm.sh/release-name": "x",
        "progressive.dev/revision": "x",
    }
    pods = template(labels={"app": "web", "kustomize.toolkit.fluxcd.io/name": "x"})
    pods["metadata"]["annotations"] = {"toolkit.fluxcd.io/x": "1", "kept": "1"}
    target = deployment(pods=pods, meta={"annotations": {**foreign, "owner": "team-a"}})

    primary = made(target)

    assert {"owner": "team-a", "progressive.dev/made-from": revision_of(target)} == (
        primary["metadata"]["annotations"]
    )
    assert {"labels": {"app": "web-primary"}, "annotations": {"kept": "1"}} == (
        primary["spec"]["template"]["metadata"]
    )


def test_the_primary_says_who_made_it_and_goes_with_its_owner() -> None:
    """The owner decides how long it lives."""
    meta = made(deployment())["metadata"]

    assert {"app.kubernetes.io/managed-by": "progressive", "app": "web-primary"} == meta["labels"]
    assert [OWNER] == meta["ownerReferences"]


def looking_for(value: str) -> dict[str, Any]:
    """Pod constraints that look for pods with app=`value`."""
    term = {
        "topologyKey": "zone",
        "labelSelector": {
            "matchLabels": {"app": value, "tier": "web"},
            "matchExpressions": [
                {"key": "app", "operator": "In", "values": ["db", value]},
                {"key": "tier", "operator": "In", "values": ["web"]},
                {"key": "app", "operator": "Exists"},
            ],
        },
    }
    return {
        "topologySpreadConstraints": [{"maxSkew": 1, **copy.deepcopy(term)}],
        "affinity": {
            "podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [copy.deepcopy(term)],
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": 9, "podAffinityTerm": copy.deepcopy(term)}
                ],
            }
        },
    }


def test_pods_of_the_primary_keep_apart_from_each_other() -> None:
    """Unchanged constraints would keep them apart from the canary's pods instead."""
    found = primary_template(template(**looking_for("web")), WEB)["spec"]
    containers = found.pop("containers")

    assert looking_for("web-primary") == found
    assert template()["spec"]["containers"] == containers


def test_constraints_about_other_pods_stay() -> None:
    """Away from the database means away from the database."""
    found = primary_template(template(**looking_for("cache")), WEB)["spec"]
    found.pop("containers")

    assert looking_for("cache") == found


def test_deriving_changes_nothing_of_what_it_is_given() -> None:
    """The same manifest is hashed afterwards."""
    target = deployment(pods=template(**looking_for("web")))
    before = copy.deepcopy(target)

    made(target)

    assert before == target


def test_a_first_deploy_says_itself_which_revision_it_runs() -> None:
    """The target may have moved, and what was left out of the copy cannot be read from it."""
    pods = template(labels={"app": "web", "kustomize.toolkit.fluxcd.io/name": "x"})
    before, after = deployment(pods=pods), deployment(pods=template(image="web:2"))
    primary = made(before)

    assert revision_of(before) == runs(primary, after, WEB)


def foreign(pods: dict[str, Any]) -> dict[str, Any]:
    """A primary as Flagger makes it."""
    primary_pods = primary_template(pods, WEB)
    primary_pods["metadata"]["annotations"] = {
        **primary_pods["metadata"].get("annotations", {}),
        "flagger-id": "8e8a7b4e",
    }
    return deployment(name="web-primary", select={"app": "web-primary"}, pods=primary_pods)


def test_a_primary_of_flagger_with_the_targets_template_runs_the_targets_revision() -> None:
    """So taking over from Flagger starts no release of what is promoted already."""
    pods = template(labels={"app": "web", "kustomize.toolkit.fluxcd.io/name": "x"})
    target = deployment(pods=pods)

    assert revision_of(target) == runs(foreign(pods), target, WEB)


def test_a_primary_of_flagger_with_an_older_template_runs_that() -> None:
    """The target's new version is then analysed, and going back to the old one is a revert."""
    old = template(image="registry.example.com/web:1", **looking_for("web"))
    target = deployment(pods=template(image="registry.example.com/web:2"))

    assert revision(old) == runs(foreign(old), target, WEB)


@pytest.mark.parametrize(
    "labels", [{"app": "web"}, {"app": "-primary"}, {"tier": "x-primary"}, {}]
)
def test_what_does_not_select_as_a_primary_is_none(labels: dict[str, str]) -> None:
    """Promotion derives the labels from the primary; from another Deployment it must not."""
    target = deployment()
    target["spec"]["selector"] = {"matchLabels": labels}

    assert selector_of_primary(target) is None


def test_a_narrower_selector_is_not_the_one_that_is_made() -> None:
    """Its pods would not be those that the services select."""
    narrow = deployment(select={"app": "web-primary", "zone": "a"})

    assert not selects_as_ours(narrow, WEB)
