"""Derives the primary of a Deployment, and recognises one.

Floor 3, pure: the target as it is stored goes in, the primary's manifest comes out, so that a
preview shows the very objects that a run makes. Selectors of services are in `services.py`.

The primary differs from its target in one label alone: the *selector label*, whose value V becomes
``V-primary``. So both are told apart by every selector that names this label, and no pod of the
one is ever counted to the other.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from progressive._kube.marks import (
    MADE_FROM,
    MANAGED_BY,
    MANAGER,
    Manifest,
    annotation,
    metadata,
    named,
)
from progressive._kube.workload.revision import revision, revision_of, same
from progressive.errors import SpecError

SELECTOR_LABELS = ("app", "name", "app.kubernetes.io/name")
"""Which labels can tell the sides apart; the first that the selector holds does (Flagger's)."""

ROLLOUT_SETTINGS = (
    "progressDeadlineSeconds",
    "minReadySeconds",
    "revisionHistoryLimit",
    "strategy",
)
"""What a primary takes from its target beside the template."""

_SUFFIX = "-primary"
_LONGEST_LABEL = 63
_FLAGGER_ID = "flagger-id"
_GITOPS = "toolkit.fluxcd.io"
_OTHERS = (
    _GITOPS,
    "kubectl.kubernetes.io/",
    "deployment.kubernetes.io/",
    "argocd.argoproj.io/",
    "meta.helm.sh/",
    "progressive.dev/",
)
"""Annotations by which programs know objects of their own; on a copy they would be a lie."""


@frozen(kw_only=True)
class Selector:
    """
    How the pods of the two sides are told apart.

    Attributes:
        label: One of `SELECTOR_LABELS`.
        value: Of the target's pods; the primary's have `primary`.
    """

    label: str
    value: str

    @property
    def primary(self) -> str:
        """The value on the primary's pods."""
        return f"{self.value}{_SUFFIX}"

    @property
    def of_target(self) -> dict[str, str]:
        """What selects the target's pods, which are the canary."""
        return {self.label: self.value}

    @property
    def of_primary(self) -> dict[str, str]:
        """What selects the primary's pods."""
        return {self.label: self.primary}


def selector_of(target: Manifest) -> Selector:
    """
    How a target's pods are told from its primary's.

    Raises:
        SpecError: The selector holds none of `SELECTOR_LABELS`, the template contradicts it, or
            the value is too long for the primary's.
    """
    labels: Mapping[str, str] = target["spec"]["selector"].get("matchLabels") or {}
    label = next((one for one in SELECTOR_LABELS if labels.get(one)), None)
    if label is None:
        held = ", ".join(sorted(labels)) or "no label"
        raise SpecError(
            "spec.targetRef",
            f"the selector of {named('Deployment', target)} must hold one of the labels "
            f"{', '.join(SELECTOR_LABELS)}; it holds {held}",
        )
    selector = Selector(label=label, value=labels[label])
    if len(selector.primary) > _LONGEST_LABEL:
        raise SpecError(
            "spec.targetRef",
            f"the label {label} of {named('Deployment', target)} is too long: "
            f"{selector.primary!r} would have more than {_LONGEST_LABEL} characters",
        )
    return selector


def selector_of_primary(primary: Manifest) -> Selector | None:
    """The same, read from a primary; None when it does not select as a primary does."""
    labels = primary["spec"]["selector"].get("matchLabels") or {}
    for label in SELECTOR_LABELS:
        value = labels.get(label, "")
        if value.endswith(_SUFFIX) and value != _SUFFIX:
            return Selector(label=label, value=value.removesuffix(_SUFFIX))
    return None


def selects_as_ours(primary: Manifest, selector: Selector) -> bool:
    """Whether an existing Deployment selects exactly what a primary that is made would."""
    return same(primary["spec"]["selector"], {"matchLabels": selector.of_primary})


def primary_template(template: Mapping[str, Any], selector: Selector) -> dict[str, Any]:
    """
    The pod template of the primary.

    Constraints that look for the target's own pods (topology spread, anti-affinity) look for the
    primary's; `podAffinity` stays as it is, as with Flagger.
    """
    made = _relabelled(template, selector.label, selector.value, selector.primary)
    meta = made.setdefault("metadata", {})
    for part in ("labels", "annotations"):
        if meta.get(part):
            meta[part] = {k: v for k, v in meta[part].items() if _GITOPS not in k}
    meta.setdefault("labels", {})[selector.label] = selector.primary
    return made


def primary_deployment(
    target: Manifest, *, name: str, selector: Selector, owner: Mapping[str, Any] | None
) -> dict[str, Any]:
    """
    The primary of a target, complete, for a first deploy.

    Args:
        name: Name of the primary.
        owner: With whom it goes; None: with nobody.
    """
    spec, meta = target["spec"], metadata(target)
    annotations = {
        key: value
        for key, value in (meta.get("annotations") or {}).items()
        if not any(mark in key for mark in _OTHERS)
    }
    made: dict[str, Any] = {
        "name": name,
        "namespace": meta.get("namespace", "default"),
        "labels": {MANAGED_BY: MANAGER, **selector.of_primary},
        "annotations": {**annotations, MADE_FROM: revision_of(target)},
    }
    if owner is not None:
        made["ownerReferences"] = [dict(owner)]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": made,
        "spec": {
            "replicas": spec.get("replicas", 1) or 1,
            "selector": {"matchLabels": selector.of_primary},
            **rollout_settings(target),
            "template": primary_template(spec["template"], selector),
        },
    }


