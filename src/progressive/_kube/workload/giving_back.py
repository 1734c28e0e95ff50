"""Derives how a target gets its services back when it is not released any more.

Floor 3, pure; the inverse of `services.py`. The adapter reads and writes.
"""

from __future__ import annotations

import json
from typing import Any

from progressive._kube.marks import SELECTOR_BEFORE, Manifest, annotation, metadata
from progressive._kube.workload.primary import Selector
from progressive._kube.workload.revision import same

Operation = dict[str, Any]

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def selector_before(apex: Manifest, selector: Selector) -> dict[str, str]:
    """
    What an apex service selected before it was pointed at the primary.

    As it was kept beside it; else as it was last applied by kubectl; else the target's own pods.
    """
    notes = metadata(apex).get("annotations") or {}
    kept = _mapping(notes.get(SELECTOR_BEFORE))
    applied = (_mapping(notes.get(_LAST_APPLIED)).get("spec") or {}).get("selector")
    for one in (kept, applied):
        if isinstance(one, dict) and one and not same(one, selector.of_primary):
            return {str(key): str(value) for key, value in one.items()}
    return selector.of_target


def pointed_back(apex: Manifest, selector: Selector) -> list[Operation]:
    """
    What points an apex service back, and frees it of a Canary; empty: it is so already.

    A selector that somebody has changed meanwhile is his, and stays.
    """
    changes: list[Operation] = []
    if same(apex["spec"].get("selector"), selector.of_primary):
        changes += _selecting(apex, selector_before(apex, selector))
    if annotation(apex, SELECTOR_BEFORE) is not None:
        notes = {k: v for k, v in metadata(apex)["annotations"].items() if k != SELECTOR_BEFORE}
        changes.append({"op": "add", "path": "/metadata/annotations", "value": notes})
    return _guarded(apex, [*changes, *freed(apex)])


def side_at_target(service: Manifest, selector: Selector) -> list[Operation]:
    """
    What lets the primary's service serve the target's pods; empty: it does.

    So a route that names both sides sends everybody to the target, whatever its weights.
    """
    changes: list[Operation] = []
    if same(service["spec"].get("selector"), selector.of_primary):
        changes += _selecting(service, selector.of_target)
    return _guarded(service, [*changes, *freed(service)])


def freed(manifest: Manifest) -> list[Operation]:
    """What takes the references to Canaries away: what stays must not go with one of them."""
    owners = metadata(manifest).get("ownerReferences") or ()
    kept = [one for one in owners if not _is_canary(one)]
    if len(kept) == len(owners):
        return []
    return [{"op": "add", "path": "/metadata/ownerReferences", "value": kept}]


def _is_canary(owner: Manifest) -> bool:
    group = str(owner.get("apiVersion", "")).partition("/")[0]
    return (owner.get("kind"), group) == ("Canary", "flagger.app")


def _selecting(service: Manifest, wanted: dict[str, str]) -> list[Operation]:
    before = service["spec"].get("selector")
    return [
        {"op": "test", "path": "/spec/selector", "value": before},
        {"op": "replace", "path": "/spec/selector", "value": wanted},
    ]


def _guarded(manifest: Manifest, changes: list[Operation]) -> list[Operation]:
    if not changes:
        return []
    version = metadata(manifest)["resourceVersion"]
    return [{"op": "test", "path": "/metadata/resourceVersion", "value": version}, *changes]


def _mapping(text: str | None) -> dict[str, Any]:
    try:
        told = json.loads(text or "")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
