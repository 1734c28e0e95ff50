"""Runs of every kind, played on a virtual clock and kept in a cluster in memory."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from attrs import evolve

from progressive import MetricCheck, MetricsError, Plan, Report, Runner, Sample, Target
from progressive._model.checks import Question
from progressive._model.events import Situation
from progressive._run.clock import ThreadMailbox
from progressive._scenario.world import BEGIN
from progressive.stores import ConfigMapStore, MemoryLock
from progressive.testing import Crash, MemoryCluster, Moment, Scenario, World

TARGET = Target(
    namespace="shop", service="web", primary="web-primary", canary="web-canary", port=80
)
CHECKS = (MetricCheck.success_rate(at_least=99.0), MetricCheck.latency(at_most=500.0))
PLAN = Plan(weights=(10, 20, 30), interval=timedelta(seconds=30), threshold=2, checks=CHECKS)
DRIVER = "https://ci.example/job/shop/42"
IMAGES = {"A": "registry/web:41", "B": "registry/web:42", "C": "registry/web:43"}


HOUR = timedelta(hours=1)


class Shop(World):
    """A world in which revisions have images, and metrics a query and a window."""

    def situation(self, target: Target) -> Situation:
        found = super().situation(target)
        return evolve(found, images=[f"web={IMAGES[found.revision]}"])

    def sample(self, question: Question) -> Sample:
        query = f'sum(rate({question.check.name}{{app="web"}}[30s]))'
        try:
            sample = super().sample(question)
        except MetricsError as error:
            raise MetricsError(f"http://prometheus:9090 cannot be reached: {error}") from error
        return evolve(sample, query=query, window=timedelta(seconds=30))


def play(
    cluster: MemoryCluster,
    scenario: Scenario | None = None,
    *,
    plan: Plan = PLAN,
    target: Target = TARGET,
    revision: str = "B",
    after: timedelta = timedelta(0),
    kind: type[World] = Shop,
    **parts: Any,
) -> Report:
    """One run, in a world of its own, with its journal in the cluster."""
    world = kind(scenario or Scenario())
    if world.scenario.first_deploy:
        revision = "A"
    world.revision = revision
    # every world begins at the same instant, but its runs do not
    world.clock.wait(BEGIN + after, ThreadMailbox())
    made: dict[str, Any] = {
        "router": world,
        "metrics": world,
        "workload": world,
        "store": ConfigMapStore(cluster),
        "lock": MemoryLock(),
        "inbox": world,
        "clock": world.clock,
        "observers": [world.observe],
        "identity": DRIVER,
    }
    return Runner(**{**made, **parts}).run(plan, target)


def moment(seconds: int, **what: Any) -> Moment:
    """Something that happens so long after the start."""
    return Moment(time=timedelta(seconds=seconds), **what)


def bad(values: Iterable[Any]) -> Scenario:
    """The success rate has these values, the last one for ever."""
    return Scenario(metrics={"request-success-rate": list(values)})


def die_at(seconds: int) -> type[World]:
    """A world whose driver is killed so long after the start."""

    class Killed(Shop):
        def __init__(self, scenario: Scenario, **more: Any) -> None:
            super().__init__(scenario, **more)
            self.clock.plan(timedelta(seconds=seconds), self._kill)

        def _kill(self) -> None:
            raise Crash

    return Killed
