"""Every kind of release that there is, in a world that a crash does not shift.

A scenario's plain lists answer by the number of the question, and its moments come at fixed times.
A driver that dies and begins again asks a question twice and holds a weight anew, so such a world
would answer it differently. Here a side stands as it does by the time, and what people do comes
some time after the route first shows a weight: the uninterrupted run and the broken one meet the
same world, and have to end the same.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from attrs import evolve, field, frozen, mutable
from tests.scenario.running import inline, parts_of
from tests.scenario.worlds import CHECKS, TARGET

from progressive import (
    Command,
    Deadlines,
    DriftPolicy,
    Observed,
    Plan,
    Readiness,
    Report,
    Runner,
    Side,
    Split,
    Target,
)
from progressive.aio import AsyncRunner
from progressive.ports import Asked
from progressive.testing import Call, Crash, Fault, Moment, Scenario, World

PLAN = Plan(
    weights=(10, 50),
    interval=timedelta(seconds=30),
    threshold=1,
    checks=CHECKS,
    deadlines=Deadlines(
        canary_ready=timedelta(minutes=5), primary_ready=timedelta(minutes=5), undecided_rounds=3
    ),
)
CHECK = CHECKS[0].name
FOR_EVER = float("inf")
PROMOTED = "promoted"


@frozen(kw_only=True)
class Strategy:
    """
    A release and the world around it.

    Attributes:
        plan: The policy.
        scenario: What the world answers by the number of the round, and at absolute times.
        when: Canary weight → what happens so long after the route first shows it; or `PROMOTED` →
            after the analysed template was copied.
        stands: Side → (seconds since the beginning, readiness until then), in order; ready later.
        managed: Whether the release manages the workload.
        orphan: Weight on the canary before the run, that no run owns.
        unchanged: The target has the promoted template.
        settle: How long the data plane follows an old split.
    """

    plan: Plan = PLAN
    scenario: Scenario = field(factory=Scenario)
    when: Mapping[int | str, Sequence[Moment]] = field(factory=dict)
    stands: Mapping[str, Sequence[tuple[float, str]]] = field(factory=dict)
    managed: bool = True
    orphan: int = 0
    unchanged: bool = False
    settle: timedelta = timedelta(0)

    def world(self, *faults: Fault) -> Town:
        """A new world of this kind."""
        scenario = evolve(self.scenario, faults=(*faults, *self.scenario.faults))
        return Town(self, scenario)


class Town(World):
    """
    A world whose people look at the route, and whose pods look at the clock.

    Attributes:
        hurried: Whether the canary lost its pods before the data plane had let go of it (L24).
    """

    def __init__(self, strategy: Strategy, scenario: Scenario) -> None:
        super().__init__(scenario, managed=strategy.managed, total=strategy.plan.total)
        self.capabilities = evolve(World.capabilities, settle=strategy.settle)
        self.weight = strategy.orphan
        if strategy.unchanged:
            self.revision = self.primary or self.revision
        self._stands = strategy.stands
        self._when = dict(strategy.when)
        self._begun = self._served = self.clock.now()
        self.hurried = False

    def shift(self, target: Target, split: Split) -> Observed:
        """Take a split, and show it to people, even if the driver dies of it."""
        self._serve()
        try:
            return super().shift(target, split)
        finally:
            self._serve()
            self._answer(self.weight)

    def promote(self, target: Target, revision: str) -> None:
        """Copy the analysed template, and show it to people."""
        try:
            super().promote(target, revision)
        finally:
            if self.primary == revision:
                self._answer(PROMOTED)

    def _answer(self, shown: int | str) -> None:
        for moment in self._when.pop(shown, ()):
            since = self.clock.now() - self._begun
            self.clock.plan(since + moment.time, partial(self.happens, moment))

    def reset(self, target: Target) -> Observed:
        """All traffic to the primary."""
        self._serve()
        return super().reset(target)

    def _serve(self) -> None:
        if self.weight > 0:
            self._served = self.clock.now()

    def scale(self, target: Target, *, up: bool) -> None:
        """Scale the canary."""
        follows = self._served + self.capabilities.settle
        if not up and self.weights and self.clock.now() < follows:
            self.hurried = True
        super().scale(target, up=up)

    def readiness(self, target: Target, side: Side, until: Any) -> Asked:
        """How a side stands at this time."""
        asked = super().readiness(target, side, until)
        since = (self.clock.now() - self._begun).total_seconds()
        for end, readiness in self._stands.get(side.value, ()):
            if since < end:
                return Asked(readiness=Readiness(readiness), message=f"{side} is {readiness}")
        return asked


def after(seconds: float, **what: Any) -> Moment:
    """What happens so long after something else."""
    return Moment(time=timedelta(seconds=seconds), **what)


def _verdicts(*answers: float | str | None) -> Scenario:
    return Scenario(metrics={CHECK: answers})


_STUCK = {"primary": [(600.0, "stuck")]}
_RETRY = Scenario(at=[after(1_200, do=Command.RETRY)])

STRATEGIES: dict[str, Strategy] = {
    # how weights grow and return
    "plain steps": Strategy(plan=evolve(PLAN, weights=(10, 20, 30))),
    "one step": Strategy(plan=evolve(PLAN, weights=(50,))),
    "listed weights": Strategy(plan=evolve(PLAN, weights=(1, 5, 33, 80))),
    "up to all": Strategy(plan=evolve(PLAN, weights=(40, 100))),
    "returned in steps": Strategy(plan=evolve(PLAN, promotion_step=20)),
    "up to all and returned in steps": Strategy(
        plan=evolve(PLAN, weights=(50, 100), promotion_step=40)
    ),
    "without a drain": Strategy(plan=evolve(PLAN, drain=timedelta(0))),
    "a data plane that follows late": Strategy(settle=timedelta(seconds=10)),
    "another total": Strategy(plan=evolve(PLAN, total=1_000, weights=(1, 500))),
    # other beginnings
    "without analysis": Strategy(plan=evolve(PLAN, skip_analysis=True)),
    "first deploy": Strategy(
        scenario=Scenario(first_deploy=True), stands={"primary": [(45.0, "waiting")]}
    ),
    "first deploy that settles": Strategy(
        scenario=Scenario(first_deploy=True), settle=timedelta(seconds=10)
    ),
    "first deploy that fails": Strategy(
        scenario=Scenario(first_deploy=True), stands={"primary": [(FOR_EVER, "waiting")]}
    ),
    "first deploy that is gone on with": Strategy(
        scenario=evolve(_RETRY, first_deploy=True), stands=_STUCK
    ),
    "two workloads": Strategy(managed=False),
    "two workloads, bad": Strategy(managed=False, scenario=_verdicts(99.9, 50.0)),
    "orphaned split": Strategy(orphan=30),
    "orphaned split of two workloads": Strategy(orphan=30, managed=False),
    "orphaned split of nothing new": Strategy(orphan=30, unchanged=True),
    "nothing new": Strategy(unchanged=True),
    "suspended": Strategy(plan=evolve(PLAN, suspended=True)),
    # what the rounds say
    "bad": Strategy(scenario=_verdicts(99.9, 50.0)),
    "bad and settling": Strategy(scenario=_verdicts(50.0), settle=timedelta(seconds=10)),
    "bad in the end": Strategy(
        plan=evolve(PLAN, threshold=2, weights=(10, 20, 30)),
        scenario=_verdicts(99.9, 50.0, 99.9, 50.0),
    ),
    "bad once, within the budget": Strategy(
        plan=evolve(PLAN, threshold=2), scenario=_verdicts(50.0, 99.9)
    ),
    "no data": Strategy(scenario=_verdicts(None)),
    "no data for a while": Strategy(scenario=_verdicts(99.9, None, None, 99.9)),
    "retried after a failure": Strategy(
        scenario=evolve(_RETRY, metrics={CHECK: [99.9, 50.0, 99.9]})
    ),
    # what the pods do
    "a canary that takes its time": Strategy(stands={"canary": [(80.0, "waiting")]}),
    "a canary that never comes": Strategy(stands={"canary": [(FOR_EVER, "waiting")]}),
    "a canary that is stuck": Strategy(stands={"canary": [(FOR_EVER, "stuck")]}),
    "a primary that takes its time": Strategy(stands={"primary": [(150.0, "waiting")]}),
    "failed promotion": Strategy(stands={"primary": [(FOR_EVER, "stuck")]}),
    "failed promotion without analysis": Strategy(
        plan=evolve(PLAN, skip_analysis=True), stands={"primary": [(FOR_EVER, "stuck")]}
    ),
    "failed promotion and its repair": Strategy(scenario=_RETRY, stands=_STUCK),
    "failed promotion and its repair in steps": Strategy(
        plan=evolve(PLAN, promotion_step=40), scenario=_RETRY, stands=_STUCK
    ),
    "failed promotion, repair, and a mended revision": Strategy(
        scenario=evolve(_RETRY, at=(*_RETRY.at, after(900, revision="C"))), stands=_STUCK
    ),
    # other writers
    "drift put right": Strategy(when={10: [after(10, weight=70)]}),
    "drift put right in the end": Strategy(when={50: [after(10, weight=0)]}),
    "drift put right while the canary is awaited": Strategy(
        scenario=Scenario(at=[after(40, weight=70)]), stands={"canary": [(80.0, "waiting")]}
    ),
    "drift put right while the canary drains": Strategy(when={PROMOTED: [after(10, weight=70)]}),
    # the target moves
    "moved target": Strategy(when={10: [after(10, revision="C")]}),
    "moved target at the last weight": Strategy(when={50: [after(10, revision="C")]}),
    "moved target while the canary starts": Strategy(
        scenario=Scenario(at=[after(10, revision="C")]), stands={"canary": [(60.0, "waiting")]}
    ),
    "moved target in the promotion": Strategy(
        when={PROMOTED: [after(10, revision="C")]}, stands={"primary": [(200.0, "waiting")]}
    ),
    "reverted target": Strategy(when={50: [after(10, revision="A")]}),
    "reverted target in the promotion": Strategy(
        when={PROMOTED: [after(10, revision="A")]}, stands={"primary": [(200.0, "waiting")]}
    ),
    # people
    "held and resumed": Strategy(
        when={10: [after(10, do=Command.HOLD), after(70, do=Command.RESUME)]}
    ),
    "held and resumed while the canary starts": Strategy(
        scenario=Scenario(at=[after(10, do=Command.HOLD), after(70, do=Command.RESUME)]),
        stands={"canary": [(60.0, "waiting")]},
    ),
    "held and left": Strategy(when={10: [after(10, do=Command.HOLD)]}),
    "held and aborted": Strategy(
        when={50: [after(10, do=Command.HOLD), after(70, do=Command.ABORT)]}
    ),
    "held and promoted": Strategy(
        when={10: [after(10, do=Command.HOLD), after(70, do=Command.PROMOTE)]}
    ),
    "promoted early": Strategy(when={10: [after(10, do=Command.PROMOTE)]}),
    "promoted before the first weight": Strategy(
        scenario=Scenario(at=[after(10, do=Command.PROMOTE)]),
        stands={"canary": [(60.0, "waiting")]},
    ),
    "aborted": Strategy(when={10: [after(10, do=Command.ABORT)]}),
    "aborted and settling": Strategy(
        when={10: [after(10, do=Command.ABORT)]}, settle=timedelta(seconds=10)
    ),
    "aborted while the canary starts": Strategy(
        scenario=Scenario(at=[after(10, do=Command.ABORT)]), stands={"canary": [(60.0, "waiting")]}
    ),
    "aborted too late": Strategy(
        when={PROMOTED: [after(10, do=Command.ABORT)]}, stands={"primary": [(200.0, "waiting")]}
    ),
    "aborted in the first deploy": Strategy(
        scenario=Scenario(first_deploy=True, at=[after(10, do=Command.ABORT)]),
        stands={"primary": [(60.0, "waiting")]},
    ),
    "approved, though no gate asks": Strategy(when={10: [after(10, do=Command.APPROVE)]}),
    "aborted with a moved target": Strategy(
        when={10: [after(10, revision="C"), after(10, do=Command.ABORT)]}
    ),
}

DRIFT_DECIDED = {
    "drift that is let stand": Strategy(
        plan=evolve(PLAN, drift=DriftPolicy.ACCEPT), when={50: [after(10, weight=70)]}
    ),
    "drift that ends it": Strategy(
        plan=evolve(PLAN, drift=DriftPolicy.ABORT), when={50: [after(10, weight=70)]}
    ),
}
"""Policies for which it counts that another writer's value is seen."""

