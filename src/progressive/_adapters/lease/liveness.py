"""Knows whether a process of this machine still lives.

Floor 4: reads `/proc`. Where there is none (not Linux) nothing is known, and a Lease is waited
for by the clock.
"""

from __future__ import annotations

import json
import os
import socket
import uuid
from pathlib import Path

from attrs import asdict, frozen


@frozen(kw_only=True)
class Holder:
    """
    A process that holds a target.

    Attributes:
        host: Name of its machine or container.
        boot: Id of the machine's present start; another one means that every process of the
            earlier start is gone, but also that the numbers below mean nothing.
        space: Its name space of process ids: containers of one machine have their own.
        pid: Process id, in `space`.
        start: When it started, in clock ticks since boot: process ids are used again.
        run: Name of the run.
        id: Unique to this taking.
    """

    host: str
    boot: str
    space: str
    pid: int
    start: int
    run: str
    id: str

    @classmethod
    def present(cls, run: str) -> Holder:
        """This process, with an id of its own each time."""
        return cls(
            host=socket.gethostname(),
            boot=_text("/proc/sys/kernel/random/boot_id"),
            space=_name_space(),
            pid=os.getpid(),
            start=_start(os.getpid()) or 0,
            run=run,
            id=uuid.uuid4().hex,
        )

    @classmethod
    def read(cls, text: str) -> Holder | None:
        """What `to_json()` wrote; None: somebody else wrote it."""
        try:
            told = json.loads(text)
            return cls(
                host=str(told["host"]),
                boot=str(told["boot"]),
                space=str(told["space"]),
                pid=int(told["pid"]),
                start=int(told["start"]),
                run=str(told["run"]),
                id=str(told["id"]),
            )
        except (ValueError, KeyError, TypeError):
            return None

    def to_json(self) -> str:
        """For an annotation."""
        return json.dumps(asdict(self), sort_keys=True)

    def is_surely_gone(self) -> bool:
        """
        Whether it was a process of this very machine and has ended.

        False says nothing: it may live, or nothing can be known about it from here.
        """
        here = (socket.gethostname(), _text("/proc/sys/kernel/random/boot_id"), _name_space())
        if not all(here) or (self.host, self.boot, self.space) != here or not self.start:
            return False
        return _start(self.pid) != self.start


def _text(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _name_space() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _start(pid: int) -> int | None:
    line = _text(f"/proc/{pid}/stat")
    # the name in parentheses may hold spaces; field 3 is the state, field 22 the start
    fields = line.rpartition(")")[2].split()
    if len(fields) < 20 or fields[0] in ("Z", "X"):
        return None
    return int(fields[19])
