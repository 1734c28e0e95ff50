"""What became of a release: the outcome, the record of the run, and the errors made of it.

Floor 2. The JSON form of a `Report` is fixed: `docs/reference/report.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from attrs import field, frozen

from progressive._model.checks import Verdict
from progressive._model.record import Decision, Happening, Notification, Outcome, Reason, Round
from progressive._model.value import Value
from progressive.errors import ProgressiveError

SCHEMA = "progressive.dev/report/v1"


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
        images: What was analysed, in words: ``container=image`` for each container.
        holder: Who drove it last, or drives it.
        drivers: Who drove it, the first one first; more than one after a crash.
        decisions: What people told it, and what came of that, oldest first.
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
    images: tuple[str, ...] = ()
    holder: str = ""
    drivers: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()
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
        """Plain JSON values, with the keys of `docs/reference/report.md`."""
        return {
            "schema": SCHEMA,
            "outcome": self.outcome,
            "reason": self.reason,
            "message": self.message,
            "exit_code": None if self.outcome is None else self.exit_code,
            "run_id": self.run_id,
            "target": self.target,
            "revision": self.revision,
            "images": list(self.images),
            "holder": self.holder,
            "drivers": list(self.drivers),
            "decisions": [self._decision(one) for one in self.decisions],
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

    def _decision(self, one: Decision) -> dict[str, Any]:
        return {
            "id": one.id,
            "time_s": self._since_start(one.at),
            "command": one.command,
            "by": one.by,
            "why": one.why,
            "answer": one.answer,
        }

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
