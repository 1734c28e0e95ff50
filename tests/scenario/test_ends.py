"""What a run gives back when it is over (L25), and what is saved and told then."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from tests.scenario.running import PLAN, runner
from tests.scenario.worlds import TARGET

from progressive import (
    ClusterError,
    Command,
    DriverLost,
    ErrorKind,
    Notification,
    Outcome,
    Split,
    Target,
)
from progressive.ports import Tell
from progressive.testing import Crash, Fault, Moment, Scenario, What, World, simulate

ENDS: dict[Outcome, Scenario] = {
    Outcome.PROMOTED: Scenario(),
    Outcome.INITIALIZED: Scenario(first_deploy=True),
    Outcome.ROLLED_BACK: Scenario(metrics={"request-success-rate": 50.0}),
    Outcome.INCONCLUSIVE: Scenario(metrics={"request-success-rate": None}),
    Outcome.ABORTED: Scenario(at=[Moment(time=timedelta(seconds=40), do=Command.ABORT)]),
    Outcome.SUPERSEDED: Scenario(at=[Moment(time=timedelta(seconds=40), revision="C")]),
    Outcome.STUCK: Scenario(workloads={"primary": "stuck"}),
}


class Keeping(World):
    """Notes when things are given back, saved and told, and may fail at it."""

    def __init__(self, scenario: Scenario, *errors: Exception) -> None:
        super().__init__(scenario)
        self.done: list[str] = []
        self.errors = list(errors)

    def give_back(self, target: Target) -> None:
        self.done.append("give back")
        if self.errors:
            raise self.errors.pop(0)
        super().give_back(target)

    def save(self, *what: Any, **more: Any) -> str:
        self.done.append("save")
        return super().save(*what, **more)

    def tell(self, notification: Notification) -> None:
        self.done.append(notification.kind)
        super().tell(notification)

    def scale(self, target: Target, *, up: bool) -> None:
        self.done.append("up" if up else "down")
        super().scale(target, up=up)


@pytest.mark.parametrize("outcome", ENDS)
def test_every_end_gives_back_what_was_kept_for_the_run(outcome: Outcome) -> None:
    """
    An autoscaler that may never go down again costs money for ever.
    """
    world = World(ENDS[outcome])
    report = runner(world).run(PLAN, TARGET)

    assert (outcome, 1) == (report.outcome, world.given_back)


def test_it_is_given_back_once_users_are_home_and_before_the_end_is_saved() -> None:
    """
    The way home waits for nothing; and a crash before the save repeats the giving back.
    """
    world = Keeping(ENDS[Outcome.ROLLED_BACK])
    runner(world, notifiers=[world]).run(PLAN, TARGET)

    assert ["save", "down", "give back", "save", "rolled_back", "save"] == world.done[-6:]
    assert 0 == world.weight


def test_a_run_that_lost_its_lease_leaves_it_to_the_one_that_has_it() -> None:
    """
    L18: what is kept up is kept up for the other driver's run now.
    """

    class Stolen(World):
        lost: Tell | None = None

        def acquire(self, target: Target, run: str, tell: Tell) -> Any:
            self.lost = tell
            return super().acquire(target, run, tell)

        def shift(self, target: Target, split: Split) -> Any:
            assert self.lost is not None
            self.lost(DriverLost(at=self.clock.now(), message="taken"))
            return super().shift(target, split)

    world = Stolen(Scenario())
    report = runner(world).run(PLAN, TARGET)

    assert (Outcome.BUSY, 0) == (report.outcome, world.given_back)


def test_a_short_outage_at_the_end_is_waited_for() -> None:
    """
    Nobody else would do it before the next release.
    """
    away = ClusterError("no answer", ErrorKind.UNAVAILABLE)
    world = Keeping(Scenario(), away, away)
    report = runner(world).run(PLAN, TARGET)

    assert (Outcome.PROMOTED, 1) == (report.outcome, world.given_back)


@pytest.mark.parametrize(
    "errors",
    [
        [ClusterError("no answer", ErrorKind.UNAVAILABLE)] * 9,
        [ClusterError("forbidden", ErrorKind.FORBIDDEN)],
        [AttributeError("somebody's workload has a fault")],
    ],
)
def test_what_cannot_be_given_back_is_said_and_changes_no_outcome(
    errors: list[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    """
    The release stands; the words say what is left.
    """
    world = Keeping(Scenario(), *errors)
    with caplog.at_level(logging.WARNING, logger="progressive"):
        report = runner(world, notifiers=[world]).run(PLAN, TARGET)

    assert (Outcome.PROMOTED, 0) == (report.outcome, report.exit_code)
    assert "promoted" in world.done
    assert str(errors[0]) in caplog.text
    assert world.done.count("give back") <= 3


def test_a_driver_that_dies_before_the_end_is_saved_gives_back_again() -> None:
    """
    Else what the first one began would stay half done.
    """

    class Dying(Keeping):
        def give_back(self, target: Target) -> None:
            super().give_back(target)
            if self.given_back == 1:
                raise Crash

    world = Dying(Scenario())
    with pytest.raises(Crash):
        runner(world).run(PLAN, TARGET)
    report = runner(world).resume(TARGET)

    assert (Outcome.PROMOTED, 2) == (report.outcome, world.given_back)


def test_a_notifier_is_told_what_it_is_about() -> None:
    """
    One notifier may serve many targets; the record itself is about one.
    """
    world = World(Scenario())
    other = evolve(TARGET, service="api")
    one = runner(world, notifiers=[world])
    report = one.run(PLAN, other)

    assert {other} == {told.target for told in world.told}
    assert {None} == {told.target for told in report.notifications}


def test_a_round_is_saved_with_the_weight_after_it() -> None:
    """
    A canary that is ready answers at once, and one request says both.
    """
    world = Keeping(Scenario())
    runner(world).run(PLAN, TARGET)

    # start, first weight, second weight, promotion, return, scale down, end
    assert 7 == world.done.count("save")


def test_a_round_is_saved_by_itself_when_the_canary_is_awaited() -> None:
    """
    L19: a driver that dies while it waits must not measure the round again.
    """
    scenario = Scenario(workloads={"canary": ["ready", "waiting", "waiting", "ready"]})
    world = Keeping(scenario)
    runner(world).run(PLAN, TARGET)
    assert 8 == world.done.count("save"), "one more than above, and not one for each asking"

    crash = Fault(call=4, on="journal", what=What.CRASH_BEFORE)
    for faults in ([], [crash]):
        result = simulate(PLAN, TARGET, evolve(scenario, faults=faults))

        assert Outcome.PROMOTED is result.report.outcome
        assert [10, 50] == [one.weight for one in result.report.rounds]
