"""How an object that a release made goes on without the two sides, and takes them up again.

Floor 3, pure. A codec whose meshes know the apex as a service of its own inherits `HandsBack`;
asked by `_adapters/mesh/returning.py`, when a release is given up.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from progressive._mesh.access import pointer
from progressive._mesh.codec import (
    Manifest,
    ObjectPatch,
    Operation,
    ref_of,
    version_test,
)
from progressive._mesh.rules import managed
from progressive._mesh.rules.codec import RuleCodec
from progressive._mesh.rules.layout import Rule
from progressive._model.traffic import Side, Target
from progressive.errors import InvalidRequest


class HandsBack(RuleCodec):
    """A `RuleCodec` that can send what a release made to the apex."""

    def names_sides(self, manifest: Manifest, target: Target) -> bool:
        """Whether any rule sends, or could send, traffic to one of the sides."""
        return any(
            rule.held or rule.layout.mirrored(rule, target)
            for rule in self.finder.rules_of(manifest, target)
        )

    def is_spare(self, manifest: Manifest, target: Target) -> bool:
        """Whether the mesh serves the apex just so without the object."""
        return False

    def sent_to_apex(self, manifest: Manifest, target: Target, *, port: int) -> ObjectPatch:
        """
        The patch after which every rule of the release names the apex alone.

        Third destinations, and everything else of a rule, stay as they are.
        """
        changes: list[Operation] = []
        standing: list[Rule] = []
        for rule in self.finder.rules_of(manifest, target):
            if rule.managed:
                standing.append(rule)
                continue
            # first, for its indexes are those of the list as it stands
            if rule.layout.mirrored(rule, target):
                changes += rule.layout.mirror_operations(rule, target, None)
            if rule.held:
                path = pointer(_list_of(rule))
                joined = [*_joined(rule, target, port), *rule.layout.beside(rule, target)]
                changes.append({"op": "replace", "path": path, "value": joined})
        changes += managed.removals(standing)
        changes += managed.listing(manifest, ())
        patch = (*version_test(manifest), *changes)
        return ObjectPatch(ref=ref_of(manifest, target), patch=patch)

    def split_again(self, manifest: Manifest, target: Target, *, port: int) -> ObjectPatch | None:
        """The inverse, all traffic on the primary; None: nothing names the apex."""
        changes: list[Operation] = []
        for rule in self.finder.rules_of(manifest, target):
            entries = _parted(rule, target, port)
            if len(entries) != len(rule.destinations):
                path = pointer(_list_of(rule))
                entries += rule.layout.beside(rule, target)
                changes.append({"op": "replace", "path": path, "value": entries})
        if not changes:
            return None
        patch = (*version_test(manifest), *changes)
        return ObjectPatch(ref=ref_of(manifest, target), patch=patch)


def _list_of(rule: Rule) -> tuple[str | int, ...]:
    return rule.destinations[0].path[:-1]


def _parted(rule: Rule, target: Target, port: int) -> list[dict[str, Any]]:
    """The destinations of a rule, the apex as its two sides."""
    layout, key = rule.layout, rule.layout.weight_key
    entries: list[dict[str, Any]] = []
    for one in rule.destinations:
        body = deepcopy(dict(one.body))
        if not layout.is_service(one.body, target.service, rule.manifest, target):
            entries.append(body)
            continue
        for side, weight in ((Side.PRIMARY, body.get(key, 100)), (Side.CANARY, 0)):
            named = layout.naming(deepcopy(body), target.on(side), port)
            entries.append({**named, key: weight})
    return entries


def _joined(rule: Rule, target: Target, port: int) -> list[dict[str, Any]]:
    """The destinations of a rule, both sides as one."""
    layout, key = rule.layout, rule.layout.weight_key
    sides = [*rule.places(Side.PRIMARY), *rule.places(Side.CANARY)]
    joined: list[dict[str, Any]] = []
    for place, one in enumerate(rule.destinations):
        if place == sides[0]:
            entry = layout.naming(deepcopy(dict(one.body)), target.service, port)
            if len(sides) < len(rule.destinations):
                entry[key] = _sum([rule.destinations[at].body.get(key) for at in sides])
            else:
                entry.pop(key, None)
            joined.append(entry)
        elif place not in sides:
            joined.append(deepcopy(dict(one.body)))
    return joined


def _sum(weights: Sequence[Any]) -> int:
    if all(one is None or isinstance(one, int) for one in weights):
        return sum(one or 0 for one in weights)
    raise InvalidRequest(f"weights {list(weights)} are no whole numbers")
