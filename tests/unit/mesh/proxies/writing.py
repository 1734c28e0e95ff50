"""Orders that are carried out on the objects of a proxy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.unit.mesh.mutations import carried_out
from tests.unit.mesh.proxies.worlds import PROXIES, TARGET

from progressive._mesh.codec import Manifest
from progressive._model.traffic import Match, Split, Target, TextMatch

QA = Match(headers={"x-user": TextMatch(exact="qa")})
MATCHED = Split(canary=100, match=[QA])


def written(
    name: str, objects: Sequence[Mapping[str, Any]], split: Split, target: Target = TARGET
) -> list[dict[str, Any]]:
    return carried_out(objects, PROXIES[name].codec.write(objects, target, split))


def share(name: str, objects: Sequence[Manifest], target: Target = TARGET) -> tuple[int, int]:
    observed = PROXIES[name].codec.read(objects, target)
    return observed.canary, observed.total
