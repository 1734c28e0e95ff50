"""The mirror of a route's rule: one RequestMirror filter whose backend is the canary.

Floor 3, pure. Filters to others are a person's, and keep their place. Asked by `layout.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from progressive._mesh.access import inner, mapping, pointer, sequence
from progressive._mesh.codec import Operation
from progressive._mesh.rules.layout import Rule
from progressive._model.traffic import Side, Target
from progressive.errors import InvalidRequest, Unsupported

MOST_FILTERS = 16
"""Filters of one rule, and of one backend."""

_REFERENCE = ("group", "kind", "name", "namespace", "port")
_FINEST = 10**9
"""Largest denominator that is written; the CRD takes any int32."""


def places(rule: Rule, target: Target) -> list[int]:
    """Where in the rule's filters the canary is mirrored to."""
    return [
        place
        for place, one in enumerate(sequence(rule.body.get("filters")))
        if is_canary(one, rule, target)
    ]


def is_canary(filter_: object, rule: Rule, target: Target) -> bool:
    """Whether a filter copies requests to the canary."""
    backend = mapping(inner(filter_, "requestMirror", "backendRef"))
    if inner(filter_, "type") != "RequestMirror" or not backend:
        return False
    return rule.layout.side_of(backend, rule.manifest, target) is Side.CANARY


def percent(rule: Rule, target: Target) -> float | None:
    """Percent of the rule's requests that are copied to the canary; None: none."""
    for place in places(rule, target):
        mirror = mapping(rule.body["filters"][place]["requestMirror"])
        if mirror.get("fraction") is not None:
            return _of_fraction(mapping(mirror["fraction"]))
        share = mirror.get("percent")
        if share is None:
            return 100.0
        known = isinstance(share, int | float) and not isinstance(share, bool)
        return float(share) if known and share else None
    return None


def removal(rule: Rule, target: Target) -> list[Operation]:
    """What takes the filters to the canary away; all others stay."""
    ours = places(rule, target)
    tests = [_test(rule, place) for place in ours]
    if ours and len(ours) == len(sequence(rule.body["filters"])):
        return [*tests, {"op": "remove", "path": pointer((*rule.path, "filters"))}]
    removals: list[Operation] = [
        {"op": "remove", "path": pointer((*rule.path, "filters", place))}
        for place in reversed(ours)
    ]
    return [*tests, *removals]


def writing(rule: Rule, target: Target, wanted: float) -> list[Operation]:
    """
    What makes the filter copy this percentage; it stays where it is, a new one comes last.

    Raises:
        InvalidRequest: The rule has no room for a filter, or the canary no port.
        Unsupported: The percentage has too many places.
    """
    key, value = said(wanted)
    ours = places(rule, target)
    if not ours:
        mirror = {"backendRef": _reference(rule), key: value}
        made = {"type": "RequestMirror", "requestMirror": mirror}
        listed = sequence(rule.body.get("filters"))
        if len(listed) >= MOST_FILTERS:
            raise InvalidRequest(
                f"{rule.called(target)} has {len(listed)} filters, the most that a rule holds, "
                "so there is no room for a mirror"
            )
        if listed:
            path = pointer((*rule.path, "filters", "-"))
            return [{"op": "add", "path": path, "value": made}]
        return [{"op": "add", "path": pointer((*rule.path, "filters")), "value": [made]}]
    first = ours[0]
    at = (*rule.path, "filters", first, "requestMirror")
    changes = [_test(rule, first)]
    other = "fraction" if key == "percent" else "percent"
    if other in rule.body["filters"][first]["requestMirror"]:
        changes.append({"op": "remove", "path": pointer((*at, other))})
    return [*changes, {"op": "add", "path": pointer((*at, key)), "value": value}]


def said(wanted: float) -> tuple[str, Any]:
    """
    A percentage as the API says it: whole ones in ``percent``, others as a ``fraction``.

    Raises:
        Unsupported: It has more than seven decimal places.

    >>> said(10.0)
    ('percent', 10)
    >>> said(12.5)
    ('fraction', {'numerator': 125, 'denominator': 1000})
    """
    if float(wanted).is_integer():
        return "percent", int(wanted)
    share = Decimal(repr(float(wanted))) / 100
    exponent = share.as_tuple().exponent
    denominator = 10 ** -int(exponent)
    if denominator > _FINEST:
        raise Unsupported(
            f"a mirror of {wanted} percent is too fine for the Gateway API; use fewer decimals"
        )
    return "fraction", {"numerator": int(share * denominator), "denominator": denominator}


def _of_fraction(stored: Mapping[str, Any]) -> float | None:
    numerator, denominator = stored.get("numerator"), stored.get("denominator", 100)
    numbers = (numerator, denominator)
    if any(not isinstance(one, int) or isinstance(one, bool) for one in numbers):
        return None
    if not numerator or not denominator:
        return None
    return float(Fraction(int(numerator) * 100, int(denominator)))


def _reference(rule: Rule) -> dict[str, Any]:
    canary = rule.first(Side.CANARY).body
    if canary.get("port") is None:
        raise InvalidRequest(
            f"backend {canary.get('name')} of rule {rule.name or rule.index} has no port, and a "
            "mirror needs one"
        )
    return {key: canary[key] for key in _REFERENCE if key in canary}


def _test(rule: Rule, place: int) -> Operation:
    way = ("filters", place, "requestMirror", "backendRef", "name")
    name = rule.body["filters"][place]["requestMirror"]["backendRef"]["name"]
    return {"op": "test", "path": pointer((*rule.path, *way)), "value": name}
