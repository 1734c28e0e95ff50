"""Another writer changes the split while a run waits for something else than a round (L14)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from attrs import evolve
from tests.scenario.worlds import CHECKS, TARGET

from progressive import DriftPolicy, Outcome, Plan, Reason
from progressive.testing import Call, Fault, Moment, Result, Scenario, simulate

PLAN = Plan(weights=(10, 40), interval=timedelta(seconds=30), threshold=1, checks=CHECKS)
SLOW_BEFORE_40 = {"canary": ["ready", "waiting", "waiting", "ready"]}


def play(*moments: Moment, plan: Plan = PLAN, **world: Any) -> Result:
    """A release, and what another writer does meanwhile."""
    return simulate(plan, TARGET, Scenario(at=moments, **world))


def written(seconds: float, weight: int) -> Moment:
    """Another writer sets the canary's weight."""
    return Moment(time=timedelta(seconds=seconds), weight=weight)


def drifts(result: Result) -> list[int | None]:
    """The weights of others that the run saw."""
    return [one.weight for one in result.report.events if one.kind == "drift"]


def test_it_is_seen_while_the_canary_is_awaited_before_a_further_step() -> None:
    """
    The round's reading is old by then, and its weight would be written over unseen.
    """
    result = play(written(45, 90), workloads=SLOW_BEFORE_40)

    assert [90] == drifts(result)
    assert (Outcome.PROMOTED, [10, 40, 0]) == (result.report.outcome, result.weights)
    assert [10, 40] == [one.weight for one in result.report.rounds]


def test_it_is_seen_before_the_first_step() -> None:
    """
    The run has looked before the canary had any pods.
    """
    result = play(written(15, 60), workloads={"canary": ["waiting", "ready"]})

    assert ([60], Outcome.PROMOTED) == (drifts(result), result.report.outcome)


def test_a_policy_that_ends_the_run_ends_it_there_as_well() -> None:
    """
    Whoever wants no release beside another writer gets none.
    """
    plan = evolve(PLAN, drift=DriftPolicy.ABORT)
    report = play(written(45, 90), plan=plan, workloads=SLOW_BEFORE_40).report

    assert (Outcome.ROLLED_BACK, Reason.DRIFT) == (report.outcome, report.reason)
    assert 0 == report.final.weight


def test_a_step_that_waits_for_nobody_reads_no_more_than_its_round() -> None:
    """
    Requests are counted: one look at the start, and one a round.
    """
    world = play().world

    assert 1 + len(PLAN.weights) == world.calls[Call.ROUTE_READ]


def test_traffic_that_somebody_took_from_the_canary_is_not_given_back_on_the_way_home() -> None:
    """
    A return in steps only ever returns.
    """
    plan = evolve(PLAN, weights=(100,), promotion_step=25)
    result = play(written(40, 0), plan=plan)

    assert ([0], Outcome.PROMOTED) == (drifts(result), result.report.outcome)
    assert [100, 75, 0] == result.weights


def test_more_than_was_left_of_it_goes_on_from_there() -> None:
    """
    The next step of a return puts it right.
    """
    plan = evolve(PLAN, weights=(60,), promotion_step=20)
    result = play(written(40, 100), plan=plan)

    assert ([100], [60, 40, 20, 0]) == (drifts(result), result.weights)


def test_a_promotion_does_not_wait_for_a_split_that_cannot_be_read() -> None:
    """
    It was read back when it was written; a right that is missing must not keep traffic for ever.
    """
    plan = evolve(PLAN, promotion_step=15)
    look = Fault(call=4, on=Call.ROUTE_READ, what="forbidden", onwards=True)
    result = play(plan=plan, faults=[look])

    assert (Outcome.PROMOTED, [10, 40, 25, 10, 0]) == (result.report.outcome, result.weights)
