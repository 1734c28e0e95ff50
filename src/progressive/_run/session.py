"""One run without a loop: hand events to the machine, carry its orders out, save, tell.

Floor 4. Everything here blocks and nothing waits, so the sync and the async loop share it.
*Save, then act* (L19) lives in `perform()`: an order that changes the world is carried out only
once the state that gave it is in the journal. The way home alone does not wait for that (L26).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from attrs import define, evolve

from progressive._analysis.machine import CanaryAnalysis
from progressive._log import log
from progressive._model.actions import (
    Action,
    AskReady,
    Finish,
    Mark,
    Measure,
    Point,
    Prepare,
    Promote,
    Read,
    Reset,
    Scale,
    Shift,
    Wait,
)
from progressive._model.checks import Cause, MetricCheck, Question, Sample
from progressive._model.events import (
    ActionError,
    Commanded,
    Done,
    DriverLost,
    Event,
    Failed,
    Measured,
    Reported,
    Seen,
    Shifted,
    Told,
    Woke,
)
from progressive._model.record import (
    Notification,
)
from progressive._model.report import (
    Report,
)
from progressive._model.traffic import Target
from progressive._run.lines import lines_of
from progressive.errors import AdapterError, ErrorKind
from progressive.ports import (
    Clock,
    Closeable,
    Hold,
    Inbox,
    Lock,
    MetricsProvider,
    Notifier,
    Observer,
    Store,
    TrafficRouter,
    Workload,
)


@define(kw_only=True)
class Parts:
    """What a run is made of; see `Runner` for what each one is."""

    router: TrafficRouter
    metrics: MetricsProvider
    workload: Workload | None
    store: Store
    lock: Lock
    inbox: Inbox
    clock: Clock
    observers: Sequence[Observer] = ()
    notifiers: Sequence[Notifier] = ()
    identity: str = ""


PATIENCE = timedelta(seconds=30)
"""Beyond the deadline of an order: an adapter has time-outs of its own, and they come first."""


class Session:
    """
    One run of one target, from its opening to its outcome.

    Attributes:
        analysis: The machine.
        rerun: Whether this run is an older revision's, ended so that the wanted one can start.
    """

    def __init__(
        self,
        parts: Parts,
        analysis: CanaryAnalysis,
        *,
        target: Target,
        hold: Hold,
        version: str | None,
        rerun: bool = False,
    ) -> None:
        self.analysis = analysis
        self.rerun = rerun
        self._parts, self._target, self._hold = parts, target, hold
        self._version = version
        self._unsaved = True
        self._watches: list[Closeable] = []

    @property
    def done(self) -> bool:
        """Whether there is an outcome."""
        return self.analysis.done

    @property
    def report(self) -> Report:
        """The record so far."""
        return evolve(self.analysis.report, holder=self._parts.identity)

    def watch(self, tell: Callable[[Event], None], *, since: datetime) -> None:
        """
        Listen to people, and to the target; what cannot be heard is said and done without.

        Args:
            since: What people decided after this instant is heard, too.
        """
        workload = self._parts.workload
        opens: list[Callable[[], Closeable]] = [
            lambda: self._parts.inbox.watch(self._target, tell, since=since)
        ]
        if workload is not None:
            opens.append(lambda: workload.watch(self._target, tell))
        for opened in opens:
            try:
                self._watches.append(opened())
            except AdapterError as error:
                self._warn(f"cannot watch: {error}")

    def close(self) -> None:
        """Stop listening and free the target."""
        for watch in self._watches:
            watch.close()
        self._watches.clear()
        self._hold.close()

    # events

    def receive(self, event: Event) -> None:
        """Hand one event to the machine; save what must not be lost, show it to observers."""
        self._work_in(event)
        action = self.analysis.action
        if self.done:
            self._end()
        elif isinstance(event, Measured | Commanded) and action is not None and not action.acts:
            self._save_or_warn()

    def _work_in(self, event: Event) -> None:
        stood = self.analysis.action
        self.analysis.receive(event)
        transition = self.analysis.transition
        if transition is None or (stood is self.analysis.action and not transition.happenings):
            return  # stale, or nothing but a receipt
        self._unsaved = True
        for line in lines_of(transition, self._target):
            log.log(line.level, line.text, extra={"run": transition.run})
        for observer in self._parts.observers:
            try:
                observer(transition)
            except Exception:
                log.exception("an observer failed", extra={"run": transition.run})

    # orders

    def perform(self, action: Action) -> Event:
        """Carry an order out and return its answer; a refusal is an answer as well."""
        homeward = self.analysis.homeward
        if action.acts and (error := self._save(urgent=homeward)) is not None:
            if error.kind is ErrorKind.LOST:
                return DriverLost(at=self._parts.clock.now(), message=error.message)
            if not homeward:
                return self._failed(action, error, unsaved=True)
            self._warn(f"the way home does not wait for the journal: {error}")
        try:
            return self._carry_out(action)
        except AdapterError as error:
            return self._failed(action, error)
        except Exception as error:
            # a fault in somebody's router or workload must not leave the traffic split
            return self._failed(action, self._fault(error))

    def patience(self, action: Action) -> datetime:
        """Until when an order that runs beside the loop may take to answer."""
        return (action.until or self._parts.clock.now()) + PATIENCE

    def overdue(self, action: Action) -> Failed:
        """The answer to an order that never came; a part without time-outs must not hold a run."""
        message = f"{type(action).__name__} was not answered in time"
        return self._failed(action, AdapterError(message, ErrorKind.UNAVAILABLE))

    def _fault(self, error: Exception) -> AdapterError:
        log.exception("an unexpected error", extra={"run": self.analysis.run})
        return AdapterError(f"{type(error).__name__}: {error}", ErrorKind.INVALID)

    def _failed(self, action: Action, error: AdapterError, *, unsaved: bool = False) -> Failed:
        told = ActionError(
            kind=error.kind, message=str(error), retry_after=error.retry_after, unsaved=unsaved
        )
        return Failed(at=self._parts.clock.now(), answers=action.id, error=told)

    def _carry_out(self, action: Action) -> Event:
        parts, target, at = self._parts, self._target, self._parts.clock.now
        match action:
            case Shift():
                seen = parts.router.shift(target, action.split)
                return Shifted(at=at(), answers=action.id, observed=seen)
            case Reset():
                seen = parts.router.reset(target)
                return Shifted(at=at(), answers=action.id, observed=seen)
            case Read():
                seen = parts.router.current(target)
                return Seen(at=at(), answers=action.id, observed=seen)
            case Measure():
                samples = [self._sample(check, action) for check in self.analysis.plan.checks]
                return Measured(at=at(), answers=action.id, samples=samples)
            case Wait():
                return Woke(at=at(), answers=action.id)
            case Finish():
                raise AssertionError("there is nothing to do when a run is over")
            case _:
                return self._carry_out_on_workload(action)

    def _carry_out_on_workload(self, action: Action) -> Event:
        workload, target = self._parts.workload, self._target
        assert workload is not None, "the machine orders this only for a managed workload"
        match action:
            case Prepare():
                workload.prepare(target)
            case Point():
                workload.point(target)
            case Mark():
                workload.mark(target)
            case Scale():
                workload.scale(target, up=action.up)
            case Promote():
                workload.promote(target, action.revision)
            case AskReady():
                until = action.until or self._parts.clock.now()
                asked = workload.readiness(target, action.side, until)
                return Reported(
                    at=self._parts.clock.now(),
                    answers=action.id,
                    readiness=asked.readiness,
                    message=asked.message,
                )
            case _:
                raise AssertionError(f"an order of an unknown kind: {action}")
        return Done(at=self._parts.clock.now(), answers=action.id)

    def _sample(self, check: MetricCheck, action: Measure) -> Sample:
        question = Question(
            check=check,
            target=self._target,
            dialect=self._parts.router.capabilities.dialect,
            since=action.since,
            at=self._parts.clock.now(),
            round=action.round,
        )
        try:
            return self._parts.metrics.sample(question)
        except AdapterError as error:
            # an outage is silence (L7); a refused query is nobody's failure, but no silence
            cause = Cause.UNREACHABLE if error.transient else Cause.REFUSED
            return Sample(cause=cause, detail=str(error), query=check.query or "")
        except Exception as error:
            detail = str(self._fault(error))
            return Sample(cause=Cause.REFUSED, detail=detail, query=check.query or "")

    # the journal

    def save_first(self) -> None:
        """The first save of a run; raises what it meets, for nothing has been moved yet."""
        error = self._save(urgent=False)
        if error is not None:
            raise error

    def _save(self, *, urgent: bool) -> AdapterError | None:
        if not self._unsaved:
            return None
        try:
            self._version = self._parts.store.save(
                self._target, self.analysis.to_json(), self._version, urgent=urgent
            )
        except AdapterError as error:
            return error
        self._unsaved = False
        self._hold.renew()
        if not urgent:
            self._notify()
        return None

    def _save_or_warn(self) -> None:
        error = self._save(urgent=False)
        if error is not None and error.kind is ErrorKind.LOST:
            self._work_in(DriverLost(at=self._parts.clock.now(), message=str(error)))
        elif error is not None:
            self._warn(f"the journal was not saved: {error}")

    def _end(self) -> None:
        """Save the outcome as due, tell it, save it as told (L16)."""
        if not self._parts.notifiers:
            self._notify()  # nobody is told, so nothing can be in doubt: one save says it all
        self._save_or_warn()
        if self._unsaved:
            self._notify()  # people are told even where the journal cannot be written
        self._save_or_warn()

    # notifications

    def settle_doubts(self) -> str | None:
        """
        After a crash: progress that may have been told is dropped, an outcome is repeated.

        Returns:
            The version of the journal, which says now that the outcome was told.
        """
        self._unsaved = False
        for one in self.analysis.due:
            if one.terminal:
                self._deliver(evolve(one, repeat=True))
            self._told(one)
        self._save_or_warn()
        return self._version

    def _notify(self) -> None:
        for one in self.analysis.due:
            self._deliver(one)
            self._told(one)

    def _told(self, one: Notification) -> None:
        number = int(one.id.rsplit("/", 1)[1])
        self.analysis.receive(Told(at=self._parts.clock.now(), number=number))
        # progress is saved as told with the next save, an outcome has no next one
        self._unsaved = self._unsaved or one.terminal

    def _deliver(self, one: Notification) -> None:
        for notifier in self._parts.notifiers:
            try:
                notifier.tell(one)
            except Exception:
                log.exception("a notifier failed", extra={"run": self.analysis.run})

    def _warn(self, message: str) -> None:
        log.warning("%s %s", self._target, message, extra={"run": self.analysis.run})
