"""Rules with native session persistence: weight 0 does not take users off a backend there.

Floor 3, pure. An established session stays on its backend whatever the weights say (GEP-1619), so
the way home takes the canary out of the rule; what was taken out is kept in an annotation, and
comes back with the canary's next weight, or once the release is given up. Asked by `layout.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import evolve

from progressive._mesh.access import inner, mapping, pointer, text
from progressive._mesh.codec import Operation
from progressive._mesh.rules.destination import Destination
from progressive._mesh.rules.layout import Rule
from progressive._mesh.rules.patch import annotating, unannotating
from progressive._model.traffic import Side, Target

WITHDRAWN = "progressive.dev/withdrawn-"
"""Annotation, the index of the rule after it: the backend that was taken out, and its place."""


def persists(rule: Rule) -> bool:
    """Whether the rule keeps users on a backend by itself."""
    return bool(mapping(rule.body.get("sessionPersistence")))


def withdrawn(rule: Rule) -> Destination | None:
    """The canary that was taken out of the rule; None: it stands there, or never did."""
    if rule.places(Side.CANARY) or not rule.places(Side.PRIMARY) or not persists(rule):
        return None
    kept = _kept(rule)
    if kept is None:
        return None
    place, backend = kept
    body = {**backend, rule.layout.weight_key: 0}
    path = (*rule.path, "backendRefs", min(place, len(rule.destinations)))
    return Destination(path=path, body=body, side=Side.CANARY, identity=())


def with_withdrawn(rule: Rule, target: Target) -> Rule:
    """The rule, with the canary that was taken out as its last destination."""
    missing = withdrawn(rule)
    if missing is None:
        return rule
    if rule.layout.side_of(missing.body, rule.manifest, target) is not Side.CANARY:
        return rule
    return evolve(rule, destinations=(*rule.destinations, missing))


def operations(rule: Rule, canary: int) -> list[Operation]:
    """
    What takes the canary out of the rule, or puts it back, for this weight of it.

    To be done after the other weights of the rule, for it moves indexes.
    """
    place = rule.places(Side.CANARY)[0]
    destination = rule.destinations[place]
    name = f"{WITHDRAWN}{rule.index}"
    if destination.identity:
        if canary > 0:
            return []
        kept = json.dumps(
            {"place": place, "backend": {**destination.body}}, sort_keys=True, default=str
        )
        removal: Operation = {"op": "remove", "path": pointer(destination.path)}
        return [*annotating(rule.manifest, name, kept), removal]
    return returned(rule, canary) if canary else []


def returned(rule: Rule, weight: int | None) -> list[Operation]:
    """
    What puts the canary that was taken out into the rule again, at any weight; None: without one.

    To be done after the other weights of the rule.
    """
    destination = rule.destinations[rule.places(Side.CANARY)[0]]
    body = {**destination.body, rule.layout.weight_key: weight}
    if weight is None:
        del body[rule.layout.weight_key]
    addition: Operation = {"op": "add", "path": pointer(destination.path), "value": body}
    return [addition, *unannotating(rule.manifest, f"{WITHDRAWN}{rule.index}")]


def _kept(rule: Rule) -> tuple[int, Mapping[str, Any]] | None:
    annotations = mapping(inner(rule.manifest, "metadata", "annotations"))
    try:
        told: Any = json.loads(text(annotations.get(f"{WITHDRAWN}{rule.index}")))
    except ValueError:
        return None
    place, backend = mapping(told).get("place"), mapping(mapping(told).get("backend"))
    if not isinstance(place, int) or isinstance(place, bool) or place < 0 or not backend:
        return None
    return place, backend
