"""What a person's object was before a release moved its weights, and how it becomes that again.

Floor 3, pure. Weights alone are remembered, by rule: a whole spec would undo what people changed
since. Asked by `codec.py` when a route is adopted, and when its release is given up.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from progressive._mesh.access import inner, mapping, sequence, text
from progressive._mesh.codec import Manifest, ObjectPatch, Operation
from progressive._mesh.rules import weights
from progressive._mesh.rules.layout import Rule
from progressive._mesh.rules.patch import annotating, patch_of, unannotating
from progressive._model.traffic import Side, Target
from progressive.errors import InvalidRequest

ORIGINAL = "progressive.dev/original"
"""Annotation of an adopted object: the weights that its rules had, as JSON."""


def remembering(
    manifest: Manifest, rules: Sequence[Rule], target: Target
) -> Sequence[ObjectPatch]:
    """The patch that writes down the weights of steered rules; none where they are known."""
    if ORIGINAL in mapping(inner(manifest, "metadata", "annotations")):
        return ()
    told = [
        {
            "rule": rule.name or rule.index,
            **{str(side): _raw(rule, side) for side in Side if rule.places(side)},
        }
        for rule in rules
    ]
    value = json.dumps(told, separators=(",", ":"), sort_keys=True)
    return patch_of(manifest, target, (), annotating(manifest, ORIGINAL, value))


def giving_back(
    manifest: Manifest, rules: Sequence[Rule], target: Target
) -> Sequence[ObjectPatch]:
    """
    The patch that gives the rules their weights again, and forgets them; none is remembered: none.

    A rule whose canary has traffic is left as it is: somebody moved it since.
    """
    changes: list[Operation] = []
    tests: list[Operation] = []
    for note in _notes(manifest):
        rule = next((one for one in rules if note.get("rule") in (one.name, one.index)), None)
        if rule is None or not rule.both or not _at_home(rule, target):
            continue
        wanted = {rule.places(side)[0]: note.get(str(side)) for side in Side}
        told, edits = rule.layout.restoring_operations(rule, wanted)
        tests += told
        changes += edits
    return patch_of(manifest, target, tests, [*changes, *unannotating(manifest, ORIGINAL)])


def _raw(rule: Rule, side: Side) -> Any:
    return rule.first(side).body.get(rule.layout.weight_key)


def _at_home(rule: Rule, target: Target) -> bool:
    try:
        return weights.share(rule, target)[0] == 0
    except InvalidRequest:
        return False


def _notes(manifest: Manifest) -> Iterator[Mapping[str, Any]]:
    try:
        told = json.loads(text(inner(manifest, "metadata", "annotations", ORIGINAL)) or "[]")
    except ValueError:
        return
    for note in sequence(told):
        found = mapping(note)
        # what is no number was written by somebody else
        if all(_is_weight(found.get(str(side))) for side in Side):
            yield found


def _is_weight(value: object) -> bool:
    # quantities of a TrafficSplit are texts
    return value is None or (isinstance(value, int | float | str) and not isinstance(value, bool))
