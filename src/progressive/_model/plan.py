"""Policy: which weights, how long, how many failures, and every deadline.

Floor 2. A plan names things; it never holds callables, so it can be saved and read back.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from typing import cast

from attrs import field, frozen

from progressive._model.checks import MetricCheck
from progressive._model.kinds import require_kinds, require_waits, sequence
from progressive._model.value import Value
from progressive.errors import SpecError


class DriftPolicy(StrEnum):
    """What to do when another writer changed the split."""

    REASSERT = "reassert"
    ABORT = "abort"
    ACCEPT = "accept"


@frozen(kw_only=True, eq=False, repr=False)
class Deadlines(Value):
    """
    How long each state may last; no state can last for ever.

    Attributes:
        canary_ready: For the canary to become ready.
        primary_ready: For the primary: at first deploy, at promotion, in a repair.
        undecided_rounds: Rounds in a row without a decision, 1 or more; the last one ends it.
        route: For one routing order that does not succeed, the way home included.
        on_hold: For a person's hold.
        run: For the whole run, time on hold not counted; None: every part is bounded anyway.

    Source:
        What ends each of them is L15; 600 s is Flagger's and Kubernetes' own
        `progressDeadlineSeconds`.
    """

    canary_ready: timedelta = timedelta(seconds=600)
    primary_ready: timedelta = timedelta(seconds=600)
    undecided_rounds: int = 10
    route: timedelta = timedelta(minutes=10)
    on_hold: timedelta = timedelta(hours=24)
    run: timedelta | None = None

    def __attrs_post_init__(self) -> None:
        require_kinds(self, "deadlines.")
        for name in ("canary_ready", "primary_ready", "route", "on_hold", "run"):
            if (value := getattr(self, name)) is not None:
                require_waits("deadlines.", **{name: value})
        if self.undecided_rounds < 1:
            raise SpecError("deadlines.undecided_rounds", f"{self.undecided_rounds} is below 1")


def _whole_numbers(value: Iterable[int]) -> tuple[int, ...]:
    return cast("tuple[int, ...]", sequence(value))


def _in_order(value: Iterable[MetricCheck]) -> tuple[MetricCheck, ...]:
    return cast("tuple[MetricCheck, ...]", sequence(value))


@frozen(kw_only=True, eq=False, repr=False)
class Plan(Value):
    """
    The policy of one release.

    Attributes:
        weights: Canary weights, strictly growing, each 1 to `total`; empty only with
            `skip_analysis`.
        interval: How long each weight is held before its round.
        threshold: Failures in all that roll back, 1 or more.
        checks: What is asked in every round.
        total: Sum of both weights, 1 or more.
        promotion_step: Traffic returns to the primary in steps of this weight; None: in one.
        drain: Between the last traffic on the canary and its scaling to zero; None: `interval`.
        drift: What to do when another writer changed the split.
        skip_analysis: No rounds: scale, promote, wait for the primary.
        suspended: Nothing moves.
        allow_no_checks: A release without any check cannot fail; this says that it is meant.
        deadlines: How long each state may last.

    Raises:
        SpecError: A field is outside its range; the path names it, such as ``weights[1]``.
    """

    weights: tuple[int, ...] = field(default=(), converter=_whole_numbers)
    interval: timedelta = timedelta(minutes=1)
    threshold: int = 1
    checks: tuple[MetricCheck, ...] = field(default=(), converter=_in_order)
    total: int = 100
    promotion_step: int | None = None
    drain: timedelta | None = None
    drift: DriftPolicy = DriftPolicy.REASSERT
    skip_analysis: bool = False
    suspended: bool = False
    allow_no_checks: bool = False
    deadlines: Deadlines = Deadlines()

    def __attrs_post_init__(self) -> None:
        require_kinds(self)
        if self.total < 1:
            raise SpecError("total", f"{self.total} is below 1")
        require_waits(interval=self.interval)
        if self.drain is not None and self.drain < timedelta(0):
            raise SpecError("drain", f"{self.drain} is below zero")
        if self.threshold < 1:
            raise SpecError("threshold", f"{self.threshold} is below 1: the first failure ends it")
        if self.promotion_step is not None and not 1 <= self.promotion_step <= self.total:
            raise SpecError(
                "promotion_step", f"{self.promotion_step} is outside 1 to {self.total}"
            )
        self._check_weights()
        self._check_checks()

    def _check_weights(self) -> None:
        if not self.weights and not self.skip_analysis:
            raise SpecError("weights", "at least one weight is needed, such as (10, 50)")
        before = 0
        for index, weight in enumerate(self.weights):
            if not 1 <= weight <= self.total:
                raise SpecError(f"weights[{index}]", f"{weight} is outside 1 to {self.total}")
            if weight <= before:
                raise SpecError(f"weights[{index}]", f"{weight} does not grow after {before}")
            before = weight

    def _check_checks(self) -> None:
        if not self.checks and not self.skip_analysis and not self.allow_no_checks:
            problem = (
                "no checks: a release that cannot fail is no release; "
                "add a check, or say allow_no_checks if this is meant"
            )
            raise SpecError("checks", problem)
        seen: set[str] = set()
        for index, check in enumerate(self.checks):
            if check.name in seen:
                raise SpecError(f"checks[{index}].name", f"{check.name!r} is there twice")
            seen.add(check.name)

    @property
    def drain_time(self) -> timedelta:
        """How long the canary keeps running after its last traffic, at promotion."""
        return self.interval if self.drain is None else self.drain

    @property
    def return_weights(self) -> tuple[int, ...]:
        """Canary weights on the way back to a promoted primary, the last of them 0."""
        if not self.weights:
            return (0,)
        step = self.promotion_step or self.total
        return (*range(self.weights[-1] - step, 0, -step), 0)

    @property
    def expected_duration(self) -> timedelta:
        """From the first weight to the outcome when every round passes at once."""
        if self.skip_analysis:
            return timedelta(0)
        returning = self.interval * (len(self.return_weights) - 1)
        return self.interval * len(self.weights) + returning + self.drain_time
