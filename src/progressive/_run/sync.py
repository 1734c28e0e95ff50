"""The blocking runner: one loop around a session.

Floor 4. Writes are carried out in the loop, one after the other; measuring, asking and reading
run beside it, so that an abort never waits for them: their late answers are stale.
"""

from __future__ import annotations

from collections.abc import Sequence

from progressive._model.actions import Read, Wait
from progressive._model.events import Command, Commanded, Event, Woke
from progressive._model.origin import Origin
from progressive._model.plan import Plan
from progressive._model.report import Report
from progressive._model.traffic import Target
from progressive._run.clock import SystemClock, ThreadMailbox
from progressive._run.opening import Change, Ended, Left, Wish, open_session
from progressive._run.parts import make_parts
from progressive._run.session import MOMENT, Session
from progressive.ports import (
    Clock,
    Inbox,
    Lock,
    MetricsProvider,
    Notifier,
    Observer,
    Store,
    TrafficRouter,
    Workload,
)


class Runner:
    """
    Drives releases, one at a time.

    Args:
        router: Moves the traffic.
        metrics: Answers the checks.
        workload: The two copies that the release manages; None: two existing workloads.
        store: Keeps the journal; None: the router's cluster, or memory (with a warning).
        lock: Keeps other drivers away; None: as `store`.
        observers: Are shown every `Transition`; what they raise is logged.
        inbox: Where people's decisions arrive; None: as `store`.
        notifiers: Bring notifications to people.
        clock: Time; None: the system's.
        identity: Who drives, for the report and the Lease; None: the CI job, or user and host.
        origin: What the parts are, by name, kept in the journal; with it `progressive sweep` can
            bring the run home should its driver die.
    """

    def __init__(
        self,
        router: TrafficRouter,
        metrics: MetricsProvider,
        workload: Workload | None = None,
        store: Store | None = None,
        lock: Lock | None = None,
        observers: Sequence[Observer] = (),
        *,
        inbox: Inbox | None = None,
        notifiers: Sequence[Notifier] = (),
        clock: Clock | None = None,
        identity: str | None = None,
        origin: Origin | None = None,
    ) -> None:
        self._parts = make_parts(
            router=router,
            metrics=metrics,
            workload=workload,
            store=store,
            lock=lock,
            inbox=inbox,
            clock=clock or SystemClock(),
            observers=observers,
            notifiers=notifiers,
            identity=identity,
            origin=origin,
        )
        self._mailbox = ThreadMailbox()
        self._ends = False
        self._report = Report()
        self._session: Session | None = None

    @property
    def report(self) -> Report:
        """The record of the present run, or of the last one; may be read from any thread."""
        session = self._session
        return self._report if session is None else session.report

    def run(
        self,
        plan: Plan,
        target: Target,
        *,
        change: Change | None = None,
        retry: Commanded | None = None,
    ) -> Report:
        """
        Release: go on with an unfinished run of the target, or start one (L22).

        Args:
            change: Makes the new version, such as setting an image; called once the target is
                ours and before it is looked at, and again if it raises an `AdapterError` that
                may go away.
            retry: A person's decision to try a failed revision again, for the record of the
                run that failed.

        Returns:
            A report for every outcome; `Report.raise_for_outcome()` makes an error of it.
        """
        self._ends = False
        report, older = self._drive(Wish(target=target, plan=plan, change=change, command=retry))
        while older and not self._ends:
            report, older = self._drive(Wish(target=target, plan=plan))
        return report

    def resume(self, target: Target) -> Report:
        """Go on with an unfinished run, or answer a finished one's report; starts nothing."""
        return self._drive(Wish(target=target))[0]

    def decide(
        self, target: Target, command: Command, *, by: str = "", why: str = "", id: str = ""
    ) -> Report:
        """
        Follow a person's decision in a run that nobody drives: take the target, work it in.

        An abort and a promotion are driven to their end; after another decision the run stands
        as it was decided, for the next driver.

        Args:
            id: Of its entry in the inbox, if there is one.

        Returns:
            The report of that run, with what came of it in `Report.decisions`; `busy` when
            somebody drives it, `rejected` without a run.
        """
        at = self._parts.clock.now()
        told = Commanded(at=at, command=command, by=by, why=why, id=id)
        return self._drive(Wish(target=target, command=told))[0]

    def tell(self, event: Event) -> None:
        """Hand an interruption to the run; from any thread, and from a signal handler."""
        self._mailbox.put(event)

    def abort(self, *, by: str = "", why: str = "", signal: bool = False) -> None:
        """Roll back now; `signal` says that the process is being ended (L26)."""
        self._ends = True
        at = self._parts.clock.now()
        self.tell(Commanded(at=at, command=Command.ABORT, by=by, why=why, signal=signal))

    def hold(self, *, by: str = "", why: str = "", signal: bool = False) -> None:
        """Keep the split and stop the rounds; with `signal` the run ends there."""
        self._ends = self._ends or signal
        at = self._parts.clock.now()
        self.tell(Commanded(at=at, command=Command.HOLD, by=by, why=why, signal=signal))

    def leave(self) -> None:
        """Stop driving as soon as no order is in flight; the run is not over, and the split stays.

        The next driver goes on where this one left.
        """
        self._ends = True
        self._mailbox.fail(Left())

    def _drive(self, wish: Wish) -> tuple[Report, bool]:
        # late answers of an older run end in its own mailbox
        self._mailbox = mailbox = ThreadMailbox()
        try:
            session = open_session(self._parts, wish, mailbox.put)
        except Ended as ended:
            self._session, self._report = None, ended.report
            return ended.report, False
        self._session = session
        try:
            if wish.stands:
                self._settle(session)
                session.put_down()
            else:
                self._loop(session)
        except Left:
            session.put_down()
            return session.left, False
        finally:
            session.close()
        return session.report, session.rerun

    def _settle(self, session: Session) -> None:
        """Work in what was decided; an order that stands is carried out first, as it was saved."""
        while not session.done:
            action = session.analysis.action
            if (event := self._mailbox.take()) is not None:
                session.receive(event)
            elif action is not None and (action.acts or isinstance(action, Read)):
                session.receive(session.perform(action))
            else:
                return

    def _loop(self, session: Session) -> None:
        asked, interrupted = 0, False
        while not session.done:
            try:
                asked = self._step(session, asked)
            except KeyboardInterrupt:
                if interrupted:
                    raise
                interrupted = True
                self.abort(by="KeyboardInterrupt", signal=True)

    def _step(self, session: Session, asked: int) -> int:
        """One event, or one order, or one wait; returns the order that is asked beside us."""
        mailbox, clock = self._mailbox, self._parts.clock
        if (event := mailbox.take()) is not None:
            session.receive(event)
            return asked
        action = session.analysis.action
        assert action is not None
        if isinstance(action, Wait):
            if action.until is not None and clock.now() >= action.until:
                session.receive(Woke(at=clock.now(), answers=action.id))
            else:
                clock.wait(action.until, mailbox)
        elif action.acts:
            session.receive(session.perform(action))
        elif asked != action.id:
            clock.beside(lambda: session.perform(action), mailbox)
            return action.id
        elif clock.now() >= (limit := session.patience(action)):
            session.receive(session.overdue(action))
        elif session.owes_save:
            clock.wait(min(limit, clock.now() + MOMENT), mailbox)
            if not mailbox.wait(0):
                session.save_owed()
        else:
            clock.wait(limit, mailbox)
        return asked
