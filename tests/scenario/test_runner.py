"""What surrounds the machine: the opening, the journal, observers, other people's faults."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from tests.scenario.running import PLAN, parts_of, runner
from tests.scenario.worlds import TARGET

from progressive import (
    Capabilities,
    Command,
    LeaseLost,
    MetricCheck,
    Notification,
    Observed,
    Outcome,
    Reason,
    Runner,
    Split,
    Target,
    Transition,
)
from progressive.aio import AsyncRunner
from progressive.ports import Hold, Saved, Tell
from progressive.stores import MemoryLock, MemoryStore
from progressive.testing import Crash, Fault, Moment, Scenario, World, simulate


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

        run = AsyncRunner(**parts_of(world), observers=[interrupt], blocking=inline)
        task = asyncio.ensure_future(run.run(PLAN, TARGET))
        with pytest.raises(asyncio.CancelledError):
            await task
        assert Outcome.ABORTED is run.report.outcome

    asyncio.run(cancel())

    assert [10, 0] == world.weights
