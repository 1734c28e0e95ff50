"""Remembers for a moment what was read or written, so that a start asks nothing twice.

Floor 4. Used by the workload adapters; knows nothing of a cluster.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from progressive._adapters.workload.objects import Document

_MOMENT = timedelta(seconds=2)
"""The steps of a start follow each other within some 0.1 s; what is older is read anew."""


class Recent:
    """
    Objects by their path, each for a moment.

    Args:
        now: The present instant, aware.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._read: dict[str, tuple[datetime, Document]] = {}

    def note(self, path: str, manifest: Document) -> None:
        """It was read or written just now."""
        self._read[path] = (self._now(), manifest)

    def find(self, path: str) -> Document | None:
        """What was read or written a moment ago; None: nothing, or too long ago."""
        at, manifest = self._read.get(path, (None, None))
        return manifest if at is not None and self._now() - at <= _MOMENT else None

    def take(self, path: str) -> Document | None:
        """The same, once: whoever repeats his work shall read anew."""
        manifest = self.find(path)
        self._read.pop(path, None)
        return manifest
