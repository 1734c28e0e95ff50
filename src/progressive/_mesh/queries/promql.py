"""The questions of a dialect as PromQL, for people to read and to ask by hand.

Floor 3, pure. Used by the reference of queries; nothing is judged by these texts.
They are in the form bad over total: failures alone are 0 %, and no requests are an empty answer.
`rate` extrapolates and needs two samples of each series, so a first error may be missing here
that `reading.py` counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from progressive._mesh.queries.dialect import Dialect, View
from progressive._mesh.queries.selectors import Label, Selector
from progressive._model.checks import Builtin, MetricCheck
from progressive._model.traffic import Side, Target
from progressive.errors import SpecError


def promql(check: MetricCheck, target: Target, side: Side, dialect: Dialect) -> tuple[str, ...]:
    """
    A built-in check, in its unit: an expression for each view, in the order of the views.

    Raises:
        SpecError: The check has a query of its own.
    """
    window = _seconds(check.window)
    match check.builtin:
        case Builtin.SUCCESS_RATE:
            return tuple(_success(dialect, view, target, side, window) for view in dialect.views)
        case Builtin.DURATION:
            return tuple(
                _quantile(view, target, side, window, check.quantile) for view in dialect.views
            )
        case None:
            raise SpecError("builtin", f"{check.name} has a query of its own")


def share(target: Target, dialect: Dialect, window: timedelta) -> tuple[str, ...]:
    """The canary's part of all requests, 0 to 1, for each view in the order of counting."""
    told = []
    for view in dialect.counting():
        canary, primary = (
            _or_0(_sum(view.of_requests(target, side), _seconds(window)))
            for side in (Side.CANARY, Side.PRIMARY)
        )
        told.append(f"{canary}\n/ (\n  {canary}\n  + {primary}\n  > 0\n)")
    return tuple(told)


def requests(target: Target, side: Side, dialect: Dialect, window: timedelta) -> tuple[str, ...]:
    """How many requests a side got in the window, for each view in the order of counting."""
    return tuple(
        _sum(view.of_requests(target, side), _seconds(window), function="increase")
        for view in dialect.counting()
    )


def _success(dialect: Dialect, view: View, target: Target, side: Side, window: str) -> str:
    waited = [one.denied() for one in view.gone]
    counters = view.of_requests(target, side).also(*waited)
    bad, total = _or_0(_sum(counters, window, view.failed)), _or_0(_sum(counters, window))
    if not view.callers and (lost := _lost(dialect, target, side, window)):
        bad, total = f"({bad}\n  + {lost})", f"({total}\n  + {lost})"
    return f"100 * (1 -\n  {bad}\n  / ({total} > 0)\n)"


def _lost(dialect: Dialect, target: Target, side: Side, window: str) -> str:
    sums = [
        _sum(
            view.of_requests(target, side).also(*(one.denied() for one in view.gone)),
            window,
            view.lost,
        )
        for view in dialect.views
        if view.lost
    ]
    return _or_0("\n    or ".join(sums)) if sums else ""


def _quantile(view: View, target: Target, side: Side, window: str, share: float) -> str:
    buckets = _any(view.of_durations(target, side).each(), window, "rate")
    seconds = f"{view.milliseconds:g} * " if view.milliseconds != 1 else ""
    return f"{seconds}histogram_quantile({share:g}, sum by (le) ({buckets}))"


def _sum(
    selector: Selector, window: str, one_of: Sequence[Label] = (), *, function: str = "rate"
) -> str:
    chosen = selector.each()
    if one_of:
        chosen = tuple(each.also(one) for each in chosen for one in one_of)
    return f"sum({_any(chosen, window, function)})"


def _any(selectors: Sequence[Selector], window: str, function: str) -> str:
    # `or` takes a series once that fulfils two of the conditions; a sum of sums would not
    return "\n    or ".join(f"{function}({one}[{window}])" for one in selectors)


def _or_0(expression: str) -> str:
    return f"({expression} or vector(0))"


def _seconds(window: timedelta) -> str:
    """Prometheus reads no fraction before a unit, nor an exponent."""
    whole, rest = divmod(window, timedelta(seconds=1))
    return f"{window // timedelta(milliseconds=1)}ms" if rest else f"{whole}s"
