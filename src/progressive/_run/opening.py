"""How a run begins, or goes on where another one stopped (L1, L18, L22).

Floor 4. Nothing is written before the target is ours, and nothing is moved before the journal
knows the run.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TypeVar

from attrs import evolve, frozen

from progressive._analysis.machine import CanaryAnalysis
from progressive._log import log
from progressive._model.checks import MetricCheck
from progressive._model.events import Command, Commanded, Event, Situation, Started, TargetMoved
from progressive._model.plan import Plan
from progressive._model.record import Outcome, Reason
from progressive._model.report import Report
from progressive._model.traffic import Capabilities, Observed, Target
from progressive._run.clock import pause
from progressive._run.orders import Parts
from progressive._run.session import Session
from progressive.errors import (
    AdapterError,
    Busy,
    ErrorKind,
    ProgressiveError,
    RouteNotFound,
    SpecError,
)
from progressive.ports import Fence, FencedWorkload, Hold

Change = Callable[[], None]
"""What makes the new version, such as setting an image; called once the target is ours, and
again if it raises an `AdapterError` that may go away."""

Answered = TypeVar("Answered")

_KEPT_OF_A_RUN = 60 * 1024
"""Bytes that stay of a journal which is put aside; its oldest rounds give way."""

_PATIENCE = (1.0, 2.0, 4.0)
"""Seconds between tries of a read at the start; an adapter has its own tries within each."""


class Ended(Exception):
    """There is nothing to drive: the report is here already."""

    def __init__(self, report: Report) -> None:
        super().__init__(report)
        self.report = report


class Left(Exception):
    """The driver was told to leave a run that is not over."""


@frozen(kw_only=True)
class Wish:
    """
    What somebody wants of a target.

    Attributes:
        target: The address.
        plan: The policy; None: go on with what the journal says, and start nothing.
        change: Makes the new version.
        command: A person's decision that the run meets first; with a plan it is a retry, which
            the last run has on record.
    """

    target: Target
    plan: Plan | None = None
    change: Change | None = None
    command: Commanded | None = None

    @property
    def stands(self) -> bool:
        """Whether the run stands once the decision is worked in, and is not driven on."""
        if self.command is None or self.plan is not None:
            return False
        return self.command.command not in (Command.ABORT, Command.PROMOTE)


def refuse_unsupported(plan: Plan, capabilities: Capabilities) -> None:
    """
    Refuse what the router cannot express, before anything is written (L1, R5).

    Raises:
        SpecError: Names the field of the plan.
    """
    if plan.weights and not capabilities.weights:
        raise SpecError("weights", "the router cannot split traffic by weight")
    if plan.total > capabilities.max_total:
        problem = f"{plan.total} is above {capabilities.max_total}, the most that the router takes"
        raise SpecError("total", problem)
    for index, check in enumerate(plan.checks):
        if check.builtin is not None and capabilities.dialect is None:
            raise SpecError(f"checks[{index}]", _no_dialect(check))


def _no_dialect(check: MetricCheck) -> str:
    return (
        f"{check.name} is a built-in check, and this router does not say which metrics its "
        "traffic has (capabilities.dialect); give the check a query of its own"
    )


def run_name(parts: Parts) -> str:
    """A new run's id: sortable by time, and not the same twice."""
    return f"{parts.clock.now():%Y%m%dt%H%M%S}-{secrets.token_hex(2)}"


def open_session(parts: Parts, wish: Wish, tell: Callable[[Event], None]) -> Session:
    """
    Take the target and find out what is to be done.

    Raises:
        Ended: There is nothing to drive; the report says why.
    """
    if wish.plan is not None:
        try:
            refuse_unsupported(wish.plan, parts.router.capabilities)
        except ProgressiveError as error:
            raise _ended(parts, wish, Outcome.REJECTED, str(error)) from error
    run = run_name(parts)
    begun = parts.clock.now()
    hold = _take(parts, wish, run, tell)
    try:
        session = _find_out(parts, wish, run, hold)
        if wish.command is not None and wish.plan is None:
            tell(wish.command)
        # of a run that others drove before, all that people decided is of interest: it knows
        # what it has heard; and from the Lease on they send their decisions to us
        gone_on = session.analysis.run != run
        session.watch(tell, since=session.report.started if gone_on else begun)
        return session
    except AdapterError as error:
        hold.close()
        # a transient error moved nothing, for nothing was moved yet
        outcome, reason = Outcome.UNREACHABLE if error.transient else Outcome.REJECTED, None
        if error.kind is ErrorKind.LOST:
            outcome, reason = Outcome.BUSY, Reason.LEASE_LOST
        raise _ended(parts, wish, outcome, str(error), reason) from error
    except SpecError as error:
        hold.close()
        raise _ended(parts, wish, Outcome.REJECTED, str(error)) from error
    except BaseException:
        hold.close()
        raise


