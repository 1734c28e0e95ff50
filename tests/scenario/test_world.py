"""The world of a scenario answers as it was told to."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.scenario.worlds import CHECKS, TARGET

from progressive import MetricCheck, Outcome, Plan, SpecError
from progressive.testing import Moment, Scenario, Side, Traffic, simulate

PLAN = Plan(weights=(10, 50), interval=timedelta(seconds=30), threshold=1, checks=CHECKS)
INFINITE = float("inf")


@pytest.mark.parametrize(
    "bounds",
    [
        {"at_least": 99.0},
        {"at_most": 0.0},
        {"at_most": -5.0},
        {"at_most": INFINITE},
        {"at_least": -INFINITE},
        {"at_least": 3.0, "at_most": 3.0},
        {"at_least": 0.2, "at_most": 0.8},
        {"at_least": 1.0, "at_most": INFINITE},
    ],
)
def test_a_check_that_is_not_listed_passes(bounds: dict[str, float]) -> None:
    """
    As the page says, whatever the bounds are.
    """
    check = MetricCheck(name="q", query="q", **bounds)  # type: ignore[arg-type]
    plan = Plan(weights=(50,), checks=(check,))

    assert Outcome.PROMOTED is simulate(plan, TARGET, Scenario()).report.outcome


def test_a_single_value_is_a_list_of_one_and_the_last_item_repeats() -> None:
    """
    The grammar of every answer in a scenario.
    """
    single = simulate(PLAN, TARGET, Scenario(metrics={"request-success-rate": 99.5}))
    many = simulate(PLAN, TARGET, Scenario(metrics={"request-success-rate": [99.5, 99.5]}))

    assert single.weights == many.weights == [10, 50, 0]
    with pytest.raises(SpecError, match=r"metrics\.request-success-rate"):
        Scenario(metrics={"request-success-rate": []})


def test_the_same_seed_gives_the_same_run_and_another_one_another() -> None:
    """
    A simulation with random traffic can be shown to somebody else.
    """

    def values(seed: int) -> list[float | None]:
        traffic = Traffic(rpm=600, random_seed=seed, canary=Side(error_rate=0.004))
        rounds = simulate(PLAN, TARGET, Scenario(traffic=traffic)).report.rounds
        return [verdict.value for one in rounds for verdict in one.checks]

    assert values(7) == values(7)
    assert values(7) != values(8)


def test_modelled_traffic_without_requests_is_no_data() -> None:
    """
    0/0 is silence, not success.
    """
    result = simulate(PLAN, TARGET, Scenario(traffic=Traffic(rpm=0)))

    assert Outcome.INCONCLUSIVE is result.report.outcome


def test_a_moment_after_the_end_changes_nothing() -> None:
    """
    What happens the next day is not a part of this release.
    """
    late = Moment(time=timedelta(days=1), weight=77)
    result = simulate(PLAN, TARGET, Scenario(at=[late]))

    assert 0 == result.world.weight
    assert 90.0 == result.to_dict()["duration_s"]


def test_retry_after_a_failure_has_a_fresh_budget() -> None:
    """
    L17; the answers go on where the first run stopped.
    """
    scenario = Scenario(
        metrics={"request-success-rate": [50.0, 99.9]},
        at=[Moment(time=timedelta(minutes=5), do="retry")],
    )
    result = simulate(PLAN, TARGET, scenario)

    assert [10, 0, 10, 50, 0] == result.weights
    assert ["fail", "pass", "pass"] == [one["verdict"] for one in result.to_dict()["rounds"]]
    assert [30.0, 330.0, 360.0] == [one["time_s"] for one in result.to_dict()["rounds"]]
