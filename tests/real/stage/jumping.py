"""`progressive` on a machine whose time of day jumps.

`python -m tests.real.stage.jumping FILE run …`: FILE holds seconds that are added to the true
time; whoever changes it makes the clock jump. The time that only goes forward, by which timers
run, does not jump on real machines and does not here.
"""

from __future__ import annotations

import datetime
import sys
from pathlib import Path

_TRUE = datetime.datetime


class Jumping(_TRUE):
    """The time of day of this machine; `file` says by how much it is wrong."""

    file: Path

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Jumping:
        """The true one, and what the file says."""
        seconds = float(cls.file.read_text() or 0)
        return super().now(tz) + datetime.timedelta(seconds=seconds)


if __name__ == "__main__":
    Jumping.file = Path(sys.argv.pop(1))
    datetime.datetime = Jumping  # type: ignore[misc]  # before anything else asks for it
    from progressive.__main__ import main

    main()
