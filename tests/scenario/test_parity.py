"""The two loops are the same machine in two colours: the same worlds, the same records."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from tests.scenario.running import inline, parts_of
from tests.scenario.worlds import TARGET, random_plan, random_scenario

from progressive import Plan, Report, Runner, Transition
from progressive.aio import AsyncRunner
from progressive.testing import Crash, World

SEEDS = 2_000


def parts(world: World, seen: list[Transition]) -> dict[str, Any]:
    return {
        **parts_of(world),
        "observers": [world.observe, seen.append],
        "notifiers": [world],
        "identity": "parity",
    }


def blocking(world: World, plan: Plan, seen: list[Transition]) -> Report:
    while True:
        runner = Runner(**parts(world, seen))
        try:
            if world.load(TARGET) is None:
                return runner.run(plan, TARGET)
            return runner.resume(TARGET)
        except Crash:
            continue


async def awaited(world: World, plan: Plan, seen: list[Transition]) -> Report:
    while True:
        runner = AsyncRunner(**parts(world, seen), blocking=inline)
        try:
            if world.load(TARGET) is None:
                return await runner.run(plan, TARGET)
            return await runner.resume(TARGET)
        except Crash:
            continue


def record(seen: list[Transition]) -> list[tuple[Any, ...]]:
    """Run ids are random; everything else must be the same."""
    return [(t.at, t.event, t.before, t.after, t.action, t.reason, t.weight) for t in seen]


def test_both_runners_write_the_same_record_in_thousands_of_worlds() -> None:
    """
    Two loops written by hand drift apart; this holds them together.
    """
    outcomes = set()
    events = 0

    async def compare() -> None:
        nonlocal events
        for seed in range(SEEDS):
            dice = random.Random(seed)
            plan, scenario = random_plan(dice), random_scenario(dice)
            one, other = World(scenario, total=plan.total), World(scenario, total=plan.total)
            seen_blocking: list[Transition] = []
            seen_awaited: list[Transition] = []
            report = blocking(one, plan, seen_blocking)
            twin = await awaited(other, plan, seen_awaited)

            assert record(seen_blocking) == record(seen_awaited), f"seed {seed}"
            assert (report.outcome, one.weights) == (twin.outcome, other.weights), f"seed {seed}"
            outcomes.add(report.outcome)
            events += len(seen_blocking)

    asyncio.run(compare())

    assert len(outcomes) >= 9, "the worlds are too kind"
    assert events > 10 * SEEDS
