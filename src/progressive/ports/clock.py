"""Time, and what arrives while it goes by.

Floor 3.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from progressive._model.events import Event


class Clock(Protocol):
    """Time, and waiting for it."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC; never goes backwards."""

    def wait(self, until: datetime | None, inbox: Mailbox) -> None:
        """Return at `until`, or as soon as there is something in `inbox`."""

    def beside(self, work: Callable[[], Event], inbox: Mailbox) -> None:
        """Start `work` beside the loop; its event is put into `inbox`."""


class Mailbox(Protocol):
    """What has been told to a run and is not yet received, in order."""

    def put(self, event: Event) -> None:
        """Add an event; from any thread."""

    def fail(self, error: BaseException) -> None:
        """Let the next `take` raise: what ran beside the loop broke."""

    def take(self) -> Event | None:
        """The oldest event, or None; raises what broke beside the loop."""

    def wait(self, seconds: float | None) -> bool:
        """Block until there is an event, or for so long; whether there is one."""
