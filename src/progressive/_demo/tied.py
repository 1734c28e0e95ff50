"""Starts a program that cannot outlive the demo, even when the demo is killed.

Floor 5. Run as ``python -m progressive._demo.tied PARENT PROGRAM …``: asks the kernel for a
SIGKILL at the parent's death, then becomes the program. Where the kernel has no such thing
(it is Linux' own) the program is merely started, and the demo ends it in an orderly way.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Become the program; returns only by an error."""
    parent, program = int(arguments[0]), arguments[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the kernel was asked
        sys.exit(1)
    os.execv(program[0], program)


if __name__ == "__main__":
    main(sys.argv[1:])
