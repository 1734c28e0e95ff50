"""How a run begins, and what it finds: another driver, a journal, a decision, a change."""

from __future__ import annotations

from typing import Any

import pytest
from tests.scenario.running import PLAN, runner
from tests.scenario.worlds import TARGET

from progressive import (
    CanaryAnalysis,
    Command,
    Observed,
    Outcome,
    Reason,
    RouteNotFound,
    Situation,
    SpecError,
    StoreConflict,
    Target,
)
from progressive.errors import ClusterError, ErrorKind
from progressive.ports import Hold, Tell
from progressive.stores import MemoryInbox, MemoryLock, MemoryStore
from progressive.testing import Crash, Fault, Scenario, World


def test_two_drivers_in_one_process_are_one_too_many() -> None:
    """
    L18: the second answers `busy` and has written nothing.
    """
    lock = MemoryLock()
    lock.acquire(TARGET, "r0", lambda event: None)
    world = World(Scenario())
    report = runner(world, lock=lock).run(PLAN, TARGET)

    assert (Outcome.BUSY, 8) == (report.outcome, report.exit_code)
    assert "r0" in report.message
    assert [] == world.weights and world.load(TARGET) is None


def test_the_target_is_free_again_after_a_run() -> None:
    """
    Exit, rejection and outcome alike give the Lease back.
    """
    lock = MemoryLock()
    runner(World(Scenario()), lock=lock).run(PLAN, TARGET)
    runner(World(Scenario()), lock=lock).resume(TARGET)

    assert None is lock.holder(TARGET)


def test_a_journal_of_another_driver_stops_the_run_without_a_write() -> None:
    """
    L18, L19: a lost compare-and-swap means that another driver leads.
    """

    class Taken(MemoryStore):
        saves = 0

        def save(
            self, target: Target, text: str, expected: str | None, *, urgent: bool = False
        ) -> str:
            self.saves += 1
            if self.saves == 4:
                raise StoreConflict("saved by r9")
            return super().save(target, text, expected, urgent=urgent)

    world = World(Scenario())
    report = runner(world, store=Taken()).run(PLAN, TARGET)

    assert (Outcome.BUSY, Reason.LEASE_LOST) == (report.outcome, report.reason)
    assert 0 not in world.weights, "a driver that lost the target sends nothing home"


def test_resume_starts_nothing() -> None:
    """
    L22: without a journal it is refused; with a finished one it answers that outcome again.
    """
    world = World(Scenario(metrics={"request-success-rate": 50.0}))
    first = runner(world).resume(TARGET)
    assert (Outcome.REJECTED, "has no run to resume" in first.message) == (first.outcome, True)

    ended = runner(world).run(PLAN, TARGET)
    again = runner(world).resume(TARGET)

    assert (Outcome.ROLLED_BACK, ended.run_id) == (again.outcome, again.run_id)
    assert [10, 0] == world.weights


def test_an_older_run_is_ended_before_the_wanted_revision_starts() -> None:
    """
    L22: its split goes home, it is told as superseded, then the new one begins.
    """
    world = World(Scenario(faults=[Fault(call=2, on="route-write", what="crash-after")]))
    with pytest.raises(Crash):
        runner(world, notifiers=[world]).run(PLAN, TARGET)

    def deploy() -> None:
        world.revision = "C"

    report = runner(world, notifiers=[world]).run(PLAN, TARGET, change=deploy)

    assert (Outcome.PROMOTED, "C") == (report.outcome, report.revision)
    assert [10, 50, 0, 10, 50, 0] == world.weights
    assert ["superseded", "promoted"] == [one.kind for one in world.told if one.terminal]


