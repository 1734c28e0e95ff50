"""Plans the edits of one rule: weights, and the removal of what this project added.

Floor 3, pure: rules in, JSON patch operations out. Every edit has a `test` of the identity
beside it, so that a list that was reordered meanwhile makes the whole patch fail.
Asked by `codec.py`; knows only `rules.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from progressive._mesh.codec import Operation, namespace_of
from progressive._mesh.istio.rules import Rule, is_side
from progressive._model.traffic import Side, Split, Target
from progressive.errors import InvalidRequest, InvalidWeight

Weights = dict[int, int]
"""Place in the `route` list → weight."""


def stored(rule: Rule, place: int, target: Target) -> int:
    """
    The weight of a destination as it is stored; absent means 0.

    Raises:
        InvalidRequest: It is not a whole number.
    """
    weight = rule.destinations[place].get("weight")
    if weight is None:
        return 0
    if isinstance(weight, float) and weight.is_integer():
        return int(weight)
    if not isinstance(weight, int) or isinstance(weight, bool):
        raise InvalidRequest(f"{rule.called(target)}: weight {weight!r} is not a whole number")
    return weight


def share(rule: Rule, target: Target) -> tuple[int, int]:
    """
    The canary's weight and the sum of all weights; the sum is 1 or more.

    The weight of a lone destination means nothing to Istio: it has everything.

    Raises:
        InvalidRequest: A weight is negative, or all are 0: no share follows from that.
    """
    if len(rule.destinations) == 1:
        return len(rule.canaries), 1
    weights = [stored(rule, place, target) for place in range(len(rule.destinations))]
    if any(weight < 0 for weight in weights):
        raise InvalidRequest(f"{rule.called(target)}: weights {weights} hold a negative one")
    if sum(weights) == 0:
        raise InvalidRequest(f"{rule.called(target)}: all weights are 0, so there is no share")
    return sum(weights[place] for place in rule.canaries), sum(weights)


def wanted_weights(rule: Rule, target: Target, split: Split) -> Weights:
    """
    The weights of both sides; third destinations keep theirs, at the primary's cost.

    Raises:
        InvalidWeight: There is no room beside the third destinations.
        InvalidRequest: A third destination has a weight that means nothing.
    """
    third = sum(stored(rule, place, target) for place in rule.others)
    if any(stored(rule, place, target) < 0 for place in rule.others):
        raise InvalidRequest(f"{rule.called(target)}: a third destination has a negative weight")
    primary = split.primary - third
    if primary < 0:
        raise InvalidWeight(
            f"{rule.called(target)}: canary {split.canary} does not fit beside {third} of third "
            f"destinations in a total of {split.total}"
        )
    if primary == 0 and split.canary == 0:
        raise InvalidWeight(
            f"{rule.called(target)}: third destinations hold {third} of {split.total}, so both "
            "sides would have weight 0"
        )
    return {rule.primaries[0]: primary, rule.canaries[0]: split.canary}


def as_wanted(rule: Rule, target: Target, split: Split) -> bool:
    """Whether the canary has its share already, in whatever numbers."""
    try:
        canary, total = share(rule, target)
    except InvalidRequest:
        return False
    if canary == 0 and split.canary == 0:
        # third destinations alone would leave the primary with nothing
        return any(stored(rule, place, target) > 0 for place in rule.primaries)
    return canary * split.total == split.canary * total


def home_weights(rule: Rule, target: Target, total: int) -> Weights:
    """
    The weights that bring all traffic of a rule home; empty where it is at home.

    Never refuses: what cannot be read counts as 0.
    """

    def readable(place: int) -> int:
        try:
            return stored(rule, place, target)
        except InvalidRequest:
            return 0

    weights = {place: readable(place) for place in range(len(rule.destinations))}
    primaries = [weights[place] for place in rule.primaries]
    without_canary = all(weights[place] == 0 for place in rule.canaries)
    if without_canary and sum(primaries) > 0 and min(primaries) >= 0:
        return {}
    third = sum(max(0, weights[place]) for place in rule.others)
    rest = total - third
    if rest <= 0:
        rest = max(1, sum(max(0, weights[p]) for p in (*rule.primaries, *rule.canaries)))
    first, *further = rule.primaries
    return {first: rest, **dict.fromkeys(further, 0), **dict.fromkeys(rule.canaries, 0)}


def weight_operations(rule: Rule, weights: Weights) -> tuple[list[Operation], list[Operation]]:
    """The tests of the destinations, and the edits of those weights that differ."""
    tests: list[Operation] = []
    edits: list[Operation] = []
    for place, weight in sorted(weights.items()):
        at = ("spec", rule.protocol, rule.index, "route", place)
        destination = rule.destinations[place].get("destination") or {}
        for key in ("host", "subset"):
            if key in destination:
                path = _pointer(*at, "destination", key)
                tests.append({"op": "test", "path": path, "value": destination[key]})
        if rule.destinations[place].get("weight") != weight:
            # add also overwrites; replace would fail where the key is absent
            edits.append({"op": "add", "path": _pointer(*at, "weight"), "value": weight})
    return (tests, edits) if edits else ([], [])


# mirror


def mirror_of(rule: Rule, target: Target) -> float | None:
    """Percent of the rule's requests that are copied to the canary; None: none."""
    namespace = namespace_of(rule.manifest, target)
    if is_side(rule.body.get("mirror") or {}, Side.CANARY, target, namespace):
        percentage = rule.body.get("mirrorPercentage")
        if percentage is None:
            old = rule.body.get("mirrorPercent")
            return 100.0 if old is None else _percent(old)
        # the value is a double without presence: a percentage without one is 0
        return _percent(percentage.get("value", 0))
    for one in rule.body.get("mirrors") or ():
        if is_side(one.get("destination") or {}, Side.CANARY, target, namespace):
            part = one.get("percentage")
            return 100.0 if part is None else _percent(part.get("value", 0))
    return None


