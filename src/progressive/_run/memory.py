"""Journal, lock and inbox in this process alone, for targets without a cluster.

Floor 4. What they keep ends with the process: good for tests and demonstrations.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from progressive._model.events import Command, Commanded
from progressive._model.traffic import Target
from progressive.errors import Busy, StoreConflict
from progressive.ports import RUNS_KEPT, Closeable, Hold, Kept, Saved, Tell


class MemoryStore:
    """Journals by target."""

    def __init__(self) -> None:
        self._saved: dict[str, Saved] = {}
        self._kept: dict[str, dict[str, str]] = {}
        self._lock = threading.Lock()

    def load(self, target: Target) -> Saved | None:
        """The journal; None: there is none."""
        with self._lock:
            return self._saved.get(str(target))

    def save(
        self, target: Target, text: str, expected: str | None, *, urgent: bool = False
    ) -> str:
        """
        Replace the journal.

        Raises:
            StoreConflict: Another version stands there.
        """
        with self._lock:
            present = self._saved.get(str(target))
            if (present.version if present else None) != expected:
                raise StoreConflict(f"the journal of {target} was saved by another driver")
            version = str(int(expected or "0") + 1)
            self._saved[str(target)] = Saved(text=text, version=version)
            return version

    def keep(self, target: Target, run: str, text: str) -> None:
        """Put the journal of a run that is over aside; an eleventh drops the oldest."""
        with self._lock:
            kept = self._kept.setdefault(str(target), {})
            kept[run] = text
            for old in sorted(one for one in kept if one != run)[: 1 - RUNS_KEPT]:
                del kept[old]

    def kept(self, target: Target) -> tuple[Kept, ...]:
        """The journals that were put aside, newest first."""
        with self._lock:
            kept = self._kept.get(str(target), {})
            return tuple(Kept(run=run, text=kept[run]) for run in sorted(kept, reverse=True))


class _MemoryHold:
    def __init__(self, lock: MemoryLock, target: Target, run: str, epoch: int) -> None:
        self._held_by, self._target, self._run = lock, target, run
        self.epoch = epoch

    def outgrow(self, epoch: int) -> None:
        """Be a later taking than that one."""
        if self.epoch <= epoch:
            self.epoch = self._held_by.next_epoch(self._target, above=epoch)

    def confirm(self) -> None:
        """It is ours until it is closed."""

    def renew(self) -> None:
        """Nothing to renew: the process is the proof of life."""

    def close(self) -> None:
        """Free the target; safe to call twice."""
        self._held_by.free(self._target, self._run)


class MemoryLock:
    """One run at a time for each target, in this process."""

    def __init__(self) -> None:
        self._holders: dict[str, str] = {}
        self._epochs: dict[str, int] = {}
        self._lock = threading.Lock()

    def acquire(self, target: Target, run: str, tell: Tell) -> Hold:
        """
        Take the target.

        Raises:
            Busy: Another run holds it.
        """
        with self._lock:
            holder = self._holders.get(str(target))
            if holder is not None:
                raise Busy(f"{target} is being moved by run {holder} in this process")
            self._holders[str(target)] = run
        return _MemoryHold(self, target, run, self.next_epoch(target))

    def holder(self, target: Target) -> str | None:
        """Who holds it."""
        with self._lock:
            return self._holders.get(str(target))

    def next_epoch(self, target: Target, *, above: int = 0) -> int:
        """A number that no taking has had."""
        with self._lock:
            epoch = max(self._epochs.get(str(target), 0), above) + 1
            self._epochs[str(target)] = epoch
            return epoch

    def free(self, target: Target, run: str) -> None:
        """Give the target back, if it is still this run's."""
        with self._lock:
            if self._holders.get(str(target)) == run:
                del self._holders[str(target)]


class _Subscription:
    def __init__(self, tells: list[Tell], tell: Tell) -> None:
        self._tells, self._tell = tells, tell
        tells.append(tell)

    def close(self) -> None:
        """End it; safe to call twice."""
        if self._tell in self._tells:
            self._tells.remove(self._tell)


class MemoryInbox:
    """Decisions for runs in this process."""

    def __init__(self) -> None:
        self._tells: dict[str, list[Tell]] = {}
        self._put: dict[str, list[Commanded]] = {}

    def put(self, target: Target, command: str, *, by: str, why: str) -> str:
        """Hand a decision to the run that watches, or that is about to; returns its id."""
        there = self._put.setdefault(str(target), [])
        at = datetime.now(UTC)
        one = Commanded(at=at, command=Command(command), by=by, why=why, id=f"memory-{len(there)}")
        there.append(one)
        for tell in list(self._tells.get(str(target), ())):
            tell(one)
        return one.id

    def watch(self, target: Target, tell: Tell, *, since: datetime | None = None) -> Closeable:
        """Tell each new decision, and those that were put after `since`, until closed."""
        for one in self._put.get(str(target), ()):
            if since is not None and one.at > since:
                tell(one)
        return _Subscription(self._tells.setdefault(str(target), []), tell)
