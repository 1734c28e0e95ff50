"""Shares and weights of one rule: what stands, what is wanted, what brings traffic home.

Floor 3, pure: rules in, numbers out. Asked by `codec.py`.
"""

from __future__ import annotations

from fractions import Fraction

from progressive._mesh.rules.layout import Number, Rule, whole
from progressive._model.traffic import Side, Split, Target
from progressive.errors import InvalidRequest, InvalidWeight

Weights = dict[int, int]
"""Place of a destination → weight."""


def stored(rule: Rule, place: int, target: Target) -> Number:
    """
    The weight of a destination as it stands.

    Raises:
        InvalidRequest: It means nothing.
    """
    try:
        return rule.layout.weight(rule.destinations[place])
    except InvalidRequest as error:
        raise InvalidRequest(f"{rule.called(target)}: {error.message}") from None


def share(rule: Rule, target: Target) -> tuple[Number, Number]:
    """
    The canary's weight and the sum of all weights; the sum is above 0.

    Raises:
        InvalidRequest: A weight is negative, or all are 0: no share follows from that.
    """
    canaries = rule.places(Side.CANARY)
    if len(rule.destinations) == 1 and rule.layout.lone_has_all:
        return len(canaries), 1
    weights = [stored(rule, place, target) for place in range(len(rule.destinations))]
    if any(weight < 0 for weight in weights):
        said = ", ".join(f"{float(one):g}" for one in weights)
        words = f"weights {said} hold a negative one; order a weight or a reset"
        raise InvalidRequest(f"{rule.called(target)}: {words}")
    if sum(weights) == 0:
        words = "all weights are 0, so there is no share; order a weight or a reset"
        raise InvalidRequest(f"{rule.called(target)}: {words}")
    return sum(weights[place] for place in canaries), sum(weights)


def in_parts(canary: Number, total: Number, wanted: int) -> tuple[int, int]:
    """
    A share as whole parts of `wanted` where it can be told so exactly; else in its own numbers.

    >>> in_parts(1, 5, 100)
    (20, 100)
    >>> in_parts(1, 3, 100)
    (1, 3)
    """
    exact = Fraction(canary) * wanted / Fraction(total)
    if exact.denominator == 1:
        return exact.numerator, wanted
    if isinstance(canary, int) and isinstance(total, int):
        return canary, total
    ratio = Fraction(canary) / Fraction(total)
    return ratio.numerator, ratio.denominator


def wanted_weights(rule: Rule, target: Target, split: Split) -> Weights:
    """
    The weights of both sides; third destinations keep theirs, at the primary's cost.

    Raises:
        InvalidWeight: There is no room beside the third destinations.
        InvalidRequest: A third destination has a weight that means nothing.
    """
    others = [stored(rule, place, target) for place in rule.places(None)]
    if any(one < 0 for one in others):
        raise InvalidRequest(f"{rule.called(target)}: a third destination has a negative weight")
    try:
        third = whole(sum(others))
    except InvalidRequest as error:
        words = f"{rule.called(target)}: third destinations hold {error.message}"
        raise InvalidWeight(f"{words}; give them whole weights") from None
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
    return {rule.places(Side.PRIMARY)[0]: primary, rule.places(Side.CANARY)[0]: split.canary}


def as_wanted(rule: Rule, target: Target, split: Split) -> bool:
    """Whether the canary has its share already, in whatever numbers."""
    try:
        canary, total = share(rule, target)
    except InvalidRequest:
        return False
    if canary == 0 and split.canary == 0:
        # third destinations alone would leave the primary with nothing
        return any(stored(rule, place, target) > 0 for place in rule.places(Side.PRIMARY))
    return canary * split.total == split.canary * total


def home_weights(rule: Rule, target: Target, total: int, *, most: int) -> Weights:
    """
    The weights that bring all traffic of a rule home; empty where it is at home.

    Never refuses: what cannot be read counts as 0.

    Args:
        most: The largest weight that the mesh takes.
    """

    def readable(place: int) -> Number:
        try:
            return rule.layout.weight(rule.destinations[place])
        except InvalidRequest:
            return 0

    weights = {place: readable(place) for place in range(len(rule.destinations))}
    primaries, canaries = rule.places(Side.PRIMARY), rule.places(Side.CANARY)
    without_canary = all(weights[place] == 0 for place in canaries)
    held = [weights[place] for place in primaries]
    if without_canary and sum(held) > 0 and min(held) >= 0:
        return {}
    third = sum(max(0, weights[place]) for place in rule.places(None))
    rest = int(total - third)
    if rest <= 0:
        rest = max(1, int(sum(max(0, weights[p]) for p in (*primaries, *canaries))))
    first, *further = primaries
    return {first: min(rest, most), **dict.fromkeys(further, 0), **dict.fromkeys(canaries, 0)}
