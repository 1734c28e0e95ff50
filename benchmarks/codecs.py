"""Codecs alone: what it takes to read an object and to plan a write, for every router."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress

from tests.unit.mesh.codec_worlds import TARGET, WORLDS, World

from benchmarks.figures import Figure, Spread
from progressive._model.traffic import Split
from progressive.errors import RouterError


def measure(*, small: bool = False) -> list[Figure]:
    """One row for each router; `small`: each thing once."""
    times = 1 if small else 300
    return [_of(name, world, times) for name, world in sorted(WORLDS.items())]


def _of(name: str, world: World, times: int) -> Figure:
    """
    A codec's figure: the objects of the tests of garbage, before anything broke them.

    What is refused (a selector is all or nothing) is work as well, up to the refusal.
    """

    def work() -> None:
        for plan in (_read, _write):
            with suppress(RouterError):
                plan(world)

    text = json.dumps(list(world.objects))
    spent = _timed(work, times)
    beside = _timed(lambda: json.loads(text), times)
    return Figure(
        what=f"codec {name}: one reading and one plan",
        measured=str(spent),
        beside=f"json.loads of the same {len(text):,} bytes: {beside.median:.3g} ms",
        budget="< 1 ms",
    )


def _read(world: World) -> object:
    return world.codec.read(world.objects, TARGET)


def _write(world: World) -> object:
    return world.codec.write(world.objects, TARGET, Split(canary=35))


def _timed(work: Callable[[], object], times: int) -> Spread:
    work()
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        taken.append(1000 * (time.perf_counter() - begin))
    return Spread.of(taken, "ms")