def _take(parts: Parts, wish: Wish, run: str, tell: Callable[[Event], None]) -> Hold:
    try:
        return parts.lock.acquire(wish.target, run, tell)
    except Busy as busy:
        raise _ended(parts, wish, Outcome.BUSY, str(busy)) from busy
    except AdapterError as error:
        outcome = Outcome.UNREACHABLE if error.transient else Outcome.REJECTED
        raise _ended(parts, wish, outcome, str(error)) from error


def _ended(
    parts: Parts, wish: Wish, outcome: Outcome, message: str, reason: Reason | None = None
) -> Ended:
    report = Report(
        outcome=outcome,
        reason=reason,
        message=message,
        target=str(wish.target),
        holder=parts.identity,
        started=parts.clock.now(),
    )
    log.error("%s %s: %s", wish.target, outcome, message)
    return Ended(report)


def _out_of_reach(parts: Parts, previous: CanaryAnalysis, error: AdapterError) -> Ended:
    """The run has moved traffic already, so an unreachable cluster is more than that (L22)."""
    words = f"the run cannot be gone on with, and its split stands: {error}; run it again"
    log.error("%s %s: %s", previous.target, Outcome.STUCK, words, extra={"run": previous.run})
    return Ended(
        evolve(
            previous.report,
            outcome=Outcome.STUCK,
            reason=Reason.ROUTER_ERROR,
            message=words,
            holder=parts.identity,
            split_restored=False,
        )
    )


def _find_out(parts: Parts, wish: Wish, run: str, hold: Hold) -> Session:
    target = wish.target
    saved = _patiently(parts, lambda: parts.store.load(target))
    previous = None if saved is None else CanaryAnalysis.from_json(saved.text)
    version = None if saved is None else saved.version
    if previous is not None:
        epoch = previous.epoch
        _patiently(parts, lambda: hold.outgrow(epoch))
    if wish.change is not None:
        workload: object = parts.workload
        if isinstance(workload, FencedWorkload):
            workload.fence(target, Fence.of(run, hold))
        _patiently(parts, wish.change)
    if previous is not None and not previous.done:
        try:
            return _go_on(parts, wish, previous, hold=hold, version=version)
        except AdapterError as error:
            if error.transient and previous.report.final.weight > 0:
                raise _out_of_reach(parts, previous, error) from error
            raise
    if wish.plan is None:
        if previous is None:
            hold.close()
            raise _ended(parts, wish, Outcome.REJECTED, f"{target} has no run to resume")
        version = _tell_again(parts, wish, previous, hold, version)
        if wish.command is not None:
            previous.receive(wish.command)
            if not previous.done:
                return Session(parts, previous, target=target, hold=hold, version=version)
        hold.close()
        raise Ended(evolve(previous.report, holder=parts.identity))
    if previous is not None:
        version = _tell_again(parts, wish, previous, hold, version)
    return _start(
        parts, wish.plan, target, previous, run=run, hold=hold, version=version, retry=wish.command
    )


def _tell_again(
    parts: Parts, wish: Wish, previous: CanaryAnalysis, hold: Hold, version: str | None
) -> str | None:
    """An outcome that nobody is known to have heard of is told again (L16)."""
    doubtful = Session(parts, previous, target=wish.target, hold=hold, version=version)
    return doubtful.settle_doubts()


