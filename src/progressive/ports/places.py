"""Where a run keeps its journal, how it is alone, and where people put their decisions.

Floor 3.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from attrs import frozen

from progressive._model.traffic import Target
from progressive.ports.told import Closeable, Tell


@frozen(kw_only=True)
class Saved:
    """
    A journal as it was read.

    Attributes:
        text: The state, as the machine wrote it.
        version: What a save must name to replace just this one.
    """

    text: str
    version: str


RUNS_KEPT = 10
"""Runs of a target that a `Store` keeps beside the present one (L19)."""


@frozen(kw_only=True)
class Kept:
    """
    The journal of a run that is over, as it was put aside.

    Attributes:
        run: Id of the run, or what the place made of it.
        text: The state, as the machine wrote it.
    """

    run: str
    text: str


class Store(Protocol):
    """Keeps the journal of the present or last run of each target, and those of ten before it."""

    def load(self, target: Target) -> Saved | None:
        """The journal; None: there is none."""

    def save(
        self, target: Target, text: str, expected: str | None, *, urgent: bool = False
    ) -> str:
        """
        Replace the journal and return its new version.

        Args:
            expected: Version that is replaced; None: there was no journal.
            urgent: The way home waits for this: one short attempt, no repetition.

        Raises:
            StoreConflict: Another journal stands there: another driver is at work. A change
                around it that leaves the journal as it was (somebody labelled its object) is
                no conflict.
        """

    def keep(self, target: Target, run: str, text: str) -> None:
        """Put the journal of a run that is over aside, once or again; `RUNS_KEPT` stay."""

    def kept(self, target: Target) -> tuple[Kept, ...]:
        """The journals that were put aside, newest first."""


class Hold(Protocol):
    """A target that is ours alone, until it is closed."""

    @property
    def epoch(self) -> int:
        """Number of this taking; it grows with every one, whoever takes."""

    def outgrow(self, epoch: int) -> None:
        """
        Be a later taking than the one with this number, which the journal knows.

        Where somebody deleted what the lock remembers, its numbers began anew.

        Raises:
            LeaseLost: It belongs to another driver, whose number that is.
            LockError: It cannot be written.
        """

    def confirm(self) -> None:
        """
        Ask whether the target is still ours.

        Raises:
            LeaseLost: It belongs to another driver.
            LockError: It cannot be asked.
        """

    def renew(self) -> None:
        """The journal was just saved, which shows life as well: put the next renewal off."""

    def close(self) -> None:
        """Free the target; safe to call twice."""


class Lock(Protocol):
    """Sees to it that one driver at a time moves a target."""

    def acquire(self, target: Target, run: str, tell: Tell) -> Hold:
        """
        Take the target; tells `DriverLost` if it is taken from us later.

        Raises:
            Busy: Another driver holds it and is alive.
        """

    def holder(self, target: Target) -> str | None:
        """Who holds it; None: nobody, or somebody whose time is over."""


class Inbox(Protocol):
    """Where people's decisions for a run are put, with or without a live driver."""

    def put(self, target: Target, command: str, *, by: str, why: str) -> str:
        """Append one decision, and return its id."""

    def watch(self, target: Target, tell: Tell, *, since: datetime | None = None) -> Closeable:
        """
        Tell `Commanded` for each new decision, until closed; the run drops what it knows by id.

        Args:
            since: What was put after this instant is new as well, though it is there already; it
                is told before this returns. So a driver hears what people decided while nobody
                drove, or while it was still finding out. None: nothing that is there is new.
        """
