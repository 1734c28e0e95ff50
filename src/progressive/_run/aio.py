"""The runner for asyncio: the same loop in the other colour.

Floor 4. Everything that blocks runs in a thread (`asyncio.to_thread`); the loop itself never
blocks, so one event loop drives many releases. A cancelled run goes home first.
"""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar

from progressive._model.actions import Action, Wait
from progressive._model.events import Command, Commanded, Event, Woke
from progressive._model.origin import Origin
from progressive._model.plan import Plan
from progressive._model.report import Report
from progressive._model.traffic import Target
from progressive._run.clock import SystemClock
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

Answered = TypeVar("Answered")


class Blocking(Protocol):
    """Runs a blocking call without blocking the event loop; `asyncio.to_thread`, or a test's."""

    def __call__(self, call: Callable[..., Answered], /, *args: Any) -> Awaitable[Answered]: ...


class AsyncMailbox:
    """What was told to a run; `put` from any thread, the rest from the event loop."""

    def __init__(self) -> None:
        self._events: deque[Event | BaseException] = deque()
        self._loop = asyncio.get_running_loop()
        self._filled = asyncio.Event()

    def put(self, event: Event) -> None:
        """Add an event."""
        self._events.append(event)
        self._loop.call_soon_threadsafe(self._filled.set)

    def fail(self, error: BaseException) -> None:
        """What ran beside the loop broke: the loop must not wait for its answer for ever."""
        self._events.append(error)
        self._filled.set()

    def take(self) -> Event | None:
        """The oldest event, or None; raises what broke beside the loop."""
        if not self._events:
            return None
        first = self._events.popleft()
        if isinstance(first, BaseException):
            raise first
        return first

    @property
    def empty(self) -> bool:
        """Whether nothing is there to take."""
        return not self._events

    async def wait(self, seconds: float | None) -> None:
        """Until there is an event, or for so long."""
        self._filled.clear()
        if self._events:
            return
        try:
            await asyncio.wait_for(self._filled.wait(), seconds)
        except TimeoutError:
            return


