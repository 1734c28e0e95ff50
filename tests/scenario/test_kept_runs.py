"""Ten runs are kept: put aside when the next one starts, whatever happens at that moment."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from attrs import evolve
from tests.scenario.running import runner
from tests.scenario.worlds import CHECKS, TARGET

from progressive import (
    CanaryAnalysis,
    ErrorKind,
    Observed,
    Outcome,
    Plan,
    Split,
    StoreError,
    Target,
)
from progressive.ports import Saved
from progressive.stores import MemoryStore
from progressive.testing import Crash, Scenario, World

PLAN = Plan(weights=(10, 50), interval=timedelta(seconds=30), threshold=1, checks=CHECKS)


def kept(store: MemoryStore | World) -> list[tuple[str, str | None]]:
    """Ids of the runs that were put aside, and how they ended, newest first."""
    found = [(one.run, CanaryAnalysis.from_json(one.text).report) for one in store.kept(TARGET)]
    assert [run for run, _ in found] == [report.run_id for _, report in found]
    return [(run, report.outcome) for run, report in found]


def test_a_run_that_starts_puts_the_one_before_it_aside() -> None:
    """
    Its own journal takes that place, and at night somebody asks for last week's.
    """
    world = World(Scenario(metrics={"request-success-rate": [50.0]}))
    first = runner(world).run(PLAN, TARGET)
    before = kept(world)
    world.revision = "C"
    world.scenario = Scenario()
    second = runner(world).run(PLAN, TARGET)
    world.revision = "D"
    runner(world).run(PLAN, TARGET)

    assert [] == before
    assert [(second.run_id, "promoted"), (first.run_id, "rolled_back")] == kept(world)


def test_what_is_kept_is_the_whole_record() -> None:
    """
    Verdicts, values, queries: what `explain` tells of it a month later.
    """
    world = World(Scenario())
    first = runner(world).run(PLAN, TARGET)
    world.revision = "C"
    runner(world).run(PLAN, TARGET)
    (one,) = world.kept(TARGET)
    told = CanaryAnalysis.from_json(one.text).report

    assert first.rounds == told.rounds
    assert (first.weights, first.message) == (told.weights, told.message)


def test_going_on_with_a_run_puts_nothing_aside() -> None:
    """
    It is the same run; only a new one takes the place of the old.
    """
    world = World(Scenario())
    runner(world).run(PLAN, TARGET)
    runner(world).resume(TARGET)

    assert [] == kept(world)


def test_a_revision_that_is_tried_again_keeps_the_try_before() -> None:
    """
    "It failed twice" is another thing than "it failed".
    """
    world = World(Scenario(metrics={"request-success-rate": [50.0]}))
    first = runner(world).run(PLAN, TARGET)
    runner(world).run(PLAN, TARGET)

    assert [(first.run_id, "rolled_back")] == kept(world)


class Dying(MemoryStore):
    """A place in which a driver dies right after it has put a run aside."""

    dies = False

    def keep(self, target: object, run: str, text: str) -> None:
        super().keep(TARGET, run, text)
        if self.dies:
            self.dies = False
            raise Crash


def test_an_older_run_that_is_ended_first_is_kept_as_well() -> None:
    """
    L22: a driver died, the target moved; the run that it left is ended and told, then put aside.
    """

    class Killed(World):
        """Its driver dies once, at the second write of the route."""

        writes = 0

        def shift(self, target: Target, split: Split) -> Observed:
            self.writes += 1
            if self.writes == 2:
                raise Crash
            return super().shift(target, split)

    world, store = Killed(Scenario()), MemoryStore()
    with pytest.raises(Crash):
        runner(world, store=store).run(PLAN, TARGET)
    world.revision = "C"
    report = runner(world, store=store).run(PLAN, TARGET)

    assert (Outcome.PROMOTED, "C") == (report.outcome, report.revision)
    assert ["superseded"] == [outcome for _, outcome in kept(store)]


def test_a_crash_between_putting_aside_and_the_first_save_changes_nothing() -> None:
    """
    The same is done once more, under the same id.
    """
    world, store = World(Scenario()), Dying()
    first = runner(world, store=store).run(PLAN, TARGET)
    world.revision = "C"
    store.dies = True
    with pytest.raises(Crash):
        runner(world, store=store).run(PLAN, TARGET)
    saved = store.load(TARGET)
    second = runner(world, store=store).run(PLAN, TARGET)

    assert saved is not None
    assert first.run_id == CanaryAnalysis.from_json(saved.text).run
    assert [(first.run_id, "promoted")] == kept(store)
    assert (Outcome.PROMOTED, "C") == (second.outcome, second.revision)


def test_runs_that_found_nothing_to_do_do_not_push_out_releases() -> None:
    """
    A pipeline that runs every hour would empty the history in one night.
    """
    world = World(Scenario())
    first = runner(world).run(PLAN, TARGET)
    outcomes = [runner(world).run(PLAN, TARGET).outcome for _ in range(12)]

    assert {Outcome.UNCHANGED} == set(outcomes)
    assert [(first.run_id, "promoted")] == kept(world)


def test_a_run_that_sent_somebody_elses_split_home_is_kept_though_unchanged() -> None:
    """
    It moved traffic, so somebody may ask why.
    """
    world = World(Scenario())
    runner(world).run(PLAN, TARGET)
    world.weight = 30
    found = runner(world).run(PLAN, TARGET)
    runner(world).run(PLAN, TARGET)

    assert (found.run_id, "unchanged") == kept(world)[0]


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (StoreError("no right to patch configmaps", ErrorKind.FORBIDDEN), 1),
        (StoreError("the server is away", ErrorKind.UNAVAILABLE), 4),
        (ZeroDivisionError("a fault in somebody's store"), 1),
    ],
)
def test_a_history_that_cannot_be_written_stops_no_release(
    error: Exception, tries: int, caplog: pytest.LogCaptureFixture
) -> None:
    """
    It is said, and the release goes on: users wait for it, and nobody for the history.
    """

    class Refusing(MemoryStore):
        asked = 0

        def keep(self, target: object, run: str, text: str) -> None:
            self.asked += 1
            raise error

    world, store = World(Scenario()), Refusing()
    first = runner(world, store=store).run(PLAN, TARGET)
    world.revision = "C"
    with caplog.at_level(logging.WARNING):
        report = runner(world, store=store).run(PLAN, TARGET)

    assert (Outcome.PROMOTED, "C") == (report.outcome, report.revision)
    assert tries == store.asked
    assert f"shop/web run {first.run_id} is not kept" in caplog.text
    assert str(error) in caplog.text


def test_a_store_of_ones_own_that_keeps_nothing_is_good_enough() -> None:
    """
    Stores that were written for an earlier version have no `keep`.
    """

    class Older:
        """`load` and `save` alone."""

        def __init__(self) -> None:
            self._store = MemoryStore()

        def load(self, target: object) -> Saved | None:
            return self._store.load(TARGET)

        def save(
            self, target: object, text: str, expected: str | None, *, urgent: bool = False
        ) -> str:
            return self._store.save(TARGET, text, expected, urgent=urgent)

    world, store = World(Scenario()), Older()
    runner(world, store=store).run(PLAN, TARGET)
    world.revision = "C"

    assert Outcome.PROMOTED is runner(world, store=store).run(PLAN, TARGET).outcome


def test_a_long_run_is_kept_within_its_size() -> None:
    """
    Ten of them share one object; the oldest rounds give way, and are counted.
    """
    plan = evolve(PLAN, weights=tuple(range(1, 101)), threshold=200)
    plan = evolve(plan, checks=tuple(evolve(CHECKS[0], name=f"check-{n}") for n in range(8)))
    world = World(Scenario())
    report = runner(world).run(plan, TARGET)
    world.revision = "C"
    runner(world).run(plan, TARGET)
    (one,) = world.kept(TARGET)
    told = CanaryAnalysis.from_json(one.text).report

    assert len(one.text.encode()) <= 60 * 1024
    assert Outcome.PROMOTED is told.outcome
    assert told.rounds == report.rounds[-len(told.rounds) :]
    assert 100 == len(told.rounds) + told.trimmed["rounds"]
