"""The users of the demo: requests at a fixed rate, and what came of each.

Floor 5. They measure what people really get, independently of Envoy's own counters.
"""

from __future__ import annotations

import http.client
import math
import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from attrs import field, frozen

_WORKERS = 8
_TIMEOUT = 5.0  # seconds; a user who waits longer counts as one who got an error


@frozen(kw_only=True)
class Visit:
    """
    One request of one user.

    Attributes:
        at: When it was sent, on the monotonic clock.
        version: Who answered; empty: nobody, or Envoy itself.
        status: HTTP status; 0: no answer.
        seconds: How long it took.
    """

    at: float
    version: str
    status: int
    seconds: float

    @property
    def failed(self) -> bool:
        """Whether the user saw an error."""
        return not 200 <= self.status < 500


@frozen(kw_only=True)
class Share:
    """
    What one version's users got.

    Attributes:
        version: Empty: those whom no version answered.
        requests: How many.
        errors: How many of them saw an error.
        part: Of all requests, 0 to 1.
        slowest: The 99th percentile of the time to answer, in seconds.
    """

    version: str
    requests: int = 0
    errors: int = 0
    part: float = 0.0
    slowest: float = field(default=math.nan)


class Users:
    """
    Sends requests until it is closed.

    Args:
        port: Of Envoy's listener on the loopback.
        rate: Requests a second, all users together; when answers are slow the rate falls, for
            there are never more than eight under way.
    """

    def __init__(self, port: int, *, rate: float) -> None:
        self._port, self._rate = port, rate
        self._visits: list[Visit] = []
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._visit_on, args=(n,), name=f"user-{n}", daemon=True)
            for n in range(_WORKERS)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(_TIMEOUT + 1)

    def visits(self, since: float = 0.0) -> list[Visit]:
        """Those that were sent at or after an instant of the monotonic clock."""
        return [one for one in list(self._visits) if one.at >= since]

    def _visit_on(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT)
        pause = _WORKERS / self._rate
        due = time.monotonic() + number / self._rate
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            self._visits.append(_visit(connection))
            due = max(due + pause, time.monotonic() - pause)
        connection.close()


def shares(visits: Iterable[Visit], versions: Iterable[str]) -> tuple[Share, ...]:
    """What each version's users got; those whom nobody answered come last, if there are any."""
    groups: dict[str, list[Visit]] = {version: [] for version in versions}
    for visit in visits:
        groups.setdefault(visit.version, []).append(visit)
    total = sum(map(len, groups.values()))
    return tuple(_share(version, group, total) for version, group in groups.items())


def _share(version: str, group: list[Visit], total: int) -> Share:
    if not group:
        return Share(version=version)
    times = sorted(one.seconds for one in group)
    return Share(
        version=version,
        requests=len(group),
        errors=sum(one.failed for one in group),
        part=len(group) / total,
        slowest=times[math.ceil(0.99 * len(times)) - 1],
    )


def _visit(connection: http.client.HTTPConnection) -> Visit:
    at, version, status = time.monotonic(), "", 0
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        answer.read()
        status, version = answer.status, answer.headers.get("x-version", "")
    except (OSError, http.client.HTTPException):
        connection.close()
    return Visit(at=at, version=version, status=status, seconds=time.monotonic() - at)
