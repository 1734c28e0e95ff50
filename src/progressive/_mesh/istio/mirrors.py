"""The mirror of a VirtualService's rule: one `mirror`, or an entry in the list `mirrors`.

Floor 3, pure. istiod refuses both keys in one rule, so ours goes into the list where one is.
Asked by `layout.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from progressive._mesh.access import inner, mapping, pointer, sequence
from progressive._mesh.codec import Operation
from progressive._mesh.rules.layout import Rule
from progressive._model.traffic import Side, Target
from progressive.errors import InvalidRequest


def percent(rule: Rule, target: Target) -> float | None:
    """Percent of the rule's requests that are copied to the canary; None: none."""
    if _is_canary(rule.body.get("mirror"), rule, target):
        stored = rule.body.get("mirrorPercentage")
        if stored is None:
            old = rule.body.get("mirrorPercent")
            return 100.0 if old is None else _number(old)
        return _value(stored)
    for place in _places(rule, target):
        stored = mapping(sequence(rule.body.get("mirrors"))[place]).get("percentage")
        return 100.0 if stored is None else _value(stored)
    return None


def stands(rule: Rule, target: Target) -> bool:
    """Whether a mirror to the canary is there, be it at 0 percent."""
    return _is_canary(rule.body.get("mirror"), rule, target) or bool(_places(rule, target))


def removal(rule: Rule, target: Target) -> list[Operation]:
    """What takes the mirror to the canary away; mirrors to others stay."""
    found: list[Operation] = []
    if _is_canary(rule.body.get("mirror"), rule, target):
        path = pointer((*rule.path, "mirror"))
        host = mapping(rule.body["mirror"]).get("host")
        found.append({"op": "test", "path": f"{path}/host", "value": host})
        found.extend(
            {"op": "remove", "path": pointer((*rule.path, key))}
            for key in ("mirror", "mirrorPercentage", "mirrorPercent")
            if key in rule.body
        )
    listed = sequence(rule.body.get("mirrors"))
    ours = _places(rule, target)
    found.extend(_test(rule, place) for place in ours)
    if ours and len(ours) == len(listed):
        found.append({"op": "remove", "path": pointer((*rule.path, "mirrors"))})
    else:
        found.extend(
            {"op": "remove", "path": pointer((*rule.path, "mirrors", place))}
            for place in reversed(ours)
        )
    return found


def writing(rule: Rule, target: Target, wanted: float) -> list[Operation]:
    """
    What makes the mirror to the canary this one.

    Raises:
        InvalidRequest: The rule's single mirror goes to somebody else.
    """
    amount = {"value": int(wanted) if float(wanted).is_integer() else wanted}
    canary = mapping(rule.first(Side.CANARY).body.get("destination"))
    if ours := _places(rule, target):
        path = pointer((*rule.path, "mirrors", ours[0], "percentage"))
        return [_test(rule, ours[0]), {"op": "add", "path": path, "value": amount}]
    if sequence(rule.body.get("mirrors")):
        entry = {"destination": deepcopy(dict(canary)), "percentage": amount}
        return [{"op": "add", "path": pointer((*rule.path, "mirrors", "-")), "value": entry}]
    other = rule.body.get("mirror")
    if other is not None and not _is_canary(other, rule, target):
        raise InvalidRequest(
            f"rule {rule.name or rule.index} is mirrored to {mapping(other).get('host')} already; "
            "write that mirror as an item of mirrors, then the canary's can stand beside it"
        )
    changes: list[Operation] = []
    if other is None:
        path = pointer((*rule.path, "mirror"))
        changes.append({"op": "add", "path": path, "value": deepcopy(dict(canary))})
    else:
        path = pointer((*rule.path, "mirror", "host"))
        changes.append({"op": "test", "path": path, "value": mapping(other).get("host")})
    if "mirrorPercent" in rule.body:
        changes.append({"op": "remove", "path": pointer((*rule.path, "mirrorPercent"))})
    path = pointer((*rule.path, "mirrorPercentage"))
    return [*changes, {"op": "add", "path": path, "value": amount}]


def _test(rule: Rule, place: int) -> Operation:
    path = pointer((*rule.path, "mirrors", place, "destination", "host"))
    host = inner(sequence(rule.body.get("mirrors"))[place], "destination", "host")
    return {"op": "test", "path": path, "value": host}


def _places(rule: Rule, target: Target) -> list[int]:
    return [
        place
        for place, one in enumerate(sequence(rule.body.get("mirrors")))
        if _is_canary(mapping(one).get("destination"), rule, target)
    ]


def _is_canary(destination: object, rule: Rule, target: Target) -> bool:
    # side_of lives in layout.py, which asks this module: the rule's own layout knows it
    body: Mapping[str, Any] = {"destination": mapping(destination)}
    return rule.layout.side_of(body, rule.manifest, target) is Side.CANARY


def _value(stored: object) -> float | None:
    # the value is a double without presence: a percentage without one is 0
    return _number(mapping(stored).get("value", 0))


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if value else None