def _go_on(
    parts: Parts, wish: Wish, previous: CanaryAnalysis, *, hold: Hold, version: str | None
) -> Session:
    target = wish.target
    log.info("%s going on with run %s", target, previous.run, extra={"run": previous.run})
    previous.origin = parts.origin or previous.origin
    session = Session(parts, previous, target=target, hold=hold, version=version)
    session.take_over()
    if session.done:
        return session
    _patiently(parts, lambda: session.fence(at_once=True))
    workload = parts.workload
    if workload is not None and previous.revision is not None:
        try:
            situation = _patiently(parts, lambda: workload.situation(target))
        except (AdapterError, SpecError) as error:
            if isinstance(error, AdapterError) and error.transient:
                raise
            # the workload may not be released any more, and a split of ours may stand: home
            why = f"the workload cannot be released any more: {error}"
            at = parts.clock.now()
            session.receive(Commanded(at=at, command=Command.ABORT, by="progressive", why=why))
            return session
        session.rerun = wish.plan is not None and situation.revision != previous.revision
        session.receive(TargetMoved(at=parts.clock.now(), revision=situation.revision))
    return session


def _start(
    parts: Parts,
    plan: Plan,
    target: Target,
    previous: CanaryAnalysis | None,
    *,
    run: str,
    hold: Hold,
    version: str | None,
    retry: Commanded | None = None,
) -> Session:
    situation = _situation(parts, target, previous)
    seen = _patiently(parts, lambda: _current(parts, target, situation))
    if previous is not None:
        _warn_of_repetition(target, previous, situation)
        if retry is not None:
            previous.receive(retry)
        _put_aside(parts, target, previous)
    analysis = CanaryAnalysis(plan, target, origin=parts.origin)
    session = Session(parts, analysis, target=target, hold=hold, version=version)
    session.receive(
        Started(
            at=parts.clock.now(),
            run=run,
            situation=situation,
            settle=parts.router.capabilities.settle,
            split=seen,
            by=parts.identity,
            epoch=hold.epoch,
        )
    )
    if not session.done:
        _patiently(parts, session.save_first)
        _patiently(parts, lambda: session.fence(at_once=False))
    return session


def _situation(parts: Parts, target: Target, previous: CanaryAnalysis | None) -> Situation | None:
    workload = parts.workload
    if workload is None:
        return None
    situation = _patiently(parts, lambda: workload.situation(target))
    undecided = None if previous is None else previous.promotion_undecided
    if undecided is not None:
        return evolve(situation, stuck=True, analysed=undecided)
    return situation


def _current(parts: Parts, target: Target, situation: Situation | None) -> Observed | None:
    try:
        return parts.router.current(target)
    except RouteNotFound:
        if situation is None:
            raise
        if situation.promoted is not None and parts.workload is not None:
            # the route of a managed workload was removed between two runs: made again
            parts.workload.point(target)
        return None


def _warn_of_repetition(
    target: Target, previous: CanaryAnalysis, situation: Situation | None
) -> None:
    outcome = previous.report.outcome
    same = situation is not None and situation.revision == previous.revision
    if same and outcome is not None and outcome.exit_code in (3, 4, 5, 11):
        message = "%s revision %s ended %s before; it is tried again, with a fresh budget"
        log.warning(message, target, previous.revision, outcome, extra={"run": previous.run})


def _put_aside(parts: Parts, target: Target, previous: CanaryAnalysis) -> None:
    """
    Keep the run that is over, before the new one takes its place in the journal (L19).

    After a crash in between the same is kept once more under the same id. A history that cannot
    be written is said, and stops no release.
    """
    from progressive._analysis.journal import shortened

    report = previous.report
    nothing_done = not (report.weights or report.rounds or report.events)
    if report.outcome in (Outcome.UNCHANGED, Outcome.REJECTED) and nothing_done:
        return  # ten of these would push out ten releases
    text = shortened(previous.to_json(), _KEPT_OF_A_RUN)
    told = {"run": previous.run}
    try:
        _patiently(parts, lambda: parts.store.keep(target, previous.run, text))
    except AdapterError as error:
        log.warning("%s run %s is not kept: %s", target, previous.run, error, extra=told)
    except Exception:
        # a store of one's own that keeps none, or has a fault: a release does not need it
        log.exception("%s run %s is not kept", target, previous.run, extra=told)


def _patiently(parts: Parts, ask: Callable[[], Answered]) -> Answered:
    """A read at the start, tried again while the world is away; nothing is moved yet."""
    for seconds in _PATIENCE:
        try:
            return ask()
        except AdapterError as error:
            if not error.transient:
                raise
        pause(parts.clock, seconds)
    return ask()
