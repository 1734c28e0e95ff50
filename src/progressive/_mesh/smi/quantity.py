"""Reads the weights of a TrafficSplit: numbers, and in v1alpha1 Kubernetes quantities.

Floor 3, pure. Asked by `layout.py`. Exact: a share that stands is compared, not guessed.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

from progressive._mesh.rules.layout import Number
from progressive.errors import InvalidRequest

_FORM = re.compile(
    r"(?P<number>[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40}))"
    r"(?:(?P<suffix>[numkMGTPE]|[KMGTPE]i)|[eE](?P<exponent>[+-]?[0-9]{1,2}))?"
)
"""Longer numbers are no weights, and would only take time."""

_SUFFIXES = {
    **{name: Fraction(1000) ** power for power, name in enumerate(("n", "u", "m"), -3)},
    **{name: Fraction(1000) ** power for power, name in enumerate("kMGTPE", 1)},
    **{f"{name}i": Fraction(1024) ** power for power, name in enumerate("KMGTPE", 1)},
}


def weight_of(stored: object) -> Number:
    """
    The weight that a backend holds, as a fraction where it is no whole number.

    Raises:
        InvalidRequest: It is neither a number nor a quantity.

    Source:
        Kubernetes, `apimachinery/pkg/api/resource/quantity.go`: suffixes and exponents.

    >>> weight_of("900m")
    Fraction(9, 10)
    >>> weight_of("1"), weight_of(0.5), weight_of("1e2")
    (1, Fraction(1, 2), 100)
    """
    if isinstance(stored, int) and not isinstance(stored, bool):
        return stored
    if isinstance(stored, float) and math.isfinite(stored):
        # by its digits: 0.1 is a tenth, not the nearest binary fraction
        return _plain(Fraction(repr(stored)))
    form = _FORM.fullmatch(stored) if isinstance(stored, str) else None
    if form is None:
        shown = repr(stored)
        shown = shown if len(shown) <= 40 else f"{shown[:40]}…"
        raise InvalidRequest(f"weight {shown} is neither a number nor a quantity")
    factor = (
        _SUFFIXES[form["suffix"]] if form["suffix"] else Fraction(10) ** int(form["exponent"] or 0)
    )
    return _plain(Fraction(form["number"]) * factor)


def _plain(value: Fraction) -> Number:
    return value.numerator if value.denominator == 1 else value
