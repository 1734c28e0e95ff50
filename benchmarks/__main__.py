"""`python -m benchmarks [NAME…]`: measures, and prints a table in Markdown.

Those that need real parts run in the network of the tests, which this enters by itself.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import ExitStack

from tests.realparts import inside

from benchmarks import api_requests, codecs, imports, machine, memory, survival, traffic, way_home
from benchmarks.figures import Figure, table
from benchmarks.figures import machine as words
from benchmarks.shop import Parts, real_parts
from benchmarks.survival import faults

ALONE: dict[str, Callable[..., list[Figure]]] = {
    "codecs": codecs.measure,
    "imports": imports.measure,
    "machine": machine.measure,
}
ON_REAL_PARTS: dict[str, Callable[..., list[Figure]]] = {
    "api-requests": api_requests.measure,
    "memory": memory.measure,
    "way-home": way_home.measure,
}
LONG: dict[str, Callable[..., list[Figure]]] = {
    "survival": survival.measure,
    "survival-faults": faults.measure,
    "traffic": traffic.measure,
}
"""On real parts as well, and only if it is asked for by name: minutes of processes that die,
of servers that answer badly, and of users behind every gateway."""


def main() -> None:
    """Measure what was asked for; everything but `LONG` by default."""
    names = [*ALONE, *ON_REAL_PARTS, *LONG]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "name", nargs="*", help=f"any of {', '.join(names)}; default: all but {', '.join(LONG)}"
    )
    asked = parser.parse_args().name or [*ALONE, *ON_REAL_PARTS]
    if unknown := set(asked) - set(names):
        parser.error(f"{', '.join(sorted(unknown))}: there is only {', '.join(names)}")
    if set(asked) - set(ALONE) and not inside.is_inside():
        inside.enter([sys.executable, "-m", "benchmarks", *asked])
    figures: list[Figure] = []
    with ExitStack() as stack:
        parts: Parts | None = None
        for name in asked:
            if name in ALONE:
                figures += ALONE[name]()
            else:
                parts = parts or stack.enter_context(real_parts())
                figures += {**ON_REAL_PARTS, **LONG}[name](parts)
    print(f"{table(figures)}\n\nTimes: median (least to most), on {words()}.")


if __name__ == "__main__":
    main()
