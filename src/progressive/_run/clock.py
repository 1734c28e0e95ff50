"""Time and the mailbox of a run in this process.

Floor 4. `SystemClock` waits for real; `progressive.testing` has a clock that does not.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from progressive._model.events import Event
from progressive.ports import Clock, Mailbox


class ThreadMailbox:
    """
    What was told to a run, in order.

    `put` may be called from any thread and from a signal handler (a `SimpleQueue` is made for
    that); `take` and `wait` belong to the loop.
    """

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Event | BaseException] = queue.SimpleQueue()
        self._first: Event | BaseException | None = None

    def put(self, event: Event) -> None:
        """Add an event."""
        self._queue.put(event)

    def fail(self, error: BaseException) -> None:
        """What ran beside the loop broke: the loop must not wait for its answer for ever."""
        self._queue.put(error)

    def take(self) -> Event | None:
        """The oldest event, or None; raises what broke beside the loop."""
        first, self._first = self._first, None
        if first is None:
            try:
                first = self._queue.get_nowait()
            except queue.Empty:
                return None
        if isinstance(first, BaseException):
            raise first
        return first

    def wait(self, seconds: float | None) -> bool:
        """Block until there is an event, or for so long; whether there is one."""
        if self._first is None:
            try:
                self._first = self._queue.get(timeout=seconds)
            except queue.Empty:
                return False
        return True


class SystemClock:
    """Wall time that never goes backwards: read once, then counted by the monotonic clock."""

    def __init__(self) -> None:
        self._wall = datetime.now(UTC)
        self._begun = time.monotonic()

    def now(self) -> datetime:
        """The present instant, in UTC."""
        return self._wall + timedelta(seconds=time.monotonic() - self._begun)

    def wait(self, until: datetime | None, inbox: Mailbox) -> None:
        """Return at `until`, or as soon as there is something in `inbox`."""
        if until is None:
            inbox.wait(None)
        else:
            inbox.wait(max(0.0, (until - self.now()).total_seconds()))

    def beside(self, work: Callable[[], Event], inbox: Mailbox) -> None:
        """Start `work` in a thread of its own; its event is put into `inbox`.

        The thread does not keep the process alive: an answer that nobody waits for any more
        must not delay the end of a run.
        """

        def answer() -> None:
            try:
                inbox.put(work())
            except BaseException as error:
                inbox.fail(error)

        threading.Thread(target=answer, name="progressive-beside", daemon=True).start()


def pause(clock: Clock, seconds: float) -> None:
    """Wait for so long by a clock, whatever is told meanwhile."""
    clock.wait(clock.now() + timedelta(seconds=seconds), ThreadMailbox())