def test_the_change_is_made_once_the_target_is_ours() -> None:
    """
    Item 10: the image is set after validation and Lease, and a refusal is `rejected`.
    """
    order: list[str] = []

    class Watched(MemoryLock):
        def acquire(self, target: Target, run: str, tell: Tell) -> Hold:
            order.append("lease")
            return super().acquire(target, run, tell)

    def unknown_container() -> None:
        order.append("change")
        raise SpecError("--image", "there is no container 'wep'; there are: web")

    world = World(Scenario())
    report = runner(world, lock=Watched()).run(PLAN, TARGET, change=unknown_container)

    assert ["lease", "change"] == order
    assert (Outcome.REJECTED, True) == (report.outcome, "there are: web" in report.message)
    assert None is world.load(TARGET)


def test_the_change_is_made_again_when_its_answer_was_lost() -> None:
    """
    One HTTP 500 while the image is set must not be the end of a build.
    """
    world = World(Scenario())
    tried: list[str] = []

    def set_image() -> None:
        tried.append("change")
        if len(tried) == 1:
            raise ClusterError("no answer in time", ErrorKind.UNAVAILABLE)

    report = runner(world).run(PLAN, TARGET, change=set_image)

    assert (Outcome.PROMOTED, 2) == (report.outcome, len(tried))


@pytest.mark.parametrize("from_the_end", [1, 2], ids=["told", "due"])
def test_an_outage_at_the_last_save_costs_time_and_nothing_else(from_the_end: int) -> None:
    """
    Else the run is over, and its journal says that somebody has to go on with it.
    """
    saves = 0

    class Counted(World):
        def save(self, *arguments: Any, **more: Any) -> str:
            nonlocal saves
            saves += 1
            return super().save(*arguments, **more)

    quiet = Counted(Scenario())
    runner(quiet, notifiers=[quiet]).run(PLAN, TARGET)
    last = saves - from_the_end + 1
    faults = [Fault(call=last + n, on="journal", what="unavailable") for n in range(2)]
    world = World(Scenario(faults=faults))
    report = runner(world, notifiers=[world]).run(PLAN, TARGET)
    saved = world.load(TARGET)

    assert Outcome.PROMOTED is report.outcome
    assert saved is not None
    kept = CanaryAnalysis.from_json(saved.text)
    assert (True, ()) == (kept.done, kept.due)
    assert [Outcome.PROMOTED] == [one.kind for one in world.told if one.terminal]


def test_a_route_that_was_removed_between_two_runs_is_made_again() -> None:
    """
    Somebody deleted the VirtualService of a managed workload: the next release must not fail.
    """

    class Removed(World):
        there = False

        def current(self, target: Target) -> Observed:
            if not self.there:
                raise RouteNotFound("no VirtualService holds both sides")
            return super().current(target)

        def point(self, target: Target) -> None:
            self.there = True

    assert Outcome.PROMOTED is runner(Removed(Scenario())).run(PLAN, TARGET).outcome


def test_an_abort_before_the_first_order_is_heard() -> None:
    """
    SIGTERM may come while the Lease is being taken.
    """
    world = World(Scenario())
    run = runner(world)

    class Slow(MemoryLock):
        def acquire(self, target: Target, run_id: str, tell: Tell) -> Hold:
            run.abort(by="SIGTERM", signal=True)
            return super().acquire(target, run_id, tell)

    run = runner(world, lock=Slow())
    assert Outcome.ABORTED is run.run(PLAN, TARGET).outcome
    assert [] == world.weights


def test_a_decision_that_comes_while_a_run_is_opened_is_heard() -> None:
    """
    L27: `progressive abort` finds the Lease taken and tells a driver that does not listen yet.
    """
    inbox = MemoryInbox()

    class Told(World):
        def situation(self, target: Target) -> Situation:
            inbox.put(target, Command.ABORT, by="eve", why="wrong build")
            return super().situation(target)

    world = Told(Scenario())
    report = runner(world, inbox=inbox).run(PLAN, TARGET)

    assert Outcome.ABORTED is report.outcome
    assert "wrong build" in report.message
    assert [] == world.weights