class AsyncRunner:
    """
    Drives releases in an event loop; the arguments are those of `Runner`.

    One `AsyncRunner` drives one release at a time; make one for each target.
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
        blocking: Blocking = asyncio.to_thread,
    ) -> None:
        self._clock = clock or SystemClock()
        # a router may look for its cluster when it is asked for it: not in the event loop
        self._make_parts = functools.partial(
            make_parts,
            router=router,
            metrics=metrics,
            workload=workload,
            store=store,
            lock=lock,
            inbox=inbox,
            clock=self._clock,
            observers=observers,
            notifiers=notifiers,
            identity=identity,
            origin=origin,
        )
        self._blocking = blocking
        self._mailbox: AsyncMailbox | None = None
        self._ends = False
        self._report = Report()
        self._session: Session | None = None

    @property
    def report(self) -> Report:
        """The record of the present run, or of the last one."""
        session = self._session
        return self._report if session is None else session.report

    async def run(
        self,
        plan: Plan,
        target: Target,
        *,
        change: Change | None = None,
        retry: Commanded | None = None,
    ) -> Report:
        """As `Runner.run()`; cancelling it sends the traffic home before it ends."""
        self._ends = False
        report, older = await self._drive(
            Wish(target=target, plan=plan, change=change, command=retry)
        )
        while older and not self._ends:
            report, older = await self._drive(Wish(target=target, plan=plan))
        return report

    async def resume(self, target: Target) -> Report:
        """As `Runner.resume()`."""
        report, _ = await self._drive(Wish(target=target))
        return report

    def tell(self, event: Event) -> None:
        """Hand an interruption to the run; from any thread."""
        if self._mailbox is not None:
            self._mailbox.put(event)

    def abort(self, *, by: str = "", why: str = "", signal: bool = False) -> None:
        """Roll back now; `signal` says that the process is being ended (L26)."""
        self._ends = True
        at = self._clock.now()
        self.tell(Commanded(at=at, command=Command.ABORT, by=by, why=why, signal=signal))

    def hold(self, *, by: str = "", why: str = "", signal: bool = False) -> None:
        """Keep the split and stop the rounds; with `signal` the run ends there."""
        self._ends = self._ends or signal
        at = self._clock.now()
        self.tell(Commanded(at=at, command=Command.HOLD, by=by, why=why, signal=signal))

    def leave(self) -> None:
        """As `Runner.leave()`; from the event loop's thread."""
        self._ends = True
        if self._mailbox is not None:
            self._mailbox.fail(Left())

    async def _drive(self, wish: Wish) -> tuple[Report, bool]:
        self._mailbox = mailbox = AsyncMailbox()
        parts = await self._blocking(self._make_parts)
        try:
            session = await self._blocking(open_session, parts, wish, mailbox.put)
        except Ended as ended:
            self._session, self._report = None, ended.report
            return ended.report, False
        self._session = session
        try:
            await self._loop(session, mailbox, parts.clock)
        except Left:
            await self._blocking(session.put_down)
            return session.left, False
        finally:
            await asyncio.shield(asyncio.ensure_future(self._blocking(session.close)))
        return session.report, session.rerun

    async def _loop(self, session: Session, mailbox: AsyncMailbox, clock: Clock) -> None:
        asked, cancelled = 0, False
        while not session.done:
            step = asyncio.ensure_future(self._step(session, mailbox, clock, asked))
            try:
                asked = await asyncio.shield(step)
            except asyncio.CancelledError:
                if cancelled:
                    step.cancel()
                    raise
                cancelled = True
                self.abort(by="cancellation", signal=True)
                asked = await step
        if cancelled:
            raise asyncio.CancelledError

    async def _step(
        self, session: Session, mailbox: AsyncMailbox, clock: Clock, asked: int
    ) -> int:
        """One event, or one order, or one wait; returns the order that is asked beside us."""
        if (event := mailbox.take()) is not None:
            await self._blocking(session.receive, event)
            return asked
        action = session.analysis.action
        assert action is not None
        if isinstance(action, Wait):
            if action.until is not None and clock.now() >= action.until:
                woke = Woke(at=clock.now(), answers=action.id)
                await self._blocking(session.receive, woke)
            else:
                await self._wait(action, mailbox, clock)
        elif action.acts:
            await self._blocking(session.receive, await self._blocking(session.perform, action))
        elif asked != action.id:
            await self._ask_beside(session, action, mailbox)
            return action.id
        elif clock.now() >= (limit := session.patience(action)):
            await self._blocking(session.receive, session.overdue(action))
        elif session.owes_save:
            await mailbox.wait(min(limit - clock.now(), MOMENT).total_seconds())
            if mailbox.empty:
                await self._blocking(session.save_owed)
        else:
            await mailbox.wait((limit - clock.now()).total_seconds())
        return asked

    async def _wait(self, action: Wait, mailbox: AsyncMailbox, clock: Clock) -> None:
        if isinstance(clock, SystemClock):
            assert action.until is not None
            seconds = (action.until - clock.now()).total_seconds()
            await mailbox.wait(max(0.0, seconds))
        else:  # a clock that does not wait for real moves on here
            clock.wait(action.until, _Peek(mailbox))

    async def _ask_beside(self, session: Session, action: Action, mailbox: AsyncMailbox) -> None:
        async def ask() -> None:
            try:
                mailbox.put(await self._blocking(session.perform, action))
            except BaseException as error:
                mailbox.fail(error)

        self._beside = asyncio.ensure_future(ask())  # the event loop keeps a weak reference only


class _Peek:
    """A mailbox as a virtual clock wants it."""

    def __init__(self, mailbox: AsyncMailbox) -> None:
        self._mailbox = mailbox

    def put(self, event: Event) -> None:
        self._mailbox.put(event)

    def fail(self, error: BaseException) -> None:
        self._mailbox.fail(error)

    def take(self) -> Event | None:
        return self._mailbox.take()

    def wait(self, seconds: float | None) -> bool:
        return bool(self._mailbox._events)