def _percent(value: Any) -> float | None:
    return float(value) if value else None


def mirror_removal(rule: Rule, target: Target) -> list[Operation]:
    """What takes the mirror to the canary away; mirrors to others stay."""
    namespace = namespace_of(rule.manifest, target)
    at = ("spec", rule.protocol, rule.index)
    found: list[Operation] = []
    mirror = rule.body.get("mirror") or {}
    if is_side(mirror, Side.CANARY, target, namespace):
        path = _pointer(*at, "mirror")
        found.append({"op": "test", "path": f"{path}/host", "value": mirror["host"]})
        found.extend(
            {"op": "remove", "path": _pointer(*at, key)}
            for key in ("mirror", "mirrorPercentage", "mirrorPercent")
            if key in rule.body
        )
    mirrors = rule.body.get("mirrors") or ()
    ours = [
        place
        for place, one in enumerate(mirrors)
        if is_side(one.get("destination") or {}, Side.CANARY, target, namespace)
    ]
    for place in ours:
        path = _pointer(*at, "mirrors", place, "destination", "host")
        host = mirrors[place]["destination"]["host"]
        found.append({"op": "test", "path": path, "value": host})
    if ours and len(ours) == len(mirrors):
        found.append({"op": "remove", "path": _pointer(*at, "mirrors")})
    else:
        found.extend(
            {"op": "remove", "path": _pointer(*at, "mirrors", place)} for place in reversed(ours)
        )
    return found


# stickiness


def cookie_removal(rule: Rule, managed: Iterable[Rule]) -> list[Operation]:
    """
    What takes our Set-Cookie away from the sides of a rule.

    Ours is a cookie that a managed rule looks for; any other is the user's.
    """
    looked_for = "".join(_cookie_patterns(managed)).replace("\\", "")
    if not looked_for:
        return []
    found: list[Operation] = []
    for place in sorted((*rule.primaries, *rule.canaries)):
        entry = rule.destinations[place]
        added = ((entry.get("headers") or {}).get("response") or {}).get("add") or {}
        for header, value in added.items():
            pair = str(value).partition(";")[0].strip()
            if header.lower() == "set-cookie" and pair and pair in looked_for:
                at = ("spec", rule.protocol, rule.index, "route", place)
                path = _pointer(*at, "headers", "response", "add", header)
                found.append({"op": "test", "path": path, "value": value})
                way = _shortest(entry, ("headers", "response", "add", header))
                found.append({"op": "remove", "path": _pointer(*at, *way)})
    return found


def _cookie_patterns(managed: Iterable[Rule]) -> Iterator[str]:
    for rule in managed:
        for match in rule.body.get("match") or ():
            cookie = (match.get("headers") or {}).get("cookie") or {}
            yield from (str(one) for one in cookie.values())


def _shortest(entry: Mapping[str, Any], way: tuple[str, ...]) -> tuple[str, ...]:
    """The way to the outermost mapping that would be left empty."""
    held: Any = entry
    kept = 0
    for depth, key in enumerate(way):
        if len(held) > 1:
            kept = depth
        held = held[key]
    return way[: kept + 1]


def managed_removal(managed: Iterable[Rule]) -> list[Operation]:
    """What takes managed rules away; comes last in a patch, because it moves the indexes."""
    found: list[Operation] = []
    for rule in sorted(managed, key=lambda one: (one.protocol, -one.index)):
        path = _pointer("spec", rule.protocol, rule.index)
        found.append({"op": "test", "path": f"{path}/name", "value": rule.body["name"]})
        found.append({"op": "remove", "path": path})
    return found


def _pointer(*steps: str | int) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)
