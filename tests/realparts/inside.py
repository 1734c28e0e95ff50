"""Runs a command in a network namespace of its own.

In it every address of 10.99.0.0/16 is this machine, so that pods can have addresses of their
own, and nothing that listens can be reached from outside, nor reach anything outside.
`python -m tests.realparts.inside CMD…`: each step replaces the one before (exec), so the
command keeps the process id, the signals and the exit status that the caller deals with.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys

POD_RANGE = "10.99.0.0/16"
_PACKAGES = {"unshare": "util-linux", "setpriv": "util-linux", "ip": "iproute2"}
_MARK = "PROGRESSIVE_TEST_NETWORK"
_PREPARE = "--prepare"
_CLONE_NEWNET = 0x40000000  # linux/sched.h; os.unshare is there from Python 3.12 on


def is_inside() -> bool:
    """Whether this process is in a namespace that this module made.

    The mark names the namespace, so a mark that leaked into another one says nothing.
    """
    return os.environ.get(_MARK) == os.readlink("/proc/self/ns/net")


def enter(command: list[str]) -> None:
    """Becomes the command, inside; returns never."""
    if is_inside():
        os.execvp(command[0], command)
    for tool, package in _PACKAGES.items():
        if shutil.which(tool) is None:
            sys.exit(f"the program '{tool}' is missing: install the package {package}")
    how = "-n" if os.geteuid() == 0 else "-rn"
    again = [sys.executable, os.path.abspath(__file__), _PREPARE, *command]
    os.execvp("unshare", ["unshare", how, "--", *again])


def prepare(command: list[str]) -> None:
    """Sets up the fresh namespace, then becomes the command."""
    _set_up()
    os.execvp(command[0], command)


def part_from_others() -> None:
    """
    Gives this process, which is inside, a namespace of its own.

    So several test processes beside each other may use the same addresses and ports.

    Raises:
        OSError: The kernel does not allow it.
    """
    kernel = ctypes.CDLL(None, use_errno=True)
    if kernel.unshare(_CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"no network namespace of its own: {os.strerror(code)}")
    _set_up()


def _set_up() -> None:
    steps = ("link set lo up", f"route add local {POD_RANGE} dev lo")
    for arguments in map(str.split, steps):
        subprocess.run(["ip", *arguments], check=True)
    os.environ[_MARK] = os.readlink("/proc/self/ns/net")


if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[1] == _PREPARE:
        prepare(sys.argv[2:])
    if len(sys.argv) < 2:
        sys.exit("usage: python -m tests.realparts.inside CMD…")
    enter(sys.argv[1:])
