"""A small plan, and a runner in a world, for the tests of a runner."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from tests.scenario.worlds import CHECKS

from progressive import Plan, Runner
from progressive.testing import World

Answered = TypeVar("Answered")
PLAN = Plan(weights=(10, 50), interval=timedelta(seconds=30), threshold=1, checks=CHECKS)


def parts_of(world: World) -> dict[str, Any]:
    """What a runner is made of, all of it the world."""
    return {
        "router": world,
        "metrics": world,
        "workload": world,
        "store": world,
        "lock": world,
        "inbox": world,
        "clock": world.clock,
    }


async def inline(call: Callable[..., Answered], /, *args: Any) -> Answered:
    """No thread: the order of things is the loop's alone."""
    return call(*args)


def runner(world: World, **parts: Any) -> Runner:
    """A runner in a world; parts of one's own take the place of the world's."""
    return Runner(**{**parts_of(world), "identity": "tests", **parts})
