"""What surrounds the machine: the opening, the journal, observers, other people's faults."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from tests.scenario.worlds import CHECKS, TARGET

from progressive import (
    CanaryAnalysis,
    Capabilities,
    Command,
    LeaseLost,
    MetricCheck,
    Notification,
    Observed,
    Outcome,
    Plan,
    Reason,
    RouteNotFound,
    Runner,
    Situation,
    SpecError,
    Split,
    StoreConflict,
    Target,
    Transition,
)
from progressive.aio import AsyncRunner
from progressive.errors import ClusterError, ErrorKind
from progressive.ports import Hold, Saved, Tell
from progressive.stores import MemoryInbox, MemoryLock, MemoryStore
from progressive.testing import Crash, Fault, Moment, Scenario, World, simulate

PLAN = Plan(weights=(10, 50), interval=timedelta(seconds=30), threshold=1, checks=CHECKS)


def runner(world: World, **parts: Any) -> Runner:
    """A runner in a world; parts of one's own take the place of the world's."""
    chosen: dict[str, Any] = {
        "router": world,
        "metrics": world,
        "workload": world,
        "store": world,
        "lock": world,
        "inbox": world,
        "clock": world.clock,
        "identity": "tests",
    }
    return Runner(**{**chosen, **parts})


class Broken(World):
    """A router with a fault of its own at the second write."""

    error: BaseException = ValueError("a bug in somebody's router")
    writes = 0

    def shift(self, target: Target, split: Split) -> Observed:
        self.writes += 1
        if self.writes == 2:
            raise self.error
        return super().shift(target, split)


def test_a_bug_in_a_router_sends_the_traffic_home(caplog: pytest.LogCaptureFixture) -> None:
    """
    A traceback in the middle of a release would leave users split.
    """
    world = Broken(Scenario())
    report = runner(world).run(PLAN, TARGET)

    assert (Outcome.ROLLED_BACK, Reason.ROUTER_ERROR) == (report.outcome, report.reason)
    assert "ValueError: a bug in somebody's router" in report.message
    assert 0 == world.weight


def test_ctrl_c_in_a_script_sends_the_traffic_home() -> None:
    """
    A library has no signal handlers; the interrupt of the interpreter is an abort.
    """
    world = Broken(Scenario())
    world.error = KeyboardInterrupt()
    report = runner(world).run(PLAN, TARGET)

    assert Outcome.ABORTED is report.outcome
    assert [10, 0] == world.weights


def test_a_bug_in_a_provider_is_inconclusive_and_not_a_failure() -> None:
    """
    A provider that cannot judge must not cost the canary its budget.
    """

    class Odd(World):
        asked = 0

        def sample(self, question: Any) -> Any:
            self.asked += 1
            if self.asked == 1:
                raise ZeroDivisionError("0 requests")
            return super().sample(question)

    world = Odd(Scenario())
    report = runner(world).run(PLAN, TARGET)

    assert Outcome.PROMOTED is report.outcome
    assert ["inconclusive", "pass", "pass"] == [one.verdict for one in report.rounds]


def test_a_provider_that_never_answers_does_not_hold_a_run() -> None:
    """
    L15: somebody's provider may have no time-out; the round is undecided then, and the next asks.
    """

    class Lost(World):
        """Loses the answer of the first measurement."""

        def __init__(self) -> None:
            super().__init__(Scenario())
            beside, asked = self.clock.beside, 0

            def beside_once(work: Any, inbox: Any) -> None:
                nonlocal asked
                asked += self.weight == 50
                if asked != 2:  # the first one reads the split
                    beside(work, inbox)

            self.clock.beside = beside_once  # type: ignore[method-assign]

    world = Lost()
    report = runner(world).run(PLAN, TARGET)

    assert Outcome.PROMOTED is report.outcome
    assert "was not answered in time" in str(report.events) + str(report.rounds)


def test_observers_and_notifiers_never_disturb_a_run() -> None:
    """
    A chat server that is down must not hold a release.
    """
    seen: list[Transition] = []

    def faulty(transition: Transition) -> None:
        seen.append(transition)
        raise RuntimeError("chat is down")

    class Faulty:
        def tell(self, notification: Notification) -> None:
            raise RuntimeError("chat is down")

    report = runner(World(Scenario()), observers=[faulty], notifiers=[Faulty()]).run(PLAN, TARGET)

    assert Outcome.PROMOTED is report.outcome
    assert {report.run_id} == {one.run for one in seen}
    assert ["Started", "Done"] == [one.event for one in seen[:2]]


def test_every_record_carries_its_run(caplog: pytest.LogCaptureFixture) -> None:
    """
    Logs of many releases end in one place.
    """
    with caplog.at_level(logging.INFO, logger="progressive"):
        report = runner(World(Scenario())).run(PLAN, TARGET)

    runs = {getattr(record, "run", None) for record in caplog.records}
    assert {report.run_id} == runs


def test_what_the_router_cannot_express_is_refused_before_anything_is_written() -> None:
    """
    L1: refused here, not discovered later.
    """

    class Poor(World):
        capabilities = Capabilities(weights=True, max_total=10)

    world = Poor(Scenario())
    report = runner(world).run(PLAN, TARGET)

    assert (Outcome.REJECTED, 6) == (report.outcome, report.exit_code)
    assert "total" in report.message
    assert [] == world.weights and world.load(TARGET) is None


def test_a_builtin_check_needs_a_dialect() -> None:
    """
    A built-in check on a router that names no dialect would ask for nothing.
    """

    class Mute(World):
        capabilities = Capabilities(weights=True)

    assert "dialect" in runner(Mute(Scenario())).run(PLAN, TARGET).message
    own = evolve(PLAN, checks=(MetricCheck(name="q", query="q", at_most=1.0),))
    assert Outcome.PROMOTED is runner(Mute(Scenario())).run(own, TARGET).outcome


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
    report = Runner(
        router=world,
        metrics=world,
        workload=world,
        store=world,
        lock=world,
        inbox=inbox,
        clock=world.clock,
    ).run(PLAN, TARGET)

    assert Outcome.ABORTED is report.outcome
    assert "wrong build" in report.message
    assert [] == world.weights


def test_a_lease_that_is_lost_is_heard() -> None:
    """
    The Lease's keeper tells the run from a thread of its own.
    """

    class Stolen(MemoryLock):
        def acquire(self, target: Target, run: str, tell: Tell) -> Hold:
            self.tell = tell
            return super().acquire(target, run, tell)

    lock = Stolen()
    world = World(Scenario())

    def steal(transition: Transition) -> None:
        from progressive import DriverLost

        if transition.weight == 10:
            lock.tell(DriverLost(at=world.clock.now(), message=str(LeaseLost("taken by r9"))))

    report = runner(world, lock=lock, observers=[steal]).run(PLAN, TARGET)

    assert (Outcome.BUSY, Reason.LEASE_LOST) == (report.outcome, report.reason)
    assert [10] == world.weights


def test_a_run_can_be_ended_from_outside() -> None:
    """
    L27: `abort` without a live driver takes the target and finishes the run.
    """
    world = World(Scenario(faults=[Fault(call=2, on="route-write", what="crash-after")]))
    with pytest.raises(Crash):
        runner(world).run(PLAN, TARGET)

    report = runner(world).decide(TARGET, Command.ABORT, by="eve", why="pager")

    assert Outcome.ABORTED is report.outcome
    assert "eve" in report.message and "pager" in report.message
    assert [10, 50, 0] == world.weights and not world.scaled


def test_a_split_left_on_hold_can_be_ended_the_next_day() -> None:
    """
    L17 and L27: the record of the run takes the decision of the next day in.
    """
    hold = Moment(time=timedelta(seconds=40), do=Command.HOLD)
    result = simulate(PLAN, TARGET, Scenario(at=[hold]))
    assert (4, 50) == (result.report.exit_code, result.world.weight)

    report = runner(result.world).decide(TARGET, Command.ABORT, by="eve")

    assert Outcome.ABORTED is report.outcome
    assert 0 == result.world.weight


def test_a_router_without_a_cluster_keeps_its_journal_in_memory_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """
    In memory, with a warning.
    """
    world = World(Scenario(), managed=False)
    report = Runner(world, world, clock=world.clock).run(PLAN, TARGET)

    assert Outcome.PROMOTED is report.outcome
    assert "the journal is kept in memory" in caplog.text


def test_a_damaged_journal_is_refused_with_words() -> None:
    """
    Half-written state: nothing is written over it, and a person is told what to do.
    """

    class Damaged(MemoryStore):
        def load(self, target: Target) -> Saved | None:
            return Saved(text='{"schema": "progressive.dev/jour', version="1")

    world = World(Scenario())
    report = runner(world, store=Damaged()).run(PLAN, TARGET)

    assert Outcome.REJECTED is report.outcome
    assert "the journal cannot be read" in report.message
    assert [] == world.weights


def test_a_cancelled_async_run_goes_home_first() -> None:
    """
    Cancelling a task of a web service must not leave its users split.
    """
    world = World(Scenario())

    async def cancel() -> None:
        async def inline(call: Any, /, *args: Any) -> Any:
            await asyncio.sleep(0)
            return call(*args)

        def interrupt(transition: Transition) -> None:
            if transition.weight == 10 and not task.cancelling():
                task.cancel()

        run = AsyncRunner(
            router=world,
            metrics=world,
            workload=world,
            store=world,
            lock=world,
            inbox=world,
            clock=world.clock,
            observers=[interrupt],
            blocking=inline,
        )
        task = asyncio.ensure_future(run.run(PLAN, TARGET))
        with pytest.raises(asyncio.CancelledError):
            await task
        assert Outcome.ABORTED is run.report.outcome

    asyncio.run(cancel())

    assert [10, 0] == world.weights
