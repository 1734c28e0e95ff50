"""What became of a release: the outcome, the record of the run, and the errors made of it.

Floor 2. The JSON form of a `Report` is fixed by release.md section 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from attrs import field, frozen

from progressive._model.checks import Verdict, VerdictKind
from progressive._model.value import Value
from progressive.errors import ProgressiveError

SCHEMA = "progressive.dev/report/v1"


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
        """Exit status of `progressive run`; stable (release.md, "Outcomes, exit codes")."""
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
    """

    id: str
    at: datetime
    kind: str
    reason: Reason | None = None
    message: str = ""
    terminal: bool = False
    repeat: bool = False


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


@frozen(kw_only=True, eq=False, repr=False)
class Final(Value):
    """
    How things stood at the end.

    Attributes:
        weight: Canary weight.
        mirrored: Whether requests are still copied to the canary.
        canary_scaled: Whether the canary has replicas.
        primary_revision: Revision that the primary runs; None: not managed, or unknown.
    """

    weight: int = 0
    mirrored: bool = False
    canary_scaled: bool = False
    primary_revision: str | None = None


@frozen(kw_only=True, eq=False, repr=False)
class Report(Value):
    """
    The record of a run; there is one for every outcome.

    Attributes:
        outcome: None while the run goes on.
        reason: None where the outcome needs none.
        message: The decision in words.
        run_id: Name of the run, unique among the runs of its target.
        target: ``namespace/service``.
        revision: What was analysed; None: not managed.
        holder: Who drove it.
        started: When; None: it never started.
        duration: From the start to the end, or to the last event.
        weights: Canary weights that the router took, in order, without equal repeats.
        rounds, events, notifications, hooks: The record, oldest first.
        final: How things stand.
        total: Sum of both weights.
        split_restored: Whether all traffic is where a finished release leaves it; false means
            that somebody has to look (or that a person left the run on hold).
        trimmed: How many ``rounds`` and ``events`` are no longer listed.
    """

    outcome: Outcome | None = None
    reason: Reason | None = None
    message: str = ""
    run_id: str = ""
    target: str = ""
    revision: str | None = None
    holder: str = ""
    started: datetime | None = None
    duration: timedelta = timedelta(0)
    weights: tuple[int, ...] = ()
    rounds: tuple[Round, ...] = ()
    events: tuple[Happening, ...] = ()
    notifications: tuple[Notification, ...] = ()
    hooks: tuple[Mapping[str, Any], ...] = ()
    final: Final = Final()
    total: int = 100
    split_restored: bool = True
    trimmed: Mapping[str, int] = field(factory=dict, hash=False)

    @property
    def exit_code(self) -> int:
        """Exit status for a pipeline; 1 while there is no outcome."""
        return 1 if self.outcome is None else self.outcome.exit_code

    def raise_for_outcome(self) -> None:
        """
        Do nothing when the release stands (`promoted`, `initialized`, `unchanged`).

        Raises:
            OutcomeError: One of its kinds, such as `RolledBack`; ``.report`` is this report.
        """
        if self.outcome is not None and self.outcome.exit_code == 0:
            return
        raise OUTCOME_ERRORS.get(self.outcome, OutcomeError)(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, with the keys of release.md section 4."""
        return {
            "schema": SCHEMA,
            "outcome": self.outcome,
            "reason": self.reason,
            "message": self.message,
            "exit_code": None if self.outcome is None else self.exit_code,
            "run_id": self.run_id,
            "target": self.target,
            "revision": self.revision,
            "holder": self.holder,
            "started": None if self.started is None else stamp(self.started),
            "duration_s": self.duration.total_seconds(),
            "total": self.total,
            "weights": list(self.weights),
            "rounds": [self._round(one) for one in self.rounds],
            "hooks": [dict(one) for one in self.hooks],
            "notifications": [self._notification(one) for one in self.notifications],
            "events": [self._happening(one) for one in self.events],
            "final": {
                "weight": self.final.weight,
                "mirrored": self.final.mirrored,
                "canary_scaled": self.final.canary_scaled,
                "primary_revision": self.final.primary_revision,
            },
            "split_restored": self.split_restored,
            "trimmed": dict(self.trimmed),
        }

    def _since_start(self, at: datetime) -> float:
        return (at - (self.started or at)).total_seconds()

    def _round(self, one: Round) -> dict[str, Any]:
        return {
            "time_s": self._since_start(one.at),
            "weight": one.weight,
            "verdict": one.verdict,
            "checks": {verdict.check: verdict.kind for verdict in one.checks},
            "verdicts": [verdict_dict(verdict) for verdict in one.checks],
        }

    def _notification(self, one: Notification) -> dict[str, Any]:
        told = {
            "id": one.id,
            "time_s": self._since_start(one.at),
            "kind": one.kind,
            "reason": one.reason,
            "message": one.message,
        }
        return {**told, "repeat": True} if one.repeat else told

    def _happening(self, one: Happening) -> dict[str, Any]:
        told: dict[str, Any] = {"time_s": self._since_start(one.at), "kind": one.kind}
        if one.weight is not None:
            told["weight"] = one.weight
        if one.message:
            told["message"] = one.message
        return told


def verdict_dict(verdict: Verdict) -> dict[str, Any]:
    """A verdict in plain JSON values; an infinite value is a text, for JSON has no such number."""
    value = verdict.value
    return {
        "check": verdict.check,
        "kind": verdict.kind,
        "value": value if value is None or abs(value) != float("inf") else str(value),
        "at_least": verdict.at_least,
        "at_most": verdict.at_most,
        "query": verdict.query,
        "window_s": None if verdict.window is None else verdict.window.total_seconds(),
        "cause": verdict.cause,
        "explanation": verdict.explanation,
    }


def stamp(at: datetime) -> str:
    """An instant as RFC 3339 writes it, in UTC."""
    return at.isoformat().replace("+00:00", "Z")


class OutcomeError(ProgressiveError):
    """
    A release that does not stand.

    Attributes:
        report: The whole record.
    """

    def __init__(self, report: Report) -> None:
        super().__init__(report)
        self.report = report

    def __str__(self) -> str:
        outcome = self.report.outcome or "not finished"
        reason = f" ({self.report.reason})" if self.report.reason else ""
        words = f": {self.report.message}" if self.report.message else ""
        return f"{self.report.target} {outcome}{reason}{words}"


class RolledBack(OutcomeError):
    """The canary was not good enough, or could not be judged; traffic is on the primary."""


class Inconclusive(OutcomeError):
    """Nothing could be decided, or a person left the run on hold."""


class TimedOut(OutcomeError):
    """A deadline passed; traffic is on the primary."""


class Rejected(OutcomeError):
    """The document or the cluster does not allow the run; nothing was written."""


class Superseded(OutcomeError):
    """The target has another template by now; traffic is on the primary."""


class BusyTarget(OutcomeError):
    """Another driver moves this target."""


class Unreachable(OutcomeError):
    """The cluster could not be reached, and this run moved nothing."""


class Stuck(OutcomeError):
    """Traffic may be split, and the run could not repair it; somebody has to look."""


class Aborted(OutcomeError):
    """A person or a signal ended the run; traffic is on the primary."""


OUTCOME_ERRORS: dict[Outcome | None, type[OutcomeError]] = {
    Outcome.ROLLED_BACK: RolledBack,
    Outcome.INCONCLUSIVE: Inconclusive,
    Outcome.TIMED_OUT: TimedOut,
    Outcome.REJECTED: Rejected,
    Outcome.SUPERSEDED: Superseded,
    Outcome.BUSY: BusyTarget,
    Outcome.UNREACHABLE: Unreachable,
    Outcome.STUCK: Stuck,
    Outcome.ABORTED: Aborted,
}
