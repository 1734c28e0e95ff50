"""Flagger's weak spots where a revision becomes the primary, each with what we promise."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from tests.scenario.strategies import FOR_EVER, PLAN, Strategy, Town, after, blocking, parts
from tests.scenario.worlds import TARGET
from tests.unit.kube.manifests import deployment, rolled_out

from progressive import Command, Observed, Outcome, Readiness, Reason, Runner, Side, Split, Target
from progressive._kube.workload.readiness import readiness
from progressive.ports import Asked
from progressive.testing import Scenario

pytestmark = pytest.mark.usefixtures("quiet")


# WS-02


class Served(Town):
    """
    A town that notes when users are sent to a primary that is not ready.

    Attributes:
        outage: What would have been an outage, in words.
    """

    def __init__(self, strategy: Strategy) -> None:
        super().__init__(strategy, strategy.scenario)
        self.outage: list[str] = []

    def shift(self, target: Target, split: Split) -> Observed:
        before = self.weight
        observed = super().shift(target, split)
        self._look(before)
        return observed

    def reset(self, target: Target) -> Observed:
        before = self.weight
        observed = super().reset(target)
        self._look(before)
        return observed

    def _look(self, before: int) -> None:
        ready = super().readiness(TARGET, Side.PRIMARY, self.clock.now()).readiness
        if self.weight < before and ready is not Readiness.READY:
            self.outage.append(f"{before} to {self.weight} while the primary is {ready}")

    def scale(self, target: Target, *, up: bool) -> None:
        if not up and self.weight > 0:
            self.outage.append(f"the canary lost its pods at weight {self.weight}")
        super().scale(target, up=up)


def deployed_after_a_failed_promotion(ready_after: float) -> Served:
    """All traffic is on the canary of B, the primary is broken, and C was deployed."""
    strategy = Strategy(stands={"primary": [(ready_after, "stuck")]})
    world = Served(strategy)
    failed = blocking(world, PLAN, False)
    assert (Outcome.STUCK, 100) == (failed.outcome, world.weight)
    world.revision = "C"
    return world


def test_ws_02_after_a_failed_promotion_the_primary_is_repaired_before_anything_else() -> None:
    """
    Flagger sends everybody to the broken primary when the mended revision comes, and takes the
    canary's pods: an outage. Here the primary gets what was analysed, and has to be ready first.
    """
    world = deployed_after_a_failed_promotion(ready_after=150.0)
    world.clock.plan(timedelta(seconds=200), lambda: None)
    world.clock.skip_to_next()
    report = blocking(world, PLAN, False)

    assert (Outcome.PROMOTED, "C") == (report.outcome, world.primary)
    assert [10, 50, 100, 0, 10, 50, 0] == world.weights
    assert [] == world.outage


def test_ws_02_a_primary_that_stays_broken_gets_no_traffic_whatever_is_tried() -> None:
    """
    Another run, and an abort: users stay with the canary, which passed.
    """
    world = deployed_after_a_failed_promotion(ready_after=FOR_EVER)
    again = blocking(world, PLAN, False)
    aborted = Runner(**parts(world)).decide(TARGET, Command.ABORT, by="eve")

    assert [Outcome.STUCK] * 2 == [again.outcome, aborted.outcome]
    assert (100, True) == (world.weight, world.scaled)
    assert [] == world.outage


# WS-10


def test_ws_10_what_is_promoted_is_what_was_analysed() -> None:
    """
    Flagger copies what the target has at that moment. Here the target moves just before the copy
    is made, and the newer template is the next run's.
    """

    class Moving(Town):
        """The team deploys once the promotion is decided and saved, and before the copy."""

        def save(
            self, target: Target, text: str, expected: str | None, *, urgent: bool = False
        ) -> str:
            version = super().save(target, text, expected, urgent=urgent)
            if self.revision == "B" and '"promoting"' in text:
                self.happens(after(0, revision="C"))
            return version

    world = Moving(Strategy(), Scenario())
    report = blocking(world, PLAN, False)

    assert (Outcome.PROMOTED, "B", "B") == (report.outcome, report.revision, world.primary)
    assert "C" == world.revision
    following = blocking(world, PLAN, False)
    assert (Outcome.PROMOTED, "C") == (following.outcome, world.primary)


# WS-12


def test_ws_12_a_primary_without_replicas_cannot_take_the_traffic() -> None:
    """
    Flagger compares pointers, so zero replicas of zero count as ready. Here the promotion fails
    with words that say so, and everybody stays on the canary, which passed.
    """
    nobody = rolled_out(deployment(name="web-primary", replicas=0))

    class Asleep(Town):
        """Somebody scaled the primary to zero while the canary was analysed."""

        def readiness(self, target: Target, side: Side, until: datetime) -> Asked:
            asked = super().readiness(target, side, until)
            return readiness(nobody, percent=0) if side is Side.PRIMARY else asked

    world = Asleep(Strategy(), Scenario())
    report = blocking(world, PLAN, False)

    assert (Outcome.STUCK, Reason.PRIMARY_NOT_READY) == (report.outcome, report.reason)
    assert "web-primary: scaled to 0 replicas" in report.message
    assert (100, True) == (world.weight, world.scaled)


# WS-23


def test_ws_23_a_fix_is_judged_by_the_canary_alone() -> None:
    """
    In Flagger an unhealthy primary blocks or fails the very release that would mend it. Here the
    primary is asked once it runs the new template.
    """

    class Ill(Town):
        """The primary is not ready until it is mended."""

        def readiness(self, target: Target, side: Side, until: datetime) -> Asked:
            asked = super().readiness(target, side, until)
            ill = side is Side.PRIMARY and self.primary == "A"
            return Asked(readiness=Readiness.STUCK, message="it is ill") if ill else asked

    world = Ill(Strategy(), Scenario())

    assert Outcome.PROMOTED is blocking(world, PLAN, False).outcome
    assert "B" == world.primary
