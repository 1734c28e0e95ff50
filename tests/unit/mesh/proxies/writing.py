"""Orders that are carried out on the objects of a proxy."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.unit.mesh.mutations import carried_out
from tests.unit.mesh.proxies.worlds import PROXIES, TARGET

from progressive._mesh.codec import Manifest
from progressive._model.traffic import Match, Split, Target, TextMatch

QA = Match(headers={"x-user": TextMatch(exact="qa")})
MATCHED = Split(canary=100, match=[QA])
FIXED = {"knative"}
"""Proxies whose weights have one total."""


def written(
    name: str, objects: Sequence[Mapping[str, Any]], split: Split, target: Target = TARGET
) -> list[dict[str, Any]]:
    return carried_out(objects, PROXIES[name].codec.write(objects, target, split))


def share(name: str, objects: Sequence[Manifest], target: Target = TARGET) -> tuple[int, int]:
    observed = PROXIES[name].codec.read(objects, target)
    return observed.canary, observed.total


def same(left: Sequence[Mapping[str, Any]], right: Sequence[Mapping[str, Any]]) -> bool:
    """Whether objects are equal; JSON inside a text by what it says, no annotations as none."""
    return list(map(_plain, left)) == list(map(_plain, right))


def _plain(manifest: Mapping[str, Any]) -> Any:
    body = json.loads(json.dumps(manifest, sort_keys=True))
    notes = body["metadata"].pop("annotations", {})
    notes = {key: json.loads(one) if one[:1] == "{" else one for key, one in notes.items()}
    return {**body, "notes": notes}
