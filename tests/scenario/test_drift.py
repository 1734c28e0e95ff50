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
    Requests are counted: one look at the start, one a round, one before the pods go.
    """
    world = play().world

    assert 1 + len(PLAN.weights) + 1 == world.calls[Call.ROUTE_READ]


def test_a_canary_that_drains_keeps_its_pods_while_somebody_gives_it_traffic() -> None:
    """
    L11: else its share of the users would meet nothing; it is drained once more.
    """
    result = play(written(75, 30))
    report, world = result.report, result.world

    assert ([30], Outcome.PROMOTED) == (drifts(result), report.outcome)
    assert (0, False) == (world.weight, world.scaled)
    assert timedelta(seconds=60 + 2 * 30) == report.duration


def test_a_fight_over_a_promoted_release_leaves_the_canary_running() -> None:
    """
    L15: the primary is not undone, the traffic may be split, and a person is told.
    """
    result = play(*(written(75 + 30 * n, 30) for n in range(9)))
    report, world = result.report, result.world

    assert (Outcome.STUCK, Reason.DRIFT, 10) == (report.outcome, report.reason, report.exit_code)
    assert (30, True, False) == (world.weight, world.scaled, report.split_restored)
    assert report.revision == world.primary


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
    It was read back when it was written; a right that is missing must not keep pods for ever.
    """
    look = Fault(call=4, on=Call.ROUTE_READ, what="forbidden", onwards=True)
    result = play(faults=[look])

    assert (Outcome.PROMOTED, False) == (result.report.outcome, result.world.scaled)
