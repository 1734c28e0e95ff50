"""What is told: to the run, to those who watch it, and to people.

Floor 3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from progressive._model.events import Event
from progressive._model.record import Notification, Transition

Tell = Callable[[Event], None]
"""Hands an interruption to the run; may be called from any thread, at any time."""


Observer = Callable[[Transition], None]
"""Is shown every transition; what it raises is logged and never disturbs the run."""


class Closeable(Protocol):
    """Something that goes on beside the run until it is closed."""

    def close(self) -> None:
        """Stop; safe to call twice."""


class Notifier(Protocol):
    """Brings notifications to people."""

    def tell(self, notification: Notification) -> None:
        """Deliver one; the same id may come twice after a crash, marked ``repeat``."""
