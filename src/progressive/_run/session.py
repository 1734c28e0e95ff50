"""One run without a loop: hand events to the machine, carry its orders out, save, tell.

Floor 4. Everything here blocks and nothing waits, so the sync and the async loop share it.
*Save, then act* (L19) lives in `perform()`: an order that changes the world is carried out only
once the state that gave it is in the journal. The way home alone does not wait for that (L26).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import evolve

from progressive._analysis.machine import CanaryAnalysis
from progressive._log import log
from progressive._model.actions import Action, AskReady
from progressive._model.events import (
    Commanded,
    DriverLost,
    Event,
    Failed,
    Measured,
    Told,
    TookOver,
)
from progressive._model.record import Notification, Outcome
from progressive._model.report import Report
from progressive._model.traffic import Target
from progressive._run.clock import pause
from progressive._run.lines import lines_of
from progressive._run.orders import Parts, carry_out, failed
from progressive.errors import AdapterError, ErrorKind
from progressive.ports import (
    Closeable,
    Fence,
    FencedRouter,
    FencedWorkload,
    Hold,
    Workload,
)

MOMENT = timedelta(seconds=0.25)
"""For the answer of a canary that is ready, before a round is saved without its next weight."""

_GIVE_BACK_PAUSES = (0.5, 1.0)
"""Seconds between tries; the outcome waits to be told, so they are few."""

PATIENCE = timedelta(seconds=30)
"""Beyond the deadline of an order: an adapter has time-outs of its own, and they come first."""

_LAST_PAUSES = (1.0, 2.0, 4.0)
"""Seconds before the last save is tried again: without it the next driver ends the run anew."""

_LAST_PATIENCE = timedelta(seconds=10)
"""A server that says nothing uses this up at its first silence."""


class Session:
    """
    One run of one target, from its opening to its outcome.

    Attributes:
        analysis: The machine.
        owes_save: Whether a round or a decision is not in the journal yet.
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
        self._unsaved, self.owes_save = True, False
        self._watches: list[Closeable] = []

    @property
    def done(self) -> bool:
        """Whether there is an outcome."""
        return self.analysis.done

    @property
    def report(self) -> Report:
        """The record so far."""
        return evolve(self.analysis.report, holder=self._parts.identity)

    def watch(self, tell: Callable[[Event], None], *, since: datetime | None) -> None:
        """
        Listen to people, and to the target; what cannot be heard is said and done without.

        Args:
            since: What people decided after this instant is heard, too; None: nothing older.
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

    def take_over(self) -> None:
        """
        Go on where another driver stopped: the journal is ours before anything else is done.

        A journal that cannot be written does not keep us from the way home; another driver's
        save does.
        """
        self.settle_doubts()
        at, us = self._parts.clock.now(), self._parts.identity
        self.receive(TookOver(at=at, by=us, epoch=self._hold.epoch))
        self._unsaved = True
        self._save_or_warn()

    def fence(self, *, at_once: bool) -> None:
        """
        Let no late write of an older driver land, on the route objects and the workload (L18).

        Raises:
            RouterError: Kind ``lost``, or one that may go away by itself; what is wrong with the
                route itself is met by the orders of the run, which know what to make of it.
        """
        router: object = self._parts.router
        workload: object = self._parts.workload
        fence = Fence.of(self.analysis.run, self._hold)
        if isinstance(workload, FencedWorkload):
            workload.fence(self._target, fence)
        if not isinstance(router, FencedRouter):
            return
        try:
            router.fence(self._target, fence, at_once=at_once)
        except AdapterError as error:
            if error.transient or error.kind is ErrorKind.LOST:
                raise
            self._warn(f"the route does not carry this driver's token: {error}")

    @property
    def left(self) -> Report:
        """The report of a run that its driver leaves before it is over."""
        weight = f"{self.report.final.weight} of {self.report.total}"
        words = f"its driver has left it: the canary keeps {weight}, and the next driver goes on"
        return evolve(self.report, outcome=Outcome.INCONCLUSIVE, message=words)

    def put_down(self) -> None:
        """Save how things stand, for the next driver."""
        if not self.done:
            self._save_or_warn()

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
            return
        self.owes_save = self.owes_save or isinstance(event, Measured | Commanded)
        # an order that acts is saved for; a canary that is ready answers in a moment, and then
        # the round and its next weight are one save
        if not (action is None or action.acts or isinstance(action, AskReady)):
            self.save_owed()

    def save_owed(self) -> None:
        """Save a round or a decision that no order has been saved for since."""
        if self.owes_save:
            self.owes_save = False
            self._save_or_warn()

    def _work_in(self, event: Event) -> None:
        stood = self.analysis.action
        self.analysis.receive(event)
        transition = self.analysis.transition
        if transition is None:
            return  # stale
        unmoved = stood is self.analysis.action and not transition.happenings
        if unmoved and not isinstance(event, Commanded):
            return  # nothing but a receipt; a decision is always answered on record
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
                return failed(self._parts, action, error, unsaved=True)
            self._warn(f"the way home does not wait for the journal: {error}")
        return carry_out(self._parts, self.analysis, self._target, action)

    def patience(self, action: Action) -> datetime:
        """Until when an order that runs beside the loop may take to answer."""
        return (action.until or self._parts.clock.now()) + PATIENCE

    def overdue(self, action: Action) -> Failed:
        """The answer to an order that never came; a part without time-outs must not hold a run."""
        message = f"{type(action).__name__} was not answered in time"
        return failed(self._parts, action, AdapterError(message, ErrorKind.UNAVAILABLE))

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
        self._unsaved = self.owes_save = False
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
        """Give back what was the run's, save the outcome as due, tell it, save it as told."""
        self._give_back()
        if not self._parts.notifiers:
            self._notify()  # nobody is told, so nothing can be in doubt: one save says it all
        self._save_patiently()
        if self._unsaved:
            self._notify()  # people are told even where the journal cannot be written
        self._save_or_warn()

    def _save_patiently(self) -> None:
        """The last save: the traffic is where it belongs, so nothing is kept waiting."""
        clock, begun = self._parts.clock, self._parts.clock.now()
        for seconds in _LAST_PAUSES:
            # a save tells what is due, and then that is to be saved
            error = self._save(urgent=False) or self._save(urgent=False)
            away = error is not None and error.kind is ErrorKind.UNAVAILABLE
            if not away or clock.now() - begun > _LAST_PATIENCE:
                break
            pause(clock, seconds)
        self._save_or_warn()

    def _give_back(self) -> None:
        """Before the last save, so that a crash in between repeats it; nothing waits for it."""
        if self.report.outcome is Outcome.BUSY:
            return  # it is another driver's by now
        if isinstance(self._parts.router, FencedRouter):
            try:
                self._parts.router.unfence(self._target)
            except AdapterError as error:
                self._warn(f"the token of this driver is left on the route: {error}")
        if self._parts.workload is not None:
            self._give_back_of(self._parts.workload)

    def _give_back_of(self, workload: Workload) -> None:
        """Tried again for a moment; the outcome stands whatever comes of it."""
        for seconds in (*_GIVE_BACK_PAUSES, None):
            try:
                workload.give_back(self._target)
                return
            except AdapterError as error:
                if seconds is None or not error.transient:
                    self._warn(f"{error}; the next run gives it back")
                    return
            except Exception:
                log.exception("a workload failed", extra={"run": self.analysis.run})
                return
            pause(self._parts.clock, seconds)

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
        one = evolve(one, target=self._target)
        for notifier in self._parts.notifiers:
            try:
                notifier.tell(one)
            except Exception:
                log.exception("a notifier failed", extra={"run": self.analysis.run})

    def _warn(self, message: str) -> None:
        log.warning("%s %s", self._target, message, extra={"run": self.analysis.run})
