"""Who else writes a routing object: other controllers, GitOps, and the last writer of weights.

Floor 3, pure. Asked by every codec before it plans a write. Another progressive-delivery
controller is refused, for both would move the same traffic; GitOps is a warning with the
setting that keeps it from taking the weights back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from progressive._mesh.access import inner, mapping, sequence
from progressive._mesh.codec import Manifest, namespace_of, ref_of
from progressive._model.traffic import Target
from progressive.errors import ForeignController, NotOwned

OWN_MANAGER = "progressive"
"""The field manager of this project's writes."""

_RIVALS = {
    "flagger": "Flagger",
    "rollouts-controller": "Argo Rollouts",
}
"""Field managers of other progressive-delivery controllers."""

_ROLLOUTS_MARK = "argo-rollouts.argoproj.io/managed-by-rollouts"

_FLUX_SSA = "kustomize.toolkit.fluxcd.io/ssa"
_FLUX_RECONCILE = "kustomize.toolkit.fluxcd.io/reconcile"
_HELM_DRIFT = "helm.toolkit.fluxcd.io/driftDetection"

_ARGO_CD = (
    "Argo CD writes {ref} and may take the weights back; let its Application ignore them: "
    "ignoreDifferences: [{{group: {group}, kind: {kind}, jqPathExpressions: "
    "[{paths}]}}] with syncOptions: [RespectIgnoreDifferences=true]"
)
_FLUX = (
    "Flux (kustomize-controller) writes {ref} and may take the weights back; annotate the object "
    f'{_FLUX_SSA}: "IfNotPresent" (or {_FLUX_RECONCILE}: "disabled")'
)
_HELM = (
    "Flux (helm-controller) writes {ref} and may take the weights back; annotate the object "
    f'{_HELM_DRIFT}: "disabled"'
)


def refuse_foreign(manifest: Manifest, target: Target) -> None:
    """
    Do nothing when no other controller moves this object's traffic.

    An object owned by the very Canary of the release (`Target.owner_names`) is taken over,
    Flagger's own traces on it included.

    Raises:
        ForeignController: Flagger, Argo Rollouts or a foreign Canary or Rollout has it.
    """
    ref = ref_of(manifest, target)
    if taken_from := foreign(manifest, target):
        raise ForeignController(
            f"{ref} is moved by another controller ({taken_from}); two controllers would fight "
            "over the traffic: remove its Canary or Rollout first, or give this release a "
            "route of its own"
        )


def refuse_owned(manifest: Manifest, target: Target) -> None:
    """
    Do nothing when an object that a release makes where it is missing is nobody else's.

    What a release made has an owner that is no controller; the release's own Canary may be one.

    Raises:
        NotOwned: Another controller owns it, and would write it back.
    """
    for owner in _owners(manifest):
        if owner.get("controller") is not True or _is_canary_of(owner, manifest, target):
            continue
        raise NotOwned(
            f"{ref_of(manifest, target)} belongs to {owner.get('kind')} {owner.get('name')}, its "
            "controller; let that one give it up, or let the router adopt it (adopt=True)"
        )


def foreign(manifest: Manifest, target: Target) -> str | None:
    """What shows that another controller moves this object's traffic, in words; None: nothing."""
    meta = mapping(manifest.get("metadata"))
    ours = False
    for owner in _owners(manifest):
        kind, name = owner.get("kind"), owner.get("name")
        if _is_canary_of(owner, manifest, target):
            ours = True
        elif _is_canary(owner):
            return f"owned by Canary {name}"
        elif kind == "Rollout":
            return f"owned by Rollout {name}"
    notes = mapping(meta.get("annotations"))
    if _ROLLOUTS_MARK in notes:
        return f"annotation {_ROLLOUTS_MARK}: {notes[_ROLLOUTS_MARK]}"
    for entry in managers(manifest):
        manager = str(entry.get("manager", ""))
        if manager in _RIVALS and not (ours and manager == "flagger"):
            return f"{_RIVALS[manager]}, field manager {manager}"
    return None


def written_by_us(manifest: Manifest) -> bool:
    """Whether this project wrote the object before: then something of ours may stand there."""
    return any(entry.get("manager") == OWN_MANAGER for entry in managers(manifest))


def gitops_warnings(manifest: Manifest, target: Target, *, weights: str) -> tuple[str, ...]:
    """
    What GitOps controllers may do to the weights, and the setting that keeps them from it.

    Args:
        weights: The weights as a jq path, such as ``.spec.http[].route[].weight``.

    Returns:
        ``Type: text`` lines; empty where the setting is there already.
    """
    notes = mapping(inner(manifest, "metadata", "annotations"))
    group = str(manifest.get("apiVersion", "")).rpartition("/")[0]
    ref = ref_of(manifest, target)
    found = []
    names = {str(entry.get("manager", "")) for entry in managers(manifest)}
    if names & {"argocd-controller", "argocd-application-controller"}:
        words = _ARGO_CD.format(ref=ref, group=group, kind=ref.kind, paths=json.dumps(weights))
        found.append(f"GitOps: {words}")
    calm = notes.get(_FLUX_SSA) == "IfNotPresent" or notes.get(_FLUX_RECONCILE) == "disabled"
    if "kustomize-controller" in names and not calm:
        found.append(f"GitOps: {_FLUX.format(ref=ref)}")
    if "helm-controller" in names and notes.get(_HELM_DRIFT) != "disabled":
        found.append(f"GitOps: {_HELM.format(ref=ref)}")
    return tuple(found)


def last_writer(manifest: Manifest, *fields: str) -> str | None:
    """
    The field manager of the last write to a field; None where the API does not tell.

    Args:
        fields: The way to the field, such as ``("spec", "http")``.
    """
    newest: tuple[str, str] | None = None
    for entry in managers(manifest):
        if not entry.get("manager") or not _covers(entry, fields):
            continue
        # times of one format compare as texts; of two in the same second the later entry counts
        when = (str(entry.get("time", "")), str(entry["manager"]))
        if newest is None or when[0] >= newest[0]:
            newest = when
    return None if newest is None else newest[1]


def writers(manifest: Manifest) -> str:
    """All field managers with their last times, in words; empty where the API does not tell."""
    return ", ".join(
        f"{entry.get('manager')} ({entry.get('operation', 'Update')} at {entry.get('time', '?')})"
        for entry in managers(manifest)
        if entry.get("subresource") != "status"
    )


def managers(manifest: Manifest) -> Iterator[Mapping[str, Any]]:
    """The entries of managedFields."""
    yield from map(mapping, sequence(inner(manifest, "metadata", "managedFields")))


def _owners(manifest: Manifest) -> Iterator[Mapping[str, Any]]:
    yield from map(mapping, sequence(inner(manifest, "metadata", "ownerReferences")))


def _is_canary(owner: Mapping[str, Any]) -> bool:
    group = str(owner.get("apiVersion", "")).partition("/")[0]
    return owner.get("kind") == "Canary" and group == "flagger.app"


def _is_canary_of(owner: Mapping[str, Any], manifest: Manifest, target: Target) -> bool:
    # an owner is of the namespace of what it owns
    here = namespace_of(manifest, target) == target.namespace
    return here and _is_canary(owner) and owner.get("name") in target.owner_names


def _covers(entry: Mapping[str, Any], fields: tuple[str, ...]) -> bool:
    owned = entry.get("fieldsV1")
    for name in fields:
        if not owned:
            # an entry that owns a whole (or does not say what) owns every part of it
            return owned is None or name != fields[0]
        if f"f:{name}" not in mapping(owned):
            return False
        owned = owned[f"f:{name}"]
    return True
