"""How objects that a release makes are told from others.

Floor 3, pure. Read by every module beside it, and by the workload adapters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Manifest = Mapping[str, Any]
"""An object of the Kubernetes API, as its decoded JSON."""

MANAGED_BY = "app.kubernetes.io/managed-by"
"""Label of everything that a release makes; its value is `MANAGER`."""
MANAGER = "progressive"

REVISION = "progressive.dev/revision"
"""Annotation of a primary: the promoted revision; without it the first deploy is not complete."""
MADE_FROM = "progressive.dev/made-from"
"""Annotation of a primary whose first deploy is under way: the revision it was made from."""
SELECTOR_BEFORE = "progressive.dev/selector-before"
"""Annotation of a user's apex service: its selector, as JSON, before it was pointed away."""
DRIVER = "progressive.dev/driver"
"""Annotation of a route object in a run, and of a target: ``<run>/<epoch>`` of its driver."""

_FLAGGER = "flagger.app/"


def metadata(manifest: Manifest) -> Mapping[str, Any]:
    """The metadata; empty where there is none."""
    return manifest.get("metadata") or {}


def annotation(manifest: Manifest, key: str) -> str | None:
    """The value of one annotation; None where it is absent or empty."""
    return (metadata(manifest).get("annotations") or {}).get(key) or None


def is_ours(manifest: Manifest) -> bool:
    """Whether a release made this object."""
    return (metadata(manifest).get("labels") or {}).get(MANAGED_BY) == MANAGER


def is_flaggers(manifest: Manifest) -> bool:
    """Whether Flagger made this object: it is owned by a Canary."""
    return any(
        owner.get("kind") == "Canary" and str(owner.get("apiVersion", "")).startswith(_FLAGGER)
        for owner in metadata(manifest).get("ownerReferences") or ()
    )


def owner_reference(owner: Manifest) -> dict[str, Any]:
    """
    The reference by which an object dies with `owner`.

    Neither a controller (a controller of `owner`'s kind would look after the object) nor blocking
    (that would ask for the right to write the owner's finalizers).
    """
    meta = metadata(owner)
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": meta["name"],
        "uid": meta.get("uid", ""),
        "controller": False,
        "blockOwnerDeletion": False,
    }


def named(kind: str, manifest: Manifest) -> str:
    """``Deployment shop/web``, as messages say it."""
    meta = metadata(manifest)
    return f"{kind} {meta.get('namespace', 'default')}/{meta.get('name', '?')}"
