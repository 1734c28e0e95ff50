"""Starts a real part, knows when it is ready, and lets none outlive the tests."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from tests.realparts.inside import is_inside

Found = TypeVar("Found")


_SHORTEST_S, _LONGEST_S = 0.02, 0.2
"""Pauses between two questions of `wait_for`."""

_THRIFTY = {"GOGC": "400", "GOMEMLIMIT": "1GiB"}
"""Most parts are written in Go, and some spend a third of their time on collecting garbage."""


class NotInTime(AssertionError):
    """Something awaited did not come; says what, and how long it was given."""


def wait_for(probe: Callable[[], Found], what: str, *, seconds: float = 90.0) -> Found:
    """
    Asks until the answer is true, and gives that answer back.

    An OSError, or a KeyError from an object that is not filled in yet, counts as "not yet".
    Asking takes a fifth of the time at most, or those who wait would slow down whom they wait for.

    Raises:
        NotInTime: The answer stayed false; the last error is its cause.
    """
    deadline = time.monotonic() + seconds
    last: Exception | None = None
    while True:
        asked = time.monotonic()
        try:
            if found := probe():
                return found
            last = None
        except (OSError, KeyError) as error:
            last = error
        now = time.monotonic()
        if now > deadline:
            raise NotInTime(f"{what}: not within {seconds:g} s") from last
        time.sleep(min(max(_SHORTEST_S, 4 * (now - asked)), _LONGEST_S))


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody listens on, all different."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def listens(port: int) -> bool:
    """Whether somebody does, on the loopback; an error if not."""
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True


def require_inside() -> None:
    """The mesh listens on pods' addresses, so it must not run on a real network."""
    if not is_inside():
        raise RuntimeError(
            "these tests need a network of their own: run them through 'make test', or with "
            "python -m tests.realparts.inside python -m pytest …"
        )


class Process:
    """
    One real part, as a child that dies with the thread that started it, even by SIGKILL.

    Start it from a thread that lives as long as the part shall: the kernel ties
    PR_SET_PDEATHSIG to the thread, not to the process.

    Attributes:
        name: For error messages and the name of the log file.
        log: Everything that it wrote, over all its starts.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        logs: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.name = name
        self.log = logs / f"{name}.log"
        self._command = ["setpriv", "--pdeathsig", "KILL", "--", *map(str, command)]
        self._env = {**os.environ, **_THRIFTY, **(env or {})}
        self._cwd = cwd
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._child is not None, f"{self.name} was never started"
        return self._child.pid

    @property
    def alive(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def start(self) -> None:
        """In a session of its own, so that Ctrl-C reaches the tests alone."""
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._env,
                cwd=self._cwd,
                start_new_session=True,
            )

    def wait_ready(self, probe: Callable[[], object], *, seconds: float = 60.0) -> None:
        """Until the probe is true; an early end of the process is told at once."""

        def ready() -> bool:
            if not self.alive:
                raise RuntimeError(f"{self.name} ended while starting:\n{self.tail()}")
            return bool(probe())

        try:
            wait_for(ready, f"{self.name} ready", seconds=seconds)
        except NotInTime as late:
            raise NotInTime(f"{late}; the end of {self.log}:\n{self.tail()}") from late.__cause__

    def kill(self) -> None:
        """At once: what it held is thrown away."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Politely."""
        self._end(signal.SIGTERM)

    def pause(self) -> None:
        """Alive but silent: connections stay open and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)
        wait_for(self._all_stopped, f"{self.name} paused")  # a thread may finish an answer yet

    def _all_stopped(self) -> bool:
        stats = [one.read_text() for one in Path(f"/proc/{self.pid}/task").glob("*/stat")]
        return all(one.rpartition(")")[2].split()[0] in "Tt" for one in stats)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def tail(self, size: int = 3000) -> str:
        """The end of its log."""
        return self.log.read_bytes()[-size:].decode(errors="replace")

    def _end(self, how: signal.Signals) -> None:
        if self._child is None:
            return
        if self._child.poll() is None:
            self._child.send_signal(how)
            self._child.send_signal(signal.SIGCONT)  # a paused one would never hear it
            try:
                self._child.wait(30)
            except subprocess.TimeoutExpired:
                self._child.kill()
        self._child.wait()


@contextmanager
def paused(process: Process) -> Iterator[None]:
    """Silent for the length of a block, and awake after it whatever happens."""
    process.pause()
    try:
        yield
    finally:
        process.resume()
