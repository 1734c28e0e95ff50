"""Decides what a revision is: a hash of the pod template that only a change of it can change.

Floor 3, pure. Used by the workload adapters; `primary.py` says which template a primary gets.

The algorithm, fixed for ever (a change of it would start a release of every target):

1. take ``spec.template`` as the API server stores it (its defaults filled in);
2. drop every key whose value is null, an empty text, an empty list or an empty mapping, from the
   inside outwards; elements of lists stay, whatever they are;
3. write it as JSON with sorted keys, no spaces, everything outside ASCII as ``\\uXXXX``;
4. SHA-256 of those bytes; the first 16 hexadecimal digits are the revision.

Step 2 is there because versions of Kubernetes and of its clients differ in which empty fields they
write (``creationTimestamp: null`` went in 1.34). Zero, false and everything else count: an
annotation by ``kubectl rollout restart`` is a new revision, as it is for Kubernetes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from progressive._kube.marks import MANAGED_BY, MANAGER, Manifest, metadata

LENGTH = 16
"""Hexadecimal digits of a revision: 64 bits, against the 32 by which Flagger's collide."""

KEPT = 3
"""Stored templates of one target: the analysed one, the one before, and one overtaken."""

_LONGEST_NAME = 253


def canonical(value: Any) -> str:
    """The text that is hashed: steps 2 and 3."""
    return json.dumps(_without_empties(value), sort_keys=True, separators=(",", ":"))


def revision(template: Mapping[str, Any]) -> str:
    """The revision of a pod template: 16 hexadecimal digits."""
    return hashlib.sha256(canonical(template).encode("ascii")).hexdigest()[:LENGTH]


def revision_of(deployment: Manifest) -> str:
    """The revision of what a workload's template says now."""
    return revision(deployment["spec"]["template"])


def same(one: Any, other: Any) -> bool:
    """Whether two values differ in nothing but empty fields."""
    return canonical(one) == canonical(other)


def stored_name(target: str, of: str) -> str:
    """Name of the ControllerRevision that keeps the template of revision `of`."""
    return f"{target[: _LONGEST_NAME - LENGTH - 1]}-{of}"


def stored_revision(
    target: Manifest, *, data: Mapping[str, Any], number: int, owner: Mapping[str, Any]
) -> dict[str, Any]:
    """
    The ControllerRevision that keeps the target's template.

    Args:
        data: What is kept: ``template``, and the settings of a rollout beside it.
        number: Grows by one with each that is stored.
        owner: Reference to the primary, with which the stored templates go.
    """
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": stored_name(metadata(target)["name"], revision(data["template"])),
            "namespace": metadata(target).get("namespace", "default"),
            "labels": {MANAGED_BY: MANAGER},
            "ownerReferences": [dict(owner)],
        },
        "data": dict(data),
        "revision": number,
    }


def stored_for(listed: Iterable[Manifest], primary: Manifest) -> list[Manifest]:
    """The stored templates that belong to this primary, newest first."""
    uid, name = metadata(primary).get("uid"), metadata(primary)["name"]
    mine = [
        one
        for one in listed
        if any(
            (owner.get("kind"), owner.get("name"), owner.get("uid")) == ("Deployment", name, uid)
            for owner in metadata(one).get("ownerReferences") or ()
        )
    ]
    return sorted(mine, key=lambda one: int(one.get("revision", 0)), reverse=True)


def template_of(stored: Manifest, of: str) -> Mapping[str, Any] | None:
    """What a ControllerRevision keeps; None when that is not the template of revision `of`."""
    data = stored.get("data") or {}
    template = data.get("template")
    if not isinstance(template, Mapping) or revision(template) != of:
        return None
    return dict(data)


def _without_empties(value: Any) -> Any:
    if isinstance(value, Mapping):
        cleaned = {str(key): _without_empties(inner) for key, inner in value.items()}
        return {key: inner for key, inner in cleaned.items() if not _is_empty(inner)}
    if isinstance(value, list | tuple):
        return [_without_empties(inner) for inner in value]
    return value


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | list | dict) and not value)
