"""The record of a run, entry by entry: rounds, happenings, notifications, transitions.

Floor 2. `report.py` puts them together; the words here are stable, for programs read them.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen

from progressive._model.checks import Verdict, VerdictKind
from progressive._model.traffic import Target
from progressive._model.value import Value


class Outcome(StrEnum):
    """How a release ended."""

    PROMOTED = "promoted"
    INITIALIZED = "initialized"
    UNCHANGED = "unchanged"
    ROLLED_BACK = "rolled_back"
    INCONCLUSIVE = "inconclusive"
    TIMED_OUT = "timed_out"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"
    BUSY = "busy"
    UNREACHABLE = "unreachable"
    STUCK = "stuck"
    ABORTED = "aborted"

    @property
    def exit_code(self) -> int:
        """Exit status of `progressive run`; stable, as `docs/reference/report.md` lists them."""
        return _EXIT_CODES[self]


_EXIT_CODES = {
    Outcome.PROMOTED: 0,
    Outcome.INITIALIZED: 0,
    Outcome.UNCHANGED: 0,
    Outcome.ROLLED_BACK: 3,
    Outcome.INCONCLUSIVE: 4,
    Outcome.TIMED_OUT: 5,
    Outcome.REJECTED: 6,
    Outcome.SUPERSEDED: 7,
    Outcome.BUSY: 8,
    Outcome.UNREACHABLE: 9,
    Outcome.STUCK: 10,
    Outcome.ABORTED: 11,
}


class Reason(StrEnum):
    """Why; stable words for programs."""

    CHECK_FAILED = "check-failed"
    NO_DATA = "no-data"
    HOOK_FAILED = "hook-failed"
    GATE_TIMEOUT = "gate-timeout"
    CANARY_NOT_READY = "canary-not-ready"
    PRIMARY_NOT_READY = "primary-not-ready"
    DEADLINE = "deadline"
    ABORTED = "aborted"
    NEW_REVISION = "new-revision"
    REVERTED = "reverted"
    DRIFT = "drift"
    ROUTER_ERROR = "router-error"
    LEASE_LOST = "lease-lost"


class Phase(StrEnum):
    """Where a run stands."""

    PENDING = "pending"
    """Nothing was received yet."""
    INITIALIZING = "initializing"
    """First deploy: the primary is being made."""
    STARTING = "starting"
    """The canary is being scaled up and awaited."""
    STEPPING = "stepping"
    """A weight is being written."""
    HOLDING = "holding"
    """A weight is held and measured."""
    PAUSED = "paused"
    """A person said hold."""
    PROMOTING = "promoting"
    """The primary takes over what was analysed; the point of no return is behind."""
    RETURNING = "returning"
    """Traffic is on its way home."""
    FINISHED = "finished"
    """There is an outcome."""


@frozen(kw_only=True, eq=False, repr=False)
class Round(Value):
    """
    One evaluation of all checks at one weight.

    Attributes:
        at: When it was judged.
        weight: Canary weight, in parts of the plan's total.
        verdict: ``pass``, ``fail``, ``no_data`` or ``inconclusive``.
        checks: The verdict of each check, in the order of the plan.
    """

    at: datetime
    weight: int
    verdict: VerdictKind
    checks: tuple[Verdict, ...] = ()


@frozen(kw_only=True, eq=False, repr=False)
class Happening(Value):
    """
    One thing worth telling, for the report.

    Attributes:
        at: When.
        kind: A stable word, such as ``step``, ``drift`` or ``retry``.
        weight: Canary weight that it is about; None: about none.
        message: The same in words; may be empty.
    """

    at: datetime
    kind: str
    weight: int | None = None
    message: str = ""


REFUSED = "refused: "
"""How the answer to a decision begins that was not followed."""


@frozen(kw_only=True, eq=False, repr=False)
class Decision(Value):
    """
    What a person (or a signal) told a run, and what came of it.

    Attributes:
        id: Of its entry in the inbox; empty: it came another way.
        at: When the run heard of it.
        command: Such as ``abort``.
        by, why: Who, and why, in their words.
        answer: What the run made of it, in words.
    """

    id: str
    at: datetime
    command: str
    by: str = ""
    why: str = ""
    answer: str = ""

    @property
    def refused(self) -> bool:
        """Whether the run did not follow it."""
        return self.answer.startswith(REFUSED)


@frozen(kw_only=True, eq=False, repr=False)
class Notification(Value):
    """
    One message to people; told once.

    Attributes:
        id: ``<run>/<n>``, so that a receiver can drop a repetition.
        at: When it fell due.
        kind: ``started``, ``drift``, ``held``, ``resumed``, or the word of the outcome.
        reason: Reason of the outcome; None where there is none.
        message: In words.
        terminal: Whether it is the last one of its run.
        repeat: Whether it may have been sent before (a driver died in between).
        target: What it is about, in the hands of a notifier; None in a record, which is about
            one target.
    """

    id: str
    at: datetime
    kind: str
    reason: Reason | None = None
    message: str = ""
    terminal: bool = False
    repeat: bool = False
    target: Target | None = None


@frozen(kw_only=True, eq=False, repr=False)
class Transition(Value):
    """
    One event and what the machine made of it; what observers are shown.

    Attributes:
        at: When the event happened.
        run: Id of the run.
        event: Name of the event, such as ``Measured``.
        before, after: Phases around it.
        action: Name of the order that stands now; empty when the run is over.
        reason: Why the run goes home or ended; None while it goes on.
        outcome: How the run ended; None while it goes on.
        weight: Canary weight that was last read or written.
        message: What happened, in words; may be empty.
        round: The round that this event decided; None: it decided none.
        happenings: What this event added to the record.
    """

    at: datetime
    run: str
    event: str
    before: Phase
    after: Phase
    action: str
    reason: Reason | None = None
    outcome: Outcome | None = None
    weight: int = 0
    message: str = ""
    round: Round | None = None
    happenings: tuple[Happening, ...] = ()