def rollout_settings(target: Manifest) -> dict[str, Any]:
    """What a primary takes from its target beside the template, where it is set."""
    spec = target["spec"]
    return {key: copy.deepcopy(spec[key]) for key in ROLLOUT_SETTINGS if spec.get(key) is not None}


def runs(primary: Manifest, target: Manifest, selector: Selector) -> str:
    """
    The revision that an unmarked primary runs, in terms of the target.

    A primary that a first deploy made says so itself. Of one that somebody else made the template
    is compared, and, where it is not the target's, turned back into what a target would have to
    say; so a target that is set back to it later is recognised.
    """
    if said := annotation(primary, MADE_FROM):
        return said
    template = _without_flagger_id(primary["spec"]["template"])
    if same(template, primary_template(target["spec"]["template"], selector)):
        return revision_of(target)
    return revision(_relabelled(template, selector.label, selector.primary, selector.value))


def runs_the_target(primary: Manifest, target: Manifest, selector: Selector) -> bool:
    """Whether a primary has the target's present template."""
    template = _without_flagger_id(primary["spec"]["template"])
    return same(template, primary_template(target["spec"]["template"], selector))


def _without_flagger_id(template: Mapping[str, Any]) -> dict[str, Any]:
    plain = copy.deepcopy(dict(template))
    ((plain.get("metadata") or {}).get("annotations") or {}).pop(_FLAGGER_ID, None)
    return plain


def _relabelled(template: Mapping[str, Any], label: str, old: str, new: str) -> dict[str, Any]:
    made = copy.deepcopy(dict(template))
    labels = (made.get("metadata") or {}).get("labels") or {}
    if labels.get(label) == old:
        labels[label] = new
    spec = made.get("spec") or {}
    for constraint in spec.get("topologySpreadConstraints") or ():
        _look_for(constraint.get("labelSelector"), label, old, new)
    apart = (spec.get("affinity") or {}).get("podAntiAffinity") or {}
    for term in apart.get("requiredDuringSchedulingIgnoredDuringExecution") or ():
        _look_for(term.get("labelSelector"), label, old, new)
    for weighted in apart.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
        _look_for((weighted.get("podAffinityTerm") or {}).get("labelSelector"), label, old, new)
    return made


def _look_for(selector: dict[str, Any] | None, label: str, old: str, new: str) -> None:
    if not selector:
        return
    labels = selector.get("matchLabels") or {}
    if labels.get(label) == old:
        labels[label] = new
    for expression in selector.get("matchExpressions") or ():
        if expression.get("key") == label and expression.get("values"):
            expression["values"] = [new if one == old else one for one in expression["values"]]
