"""Follows objects of the memory cluster.

Floor 4. Blocks on the cluster's own condition; is told by `memory.py`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime
from typing import Any

from progressive._adapters.cluster.address import Address
from progressive._adapters.cluster.inmemory.selectors import labels_match


class MemoryWatch:
    """
    A `WatchStream` in memory.

    An object that gets the labels arrives as ``ADDED``, one that loses them as ``DELETED``, as
    from a real API server.
    """

    def __init__(
        self,
        at: Address,
        turn: threading.Condition,
        *,
        name: str | None,
        labels: str | None,
        until: datetime | None,
        now: Callable[[], datetime],
        patient: bool,
        closed: Callable[[MemoryWatch], None],
    ) -> None:
        self.at = at
        self._turn, self._name, self._labels = turn, name, labels or ""
        self._until, self._now, self._patient, self._closed = until, now, patient, closed
        self._waiting: deque[tuple[str, dict[str, Any]]] = deque()
        self._shown: set[tuple[str, str, str, str]] = set()
        self._over = False

    def __iter__(self) -> MemoryWatch:
        return self

    def __next__(self) -> tuple[str, dict[str, Any]]:
        """The next ``(type, object)``; blocks until there is one, `until`, or `close()`."""
        with self._turn:
            while not self._over:
                if self._waiting:
                    return self._waiting.popleft()
                left: float | None = None
                if self._until is not None:
                    left = (self._until - self._now()).total_seconds()
                    if left <= 0 or not self._patient:
                        break
                self._turn.wait(left)
        self.close()
        raise StopIteration

    def close(self) -> None:
        """End the stream; safe from any thread, and twice."""
        with self._turn:
            if not self._over:
                self._over = True
                self._closed(self)

    def tell(self, kind: str, at: Address, manifest: dict[str, Any]) -> None:
        """Take note of a change; called with the turn held."""
        if at.key[:2] != self.at.key[:2] or self.at.namespace not in (None, at.namespace):
            return
        if self._name is not None and at.name != self._name:
            return
        wanted = labels_match(self._labels, manifest["metadata"].get("labels") or {})
        known = at.key in self._shown
        if kind == "DELETED" or not wanted:
            if not known:
                return
            self._shown.discard(at.key)
            kind = "DELETED"
        else:
            self._shown.add(at.key)
            kind = "MODIFIED" if known else "ADDED"
        self._waiting.append((kind, deepcopy(manifest)))

    def synced(self) -> None:
        """The first listing is told."""
        self._waiting.append(("SYNCED", {}))
