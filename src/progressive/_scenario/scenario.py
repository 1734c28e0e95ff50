"""How a world answers: the values that `docs/reference/scenario.md` lists.

Floor 4, pure. A list is consumed one item per question and its last item repeats; a single value
is a list of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any

from attrs import field, frozen
from attrs.converters import optional

from progressive._model.events import Command, Readiness
from progressive.errors import SpecError

Answer = float | None | str
"""A number; None: no data; ``"error"``: the provider cannot be reached."""

ERROR = "error"


class Call(StrEnum):
    """Kinds of calls that a fault can hit."""

    ROUTE_WRITE = "route-write"
    ROUTE_READ = "route-read"
    JOURNAL = "journal"
    WORKLOAD = "workload"
    METRICS = "metrics"


class What(StrEnum):
    """What happens at a fault."""

    CRASH_BEFORE = "crash-before"
    CRASH_AFTER = "crash-after"
    CONFLICT = "conflict"
    UNAVAILABLE = "unavailable"
    FORBIDDEN = "forbidden"


@frozen(kw_only=True)
class Fault:
    """
    A fault at the n-th call of a kind.

    Attributes:
        call: Number of the call, from 1.
        on: Kind of call.
        what: What happens.
        onwards: Every later call of the kind is hit as well.
    """

    call: int
    on: Call = field(converter=Call)
    what: What = field(converter=What)
    onwards: bool = False

    def hits(self, kind: Call, number: int) -> bool:
        """Whether this call is hit."""
        return kind is self.on and (number >= self.call if self.onwards else number == self.call)


@frozen(kw_only=True)
class Moment:
    """
    What people or other programs do at a time.

    Attributes:
        time: Since the start.
        do: A person's command.
        revision: The target has this template now; the promoted one is ``A``.
        weight: Another writer set this canary weight.
    """

    time: timedelta
    do: Command | None = field(default=None, converter=optional(Command))
    revision: str | None = None
    weight: int | None = None


@frozen(kw_only=True)
class Side:
    """
    How one side behaves in the model of requests.

    Attributes:
        error_rate: Share of requests that fail, 0 to 1.
        p50, p99: Quantiles of the time to answer, in milliseconds, of a log-normal distribution.
    """

    error_rate: float = 0.0
    p50: float = 20.0
    p99: float = 90.0


@frozen(kw_only=True)
class Traffic:
    """
    A seeded model of requests, instead of fixed answers.

    Attributes:
        rpm: Requests a minute, of both sides together.
        random_seed: Seed; the same seed gives the same run.
        primary, canary: How the sides behave.
        changes: ``(weight, side)``: from that weight on the canary behaves like this.
    """

    rpm: float = 600.0
    random_seed: int = 0
    primary: Side = Side()
    canary: Side = Side()
    changes: tuple[tuple[int, Side], ...] = ()

    def canary_at(self, weight: int) -> Side:
        """How the canary behaves at a weight."""
        reached = [side for at, side in self.changes if weight >= at]
        return reached[-1] if reached else self.canary


def listed(value: Any) -> tuple[Any, ...]:
    """A single value is a list of one."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(value)
    return (value,)


def _lists(value: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    return {name: listed(answers) for name, answers in value.items()}


def _readiness(value: Mapping[str, Any]) -> dict[str, tuple[Readiness, ...]]:
    return {name: tuple(Readiness(one) for one in listed(v)) for name, v in value.items()}


def _moments(value: Iterable[Moment]) -> tuple[Moment, ...]:
    return tuple(value)


def _faults(value: Iterable[Fault]) -> tuple[Fault, ...]:
    return tuple(value)


@frozen(kw_only=True)
class Scenario:
    """
    How the world answers.

    Attributes:
        first_deploy: No primary exists yet. Otherwise revision A is promoted, and the target has
            just changed to B.
        metrics: Check name → answers, one a round; a check that is not listed passes.
        workloads: ``canary`` and ``primary`` → readiness, one an asking; default ready.
        at: What happens meanwhile.
        faults: Faults at single calls.
        traffic: A model of requests, for checks that `metrics` does not list.

    Raises:
        SpecError: An empty list of answers, or a readiness that does not exist.
    """

    first_deploy: bool = False
    metrics: Mapping[str, tuple[Answer, ...]] = field(factory=dict, converter=_lists)
    workloads: Mapping[str, tuple[Readiness, ...]] = field(factory=dict, converter=_readiness)
    at: tuple[Moment, ...] = field(default=(), converter=_moments)
    faults: tuple[Fault, ...] = field(default=(), converter=_faults)
    traffic: Traffic | None = None

    def __attrs_post_init__(self) -> None:
        for room, answers in (("metrics", self.metrics), ("workloads", self.workloads)):
            for name, given in answers.items():
                if not given:
                    raise SpecError(f"{room}.{name}", "an empty list answers nothing")