# driving


@mutable
class Played:
    """
    What became of a strategy.

    Attributes:
        reports: Of its runs; more than one where somebody said retry.
        world: As it is now.
        deaths: Calls of each kind that had been made when a driver died.
    """

    world: Town
    reports: list[Report] = field(factory=list)
    deaths: list[Counter[Call]] = field(factory=list)


Driver = Callable[[World, Plan, bool], Report]


def parts(world: World) -> dict[str, Any]:
    """A runner's parts, all of them the world."""
    return {
        **parts_of(world),
        "workload": world if world.managed else None,
        "observers": [world.observe],
        "notifiers": [world],
        "identity": "crashes",
    }


def blocking(world: World, plan: Plan, goes_on: bool) -> Report:
    """One driver, with `Runner`."""
    runner = Runner(**parts(world))
    return runner.resume(TARGET) if goes_on else runner.run(plan, TARGET)


def awaited(world: World, plan: Plan, goes_on: bool) -> Report:
    """One driver, with `AsyncRunner`."""

    async def drive() -> Report:
        runner = AsyncRunner(**parts(world), blocking=inline)
        return await (runner.resume(TARGET) if goes_on else runner.run(plan, TARGET))

    return asyncio.run(drive())


def play(strategy: Strategy, *faults: Fault, drive: Driver = blocking) -> Played:
    """Drive to the end; a new driver goes on at once where one has died."""
    played = Played(strategy.world(*faults))
    world = played.world
    while True:
        begun = world.load(TARGET)
        report = None
        while report is None:
            try:
                report = drive(world, strategy.plan, world.load(TARGET) != begun)
            except Crash:
                played.deaths.append(world.calls)
        played.reports.append(report)
        world.rounds_before += len(report.rounds)
        if not world.retried():
            return played
