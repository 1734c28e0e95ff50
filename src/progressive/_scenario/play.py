"""Plays a release in a world: the same runner as on a cluster, started anew after each crash.

Floor 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from attrs import define

from progressive._model.plan import Plan
from progressive._model.report import Report
from progressive._model.traffic import Target
from progressive._run.sync import Runner
from progressive._scenario.faults import Crash
from progressive._scenario.scenario import Scenario
from progressive._scenario.world import BEGIN, World
from progressive.errors import SpecError
from progressive.ports import Observer

_CRASHES_AT_MOST = 1_000
"""A fault that hits every later call would never let a run end."""


@define(kw_only=True)
class Result:
    """
    What became of a release in a world.

    Attributes:
        report: Of the last run.
        runs: Reports of all runs, one more for each retry.
        weights: Canary weights that the router took, in order, without equal repeats.
        world: The world as it is now.
    """

    report: Report
    runs: Sequence[Report]
    weights: list[int]
    world: World

    def to_dict(self) -> dict[str, Any]:
        """The answer of `progressive simulate -o json`."""
        told = self.report.to_dict()
        begin = self.runs[0].started or BEGIN
        # until the outcome; what is saved and given back after it takes nobody's time
        ended = (self.report.started or BEGIN) + self.report.duration
        told["duration_s"] = (ended - BEGIN).total_seconds()
        told["weights"] = self.weights
        for key in ("rounds", "events", "hooks"):
            told[key] = [
                _from(one, run.started, begin) for run in self.runs for one in run.to_dict()[key]
            ]
        told["notifications"] = [_notified(one, begin) for one in self.world.told]
        told["final"] = {
            "weight": self.world.weight,
            "mirrored": False,
            "canary_scaled": self.world.scaled,
            "primary_revision": self.world.primary,
        }
        return told


def _from(one: dict[str, Any], started: datetime | None, begin: datetime) -> dict[str, Any]:
    later = ((started or begin) - begin).total_seconds()
    return {**one, "time_s": one["time_s"] + later}


def _notified(one: Any, begin: datetime) -> dict[str, Any]:
    return {
        "id": one.id,
        "time_s": (one.at - begin).total_seconds(),
        "kind": one.kind,
        "reason": one.reason,
        "message": one.message,
        **({"repeat": True} if one.repeat else {}),
    }


def simulate(
    plan: Plan,
    target: Target,
    scenario: Scenario,
    *,
    managed: bool = True,
    observers: Sequence[Observer] = (),
) -> Result:
    """
    Play a release on a virtual clock.

    Args:
        managed: Whether the release manages the workload; False: two existing ones, where
            promotion leaves all traffic on the canary.

    Raises:
        SpecError: The faults of the scenario let the driver die without end.
        Stalled: The run never ends: a fault of the runner.
    """
    world = World(scenario, managed=managed, total=plan.total)
    runs: list[Report] = []
    while True:
        report = _one_run(world, plan, target, observers)
        runs.append(report)
        world.rounds_before += len(report.rounds) + report.trimmed.get("rounds", 0)
        if not world.retried():
            return Result(report=report, runs=runs, weights=world.weights, world=world)


def _one_run(world: World, plan: Plan, target: Target, observers: Sequence[Observer]) -> Report:
    begun = world.load(target)
    for _ in range(_CRASHES_AT_MOST):
        runner = Runner(
            router=world,
            metrics=world,
            workload=world if world.managed else None,
            store=world,
            lock=world,
            inbox=world,
            clock=world.clock,
            observers=[world.observe, *observers],
            notifiers=[world],
            identity="simulation",
        )
        try:
            # a new driver goes on with the journal, if the dead one came so far
            if world.load(target) == begun:
                return runner.run(plan, target)
            return runner.resume(target)
        except Crash:
            continue
    problem = (
        f"the driver died {_CRASHES_AT_MOST} times, and the run does not end; let it die at "
        'single calls, such as call: 3, and not at all later ones, such as call: "3.."'
    )
    raise SpecError("faults", problem)
