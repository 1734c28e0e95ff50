"""A small plan, and a runner in a world, for the tests of a runner."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.scenario.worlds import CHECKS

from progressive import Plan, Runner
from progressive.testing import World

PLAN = Plan(weights=(10, 50), interval=timedelta(seconds=30), threshold=1, checks=CHECKS)


def runner(world: World, **parts: Any) -> Runner:
    """A runner in a world; parts of one's own take the place of the world's."""
    chosen: dict[str, Any] = {
        "router": world,
        "metrics": world,
        "workload": world,
        "store": world,
        "lock": world,
        "inbox": world,
        "clock": world.clock,
        "identity": "tests",
    }
    return Runner(**{**chosen, **parts})
