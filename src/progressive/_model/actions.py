"""Orders of the machine, in the imperative; each can be carried out again after a crash.

Floor 2. Every action has an id, unique in its run, and most a deadline `until`. A class without
fields of its own needs no decorator: it inherits all, and costs nothing at import.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen

from progressive._model.traffic import Side, Split
from progressive._model.value import Value


@frozen(kw_only=True, eq=False, repr=False)
class Action(Value):
    """
    One order.

    Attributes:
        id: Answers carry it; grows by one with every new order.
        until: After this instant the machine takes no more failures of the order; None: the
            order is not repeated.
    """

    id: int = 0
    until: datetime | None = None

    @property
    def acts(self) -> bool:
        """Whether it changes the world: then the state is saved before it is carried out."""
        return True


class Prepare(Action):
    """First deploy: make the primary from the target, and both services of the sides."""

    __slots__ = ()


class Point(Action):
    """First deploy: point the apex service and the route at the primary, which is ready."""

    __slots__ = ()


class Mark(Action):
    """First deploy, last of all: write on the primary which revision it runs."""

    __slots__ = ()


@frozen(kw_only=True, eq=False, repr=False)
class Scale(Action):
    """Scale the canary to the primary's present replicas, or to zero."""

    up: bool


@frozen(kw_only=True, eq=False, repr=False)
class Promote(Action):
    """Copy the analysed template to the primary, in one patch with its hash."""

    revision: str


@frozen(kw_only=True, eq=False, repr=False)
class Shift(Action):
    """Write a split, and read it back."""

    split: Split


class Reset(Action):
    """The way home: all traffic to the primary, and every rule of ours gone."""

    __slots__ = ()


class _Looking(Action):
    __slots__ = ()

    @property
    def acts(self) -> bool:
        return False


class Read(_Looking):
    """Read the split."""

    __slots__ = ()


@frozen(kw_only=True, eq=False, repr=False)
class Measure(_Looking):
    """
    Ask all checks.

    Attributes:
        since: When the present weight took effect.
        round: Number of the round in its run, from 0.
    """

    since: datetime
    round: int


@frozen(kw_only=True, eq=False, repr=False)
class AskReady(_Looking):
    """Ask whether a side is ready; the answer may take until `until`, or come at once."""

    side: Side


class Why(StrEnum):
    """What a `Wait` waits for."""

    HOLD = "hold"
    """The weight is held before its round."""
    SCRAPE = "scrape"
    """The round needs one more scrape."""
    READINESS = "readiness"
    """A side is asked again whether it is ready."""
    RETRY = "retry"
    """An order that failed is carried out again."""
    RETURN = "return"
    """Between two steps of the traffic's return to a promoted primary."""
    SETTLE = "settle"
    """The data plane may still follow the old split."""
    DRAIN = "drain"
    """Requests in flight end before the canary is scaled down."""
    PAUSED = "paused"
    """A person said hold."""


@frozen(kw_only=True, eq=False, repr=False)
class Wait(_Looking):
    """
    Do nothing until `until`, or until somebody has something to say.

    Attributes:
        why: What is waited for.
    """

    why: Why = Why.HOLD


class Finish(Action):
    """The run is over; there is nothing to answer."""

    __slots__ = ()
