"""Random worlds by seed, for tests that compare or break whole runs."""

from __future__ import annotations

import random
from datetime import timedelta

from progressive import Command, Deadlines, DriftPolicy, MetricCheck, Plan, Target
from progressive.testing import Call, Fault, Moment, Scenario, What

TARGET = Target(
    namespace="shop", service="web", primary="web-primary", canary="web-canary", port=80
)
CHECKS = (
    MetricCheck.success_rate(at_least=99.0),
    MetricCheck.latency(at_most=500.0),
)


def random_plan(dice: random.Random) -> Plan:
    """A small plan; short deadlines, so that every end is met."""
    weights = sorted(dice.sample(range(1, 101), dice.randint(1, 4)))
    return Plan(
        weights=weights,
        interval=timedelta(seconds=dice.choice([1, 30])),
        threshold=dice.randint(1, 3),
        checks=CHECKS[: dice.randint(1, 2)],
        promotion_step=dice.choice([None, 7, 50]),
        drift=dice.choice(list(DriftPolicy)),
        skip_analysis=dice.random() < 0.1,
        deadlines=Deadlines(
            canary_ready=timedelta(seconds=90),
            primary_ready=timedelta(seconds=90),
            undecided_rounds=3,
            route=timedelta(seconds=60),
            run=dice.choice([None, None, timedelta(seconds=100)]),
        ),
    )


def random_scenario(dice: random.Random, *, crashes: bool = True) -> Scenario:
    """A world with outages, people, other writers and faults."""
    answers: list[float | str | None] = [99.9, 99.9, 99.9, 50.0, None, "error"]
    kinds = list(What) if crashes else [w for w in What if not w.value.startswith("crash")]
    return Scenario(
        first_deploy=dice.random() < 0.15,
        metrics={
            check.name: [dice.choice(answers) for _ in range(dice.randint(1, 6))]
            for check in CHECKS
        },
        workloads={
            side: [
                dice.choice(["ready", "ready", "ready", "waiting", "stuck"])
                for _ in range(dice.randint(1, 4))
            ]
            for side in ("canary", "primary")
        },
        at=[_moment(dice) for _ in range(dice.choice([0, 0, 1, 2, 3]))],
        faults=[
            Fault(call=dice.randint(1, 12), on=dice.choice(list(Call)), what=dice.choice(kinds))
            for _ in range(dice.choice([0, 1, 2, 4]))
        ],
    )


def _moment(dice: random.Random) -> Moment:
    time = timedelta(seconds=dice.randint(0, 200))
    match dice.randint(0, 3):
        case 0:
            return Moment(time=time, weight=dice.randint(0, 100))
        case 1:
            return Moment(time=time, revision=dice.choice("ABC"))
        case _:
            people = [Command.ABORT, Command.HOLD, Command.RESUME, Command.PROMOTE]
            return Moment(time=time, do=dice.choice(people))
