"""Users: asks the gateway at an even rate, and counts who answered what."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from threading import Event, Thread
from typing import NamedTuple, Self

_TIMEOUT_S = 10.0
_AT_ONCE = 900
"""More unanswered than this, and a user gives up before asking; from 1,024 on Envoy refuses.

So a pause of everything, as on a machine that does much else, is no request that was left out."""

Counts = Counter[tuple[str, int]]
"""Answers by the version that gave them and their status; version ``""``: no pod answered."""


class Answer(NamedTuple):
    """
    What one user got.

    Attributes:
        at: When it was asked, by `time.monotonic`.
        version: The image tag of the pod that answered; empty: none did.
        status: Of HTTP; 0: no answer at all.
        seconds: How long it took.
    """

    at: float
    version: str
    status: int
    seconds: float


class Users:
    """Connections to the gateway, kept open and used again."""

    def __init__(
        self, port: int, host: str, path: str = "/", headers: Mapping[str, str] | None = None
    ) -> None:
        self._port = port
        lines = [f"{name}: {value}" for name, value in {"host": host, **(headers or {})}.items()]
        self._request = "\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode()
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self) -> Answer:
        at = time.monotonic()
        try:
            version, status = await asyncio.wait_for(self._ask(), _TIMEOUT_S)
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            version, status = "", 0
        return Answer(at, version, status, time.monotonic() - at)

    def close(self) -> None:
        for _, writer in self._idle:
            writer.close()

    async def _ask(self) -> tuple[str, int]:
        if self._idle:
            reader, writer = self._idle.pop()
        else:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        kept = False
        try:
            writer.write(self._request)
            await writer.drain()
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status_line, *lines = head.rstrip().split("\r\n")
            headers = {key.lower(): value for key, _, value in (x.partition(": ") for x in lines)}
            await reader.readexactly(int(headers.get("content-length", "0")))
            kept = "content-length" in headers and headers.get("connection") != "close"
            return headers.get("x-version", ""), int(status_line.split()[1])
        finally:
            if kept:
                self._idle.append((reader, writer))
            else:
                writer.close()


class Load:
    """
    Requests at an even rate from a thread of its own, as a context.

    They start on time whether or not the earlier ones were answered, as users do.

    Attributes:
        answers: What each got, in the order in which they were answered.
        skipped: Not even sent, for 900 were still unanswered.
    """

    def __init__(
        self,
        port: int,
        host: str,
        *,
        per_second: float,
        seconds_at_most: float,
        path: str = "/",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.answers: list[Answer] = []
        self.skipped = 0
        self._where = (port, host, path, headers)
        self._every = 1 / per_second
        self._most = int(per_second * seconds_at_most)
        self._over = Event()
        self._thread = Thread(target=lambda: asyncio.run(self._run()), name=f"load {host}")

    @property
    def counts(self) -> Counts:
        """All answers until now."""
        return self.counts_between()

    def counts_between(self, begin: float = 0.0, end: float = float("inf")) -> Counts:
        """Of what was asked from one instant until another, by `time.monotonic`."""
        return Counter(
            (one.version, one.status) for one in list(self.answers) if begin <= one.at < end
        )

    @property
    def failed(self) -> int:
        """Users who got a 5xx or nothing."""
        return sum(1 for one in list(self.answers) if one.status == 0 or one.status >= 500)

    def wait(self) -> None:
        """Until `seconds_at_most` have passed and the last is answered."""
        self._thread.join()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends, and waits for the last answers."""
        self._over.set()
        self._thread.join()

    async def _run(self) -> None:
        users = Users(*self._where)
        open_tasks: set[asyncio.Task[None]] = set()
        begin = time.monotonic()

        async def one() -> None:
            self.answers.append(await users.ask())

        for number in range(self._most):
            if self._over.is_set():
                break
            await asyncio.sleep(max(0.0, begin + number * self._every - time.monotonic()))
            if len(open_tasks) >= _AT_ONCE:
                self.skipped += 1
                continue
            task = asyncio.create_task(one())
            open_tasks.add(task)
            task.add_done_callback(open_tasks.discard)
        if open_tasks:
            await asyncio.wait(open_tasks)
        users.close()


def ask(
    port: int,
    host: str,
    *,
    times: int,
    together: int = 8,
    path: str = "/",
    headers: Mapping[str, str] | None = None,
) -> Counts:
    """This many requests as fast as they are answered, a few at a time."""
    found: Counts = Counter()

    async def run() -> None:
        users = Users(port, host, path, headers)
        left = iter(range(times))

        async def one() -> None:
            for _ in left:
                answer = await users.ask()
                found[answer.version, answer.status] += 1

        await asyncio.gather(*(one() for _ in range(together)))
        users.close()

    thread = Thread(target=lambda: asyncio.run(run()), name=f"ask {host}")
    thread.start()  # the caller's thread may have an event loop of its own
    thread.join()
    return found
