"""Follows objects of a real Kubernetes API for as long as it takes.

Floor 4. A watch is a list, then a stream of changes since that list's resource version; the
stream ends all the time (server time-outs, restarts, load balancers), and then goes on from the
last version seen, or from a new list when the server has forgotten it (410 Gone).
Source: Kubernetes manual, "API Concepts", "Efficient detection of changes" and "Watch bookmarks".
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from progressive._adapters.cluster.answers import unanswered
from progressive._adapters.cluster.link import Link, Request
from progressive._adapters.cluster.retry import Policy, persistently
from progressive._log import log
from progressive.errors import ClusterError, ErrorKind

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse


Change = tuple[str, dict[str, Any]]

_STREAM_SECONDS = 290
"""How long the server is asked to keep one stream; client-go asks for 300 to 600."""

_SILENCE_SECONDS = 100.0
"""A stream that says nothing for so long is dead: bookmarks come every 60 to 75 s."""

_PAUSES = (0.0, 0.2, 0.5, 1.0, 2.0, 4.0)
"""Seconds before each next connection when one after the other fails; the last one repeats."""


class _Expired(Exception):
    """The server has forgotten the resource version (410 Gone)."""


class KubernetesWatch:
    """
    A `WatchStream` of a real API server.

    A daemon thread of its own reads, so that whoever iterates is free at `until` and after
    `close()`, whatever the network does at that moment. The stream is opened only once somebody
    waits for a change: whoever finds it in the first listing has asked for nothing more.
    """

    def __init__(
        self,
        link: Link,
        policy: Policy,
        path: str,
        *,
        name: str | None,
        labels: str | None,
        until: datetime | None,
        known: dict[str, Any] | None = None,
    ) -> None:
        self._link, self._policy, self._path = link, policy, path
        self._end: float | None = None
        if until is not None:
            self._end = time.monotonic() + (until - datetime.now(UTC)).total_seconds()
        self._query: dict[str, str] = {}
        if name is not None:
            self._query["fieldSelector"] = f"metadata.name={name}"
        if labels is not None:
            self._query["labelSelector"] = labels
        self._over = threading.Event()
        self._turn = threading.Condition()
        self._stream: BaseHTTPResponse | None = None
        self._version = ""
        self._known: dict[tuple[str, str], dict[str, Any]] = {}
        if known is not None:
            self._known, self._version = {_key(known): known}, _version(known)
        self._waiting: deque[Change | ClusterError] = deque()
        self._begun, self._awaited = False, False
        self._reader: threading.Thread | None = None

    def begin(self) -> None:
        """
        Start, and return once the first listing is there, or at `until`.

        Raises:
            ClusterError: The first listing failed.
        """
        with self._turn:
            self._start_reader()
            while not self._begun and not self._over.is_set():
                left = self._left()
                if left is not None and left <= 0:
                    return
                self._turn.wait(left)
            if self._waiting and isinstance(self._waiting[0], ClusterError):
                error = self._waiting[0]
                self.close()
                raise error

    def __iter__(self) -> KubernetesWatch:
        return self

    def __next__(self) -> Change:
        """
        The next ``(type, object)``; blocks until there is one, `until`, or `close()`.

        Raises:
            ClusterError: A later request was refused for good.
        """
        with self._turn:
            while not self._over.is_set():
                if self._waiting:
                    change = self._waiting.popleft()
                    if not isinstance(change, ClusterError):
                        return change
                    self.close()
                    raise change
                left = self._left()
                if left is not None and left <= 0:
                    break
                self._awaited = True
                self._turn.notify_all()
                self._turn.wait(left)
        self.close()
        raise StopIteration

    def close(self) -> None:
        """End the stream, also while another thread waits in it; safe twice."""
        with self._turn:
            self._over.set()
            self._waiting.clear()
            if self._stream is not None:
                _interrupt(self._stream)
            self._turn.notify_all()

    def _left(self) -> float | None:
        return None if self._end is None else self._end - time.monotonic()

    def _start_reader(self) -> None:
        if self._reader is None and not self._over.is_set():
            self._reader = threading.Thread(
                target=self._read, name=f"progressive-watch {self._path}", daemon=True
            )
            self._reader.start()

    def _read(self) -> None:
        try:
            for change in self._follow():
                self._hand_over(change)
        except ClusterError as error:
            self._hand_over(error)

    def _hand_over(self, change: Change | ClusterError) -> None:
        with self._turn:
            if not self._over.is_set():
                self._waiting.append(change)
                self._begun = self._begun or isinstance(change, ClusterError) or not change[1]
                self._turn.notify_all()

    def _follow(self) -> Iterator[Change]:
        synced, failures = False, 0
        while not self._over.is_set():
            try:
                if not self._version:
                    yield from self._unless_over(self._list(patient=not synced))
                elif not synced:
                    yield from self._unless_over([("ADDED", one) for one in self._known.values()])
                if not synced:
                    synced = True
                    yield from self._unless_over([("SYNCED", {})])
                    self._rest_until_awaited()
                if self._over.is_set():
                    return  # nobody waits: a stream would be opened for nothing
                for change in self._stream_on():
                    failures = 0
                    if change is not None:
                        yield change
            except _Expired:
                self._version = ""
            except ClusterError as error:
                if self._over.is_set():
                    return
                if not synced or error.kind is not ErrorKind.UNAVAILABLE:
                    raise
                self._rest(failures, error)
                failures += 1

    def _rest_until_awaited(self) -> None:
        with self._turn:
            while not (self._awaited or self._over.is_set()):
                self._turn.wait()

    def _unless_over(self, changes: list[Change]) -> Iterator[Change]:
        for change in changes:
            if self._over.is_set():
                return
            yield change

    def _rest(self, failures: int, error: ClusterError) -> None:
        pause = _PAUSES[min(failures, len(_PAUSES) - 1)]
        if failures == len(_PAUSES) - 1:
            log.warning("the watch of %s waits for the API server: %s", self._path, error)
        self._over.wait(max(pause, min(error.retry_after or 0.0, 10.0)))

    def _list(self, *, patient: bool) -> list[Change]:
        request = Request(
            method="GET",
            path=self._path,
            query=self._query,
            connect=self._policy.connect,
            read=self._policy.read,
        )
        # later listings are repeated by the loop around, which does not give up
        told = (
            persistently(
                lambda: self._link.ask(request), policy=self._policy, safe=True, what=str(request)
            )
            if patient
            else self._link.ask(request)
        )
        kind, api_version = str(told.get("kind", "")).removesuffix("List"), told.get("apiVersion")
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for item in told.get("items") or []:
            # lists of built-in kinds leave these out of their items
            one = {"apiVersion": api_version, "kind": kind, **item}
            found[_key(one)] = one
        changes: list[Change] = [
            ("DELETED", gone) for key, gone in self._known.items() if key not in found
        ]
        for key, one in found.items():
            known = self._known.get(key)
            if known is None:
                changes.append(("ADDED", one))
            elif _version(known) != _version(one):
                changes.append(("MODIFIED", one))
        self._known = found
        self._version = _version(told)
        return changes

    def _stream_on(self) -> Iterator[Change | None]:
        query = {
            **self._query,
            "watch": "true",
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(_STREAM_SECONDS),
        }
        request = Request(
            method="GET",
            path=self._path,
            query=query,
            connect=self._policy.connect,
            read=self._policy.read,
        )
        try:
            stream = self._link.open(request)
        except ClusterError as error:
            if error.status == 410:
                raise _Expired from error
            raise
        _allow_silence(stream)
        with self._turn:
            self._stream = stream
            if self._over.is_set():
                _interrupt(stream)
        try:
            for event in _events(stream, self._link.server):
                if self._over.is_set():
                    return
                yield self._noted(event)
        finally:
            with self._turn:
                self._stream = None
            # not released: a stream that was left half read cannot be used again
            stream.close()

    def _noted(self, event: dict[str, Any]) -> Change | None:
        kind, one = str(event.get("type")), event.get("object") or {}
        if kind == "ERROR":
            if one.get("code") == 410:
                raise _Expired
            status = one.get("code") or 500
            words = str(one.get("message") or "the watch failed")
            raise ClusterError(
                words, ErrorKind.UNAVAILABLE, None, int(status), str(one.get("reason") or "")
            )
        self._version = _version(one) or self._version
        if kind == "BOOKMARK":
            return None
        if kind == "DELETED":
            self._known.pop(_key(one), None)
        else:
            self._known[_key(one)] = one
        return kind, one


def _events(stream: BaseHTTPResponse, server: str) -> Iterator[dict[str, Any]]:
    from urllib3.exceptions import HTTPError

    rest = b""
    try:
        for piece in stream.stream(2**16):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                if line.strip():
                    yield json.loads(line)
    except (HTTPError, OSError, ValueError) as error:
        # ValueError: half a line, or a file that another thread has closed
        raise unanswered(error, server=server) from error


def _socket(stream: BaseHTTPResponse) -> socket.socket | None:
    return getattr(getattr(stream, "connection", None), "sock", None)


def _allow_silence(stream: BaseHTTPResponse) -> None:
    """The answer began in time; from now on long silence is the rule."""
    sock = _socket(stream)
    if sock is not None:
        sock.settimeout(_SILENCE_SECONDS)


def _interrupt(stream: BaseHTTPResponse) -> None:
    """Wake the thread that reads this stream; closing alone would not."""
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        sock = _socket(stream)
        if sock is not None:
            sock.shutdown(socket.SHUT_RDWR)


def _key(one: dict[str, Any]) -> tuple[str, str]:
    meta = one.get("metadata") or {}
    return str(meta.get("namespace", "")), str(meta.get("name", ""))


def _version(one: dict[str, Any]) -> str:
    return str((one.get("metadata") or {}).get("resourceVersion", ""))
