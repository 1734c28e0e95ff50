"""Lets the faults of a scenario happen: a call that is refused, a driver that dies.

Floor 4. Used by `world.py` around every call that a scenario can count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from progressive._scenario.scenario import Call, Fault, What
from progressive.errors import (
    AdapterError,
    ClusterError,
    ErrorKind,
    MetricsError,
    RouterError,
    StoreError,
)

_KINDS = {
    What.CONFLICT: ErrorKind.CONFLICT,
    What.UNAVAILABLE: ErrorKind.UNAVAILABLE,
    What.FORBIDDEN: ErrorKind.FORBIDDEN,
}
_ERRORS: dict[Call, type[AdapterError]] = {
    Call.ROUTE_WRITE: RouterError,
    Call.ROUTE_READ: RouterError,
    Call.JOURNAL: StoreError,
    Call.WORKLOAD: ClusterError,
    Call.METRICS: MetricsError,
}


class Crash(BaseException):
    """The driver's process is gone; no `except Exception` survives it."""


class Faults:
    """Counts calls and lets the faults of a scenario happen."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self._faults = faults
        self.calls: Counter[Call] = Counter()

    @contextmanager
    def around(self, kind: Call) -> Iterator[None]:
        """One call of a kind; a refused one does not happen, a crash may come after it."""
        self.calls[kind] += 1
        number = self.calls[kind]
        hit = next((f.what for f in self._faults if f.hits(kind, number)), None)
        if hit is What.CRASH_BEFORE:
            raise Crash
        if hit in _KINDS:
            raise _ERRORS[kind](f"{hit} at {kind} {number}, as the scenario says", _KINDS[hit])
        yield
        if hit is What.CRASH_AFTER:
            raise Crash
