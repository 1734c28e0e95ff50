"""Whatever the driver dies of, and whenever: a second start ends where the first would have.

The crash points are not listed by hand. The uninterrupted run of each strategy says how many calls
of each kind it makes, and the driver dies before and after every one of them; and once more at
once, and at two places of one run.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from tests.scenario.strategies import (
    DRIFT_DECIDED,
    STRATEGIES,
    Driver,
    Played,
    Strategy,
    awaited,
    blocking,
    play,
)
from tests.scenario.worlds import TARGET, random_plan, random_scenario

from progressive import Outcome
from progressive.testing import Call, Fault, What, simulate

pytestmark = pytest.mark.usefixtures("quiet")
CRASHES = (What.CRASH_BEFORE, What.CRASH_AFTER)
DECIDED = [name for name, one in STRATEGIES.items() if play(one).reports[0].decisions]
"""Strategies in which a person decides something."""


def crashes(calls: Counter[Call], *, but: Counter[Call] | None = None) -> Iterator[Fault]:
    """A crash before and after each of these calls; `but`: later than those."""
    begun = but or Counter()
    for on, number in sorted(calls.items()):
        for call in range(begun[on] + 1, number + 1):
            for what in CRASHES:
                yield Fault(call=call, on=on, what=what)


def essence(played: Played) -> dict[str, Any]:
    """What a crash must not change: where everything stands in the end, and why."""
    runs = [
        {
            "outcome": one.outcome,
            "reason": one.reason,
            "exit": one.exit_code,
            "revision": one.revision,
            "restored": one.split_restored,
            "final": one.final,
            "rounds": [(r.weight, r.verdict, [v.kind for v in r.checks]) for r in one.rounds],
            "decisions": [(d.id, d.command, "refused" in d.answer) for d in one.decisions],
        }
        for one in played.reports
    ]
    world = played.world
    stands = (world.weight, world.scaled, world.primary, world.marked, world.revision)
    return {"runs": runs, "weights": world.weights, "stands": stands}


def check_told(played: Played, undisturbed: Played, where: str) -> None:
    """One outcome a run (a repetition says so), progress at most once, and nothing else (L16)."""
    for number, report in enumerate(played.reports):
        told = [one for one in played.world.told if one.id.startswith(f"{report.run_id}/")]
        terminal = [one for one in told if one.terminal]
        progress = [one for one in told if not one.terminal]
        first = undisturbed.reports[number].run_id
        wanted = [one for one in undisturbed.world.told if one.id.startswith(f"{first}/")]

        assert 1 == len({one.id for one in terminal}), f"{where}: {terminal}"
        assert {report.outcome} == {one.kind for one in terminal}, where
        assert all(one.repeat for one in terminal[1:]), f"{where}: {terminal}"
        assert len(progress) == len({one.id for one in progress}), f"{where}: {progress}"
        assert sum(one.kind == "started" for one in told) <= 1, f"{where}: {told}"
        counted = Counter(one.kind for one in progress)
        assert counted <= Counter(one.kind for one in wanted), f"{where}: {progress}"


def check(strategy: Strategy, undisturbed: Played, *faults: Fault, drive: Driver) -> Played:
    """Die there, go on, and compare."""
    where = " and ".join(f"{one.what} {one.on} {one.call}" for one in faults)
    played = play(strategy, *faults, drive=drive)

    assert played.deaths, f"nobody died {where}"
    assert essence(undisturbed) == essence(played), where
    assert not played.world.hurried, f"{where}: pods went before the traffic"
    for report in played.reports:
        # a weight whose answer a crash swallowed may be missing in the report, none is made up
        assert subsequence(report.weights, [0, *played.world.weights]), where
        heard = [one.id for one in report.decisions]
        assert len(heard) == len(set(heard)), f"{where}: {report.decisions}"
    check_told(played, undisturbed, where)
    return played


def subsequence(some: Sequence[int], of: Sequence[int]) -> bool:
    """Whether these appear there in this order."""
    rest = iter(of)
    return all(one in rest for one in some)


Told = Callable[[str, object], None]
"""pytest's `record_property`: the numbers stand in the report of a build."""


def test_there_is_a_crash_point_at_every_kind_of_call(record_property: Told) -> None:
    """
    An enumeration that became empty would pass, and prove nothing.
    """
    calls: Counter[Call] = Counter()
    for one in STRATEGIES.values():
        calls += play(one).world.calls
    record_property("crash points", 2 * calls.total())

    assert len(STRATEGIES) >= 55
    assert 2 * calls.total() >= 2_300
    assert set(Call) == set(calls)
    assert min(calls.values()) >= 100


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_crash_at_any_call_changes_nothing(name: str) -> None:
    """
    L19: save, then act, and every action can be repeated. Flagger hangs in 2 of 3 such runs.
    """
    strategy = STRATEGIES[name]
    undisturbed = play(strategy)
    tried = 0
    for fault in crashes(undisturbed.world.calls):
        check(strategy, undisturbed, fault, drive=blocking)
        tried += 1

    assert not undisturbed.deaths and not undisturbed.world.hurried
    assert 2 * undisturbed.world.calls.total() == tried > 0


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_second_driver_may_die_at_its_first_write(name: str) -> None:
    """
    A machine that is short of memory ends one driver after the other.
    """
    strategy = STRATEGIES[name]
    undisturbed = play(strategy)
    tried = 0
    for fault in crashes(undisturbed.world.calls):
        if fault.what is What.CRASH_BEFORE and fault.on is not Call.JOURNAL:
            continue  # as after the call before it: nothing was saved in between
        (died,) = play(strategy, fault).deaths
        # before that write is as if the second driver had never been, unless it had told an end
        for what in CRASHES if fault.on is Call.JOURNAL else (What.CRASH_AFTER,):
            again = Fault(call=died[Call.JOURNAL] + 1, on=Call.JOURNAL, what=what)
            tried += len(check(strategy, undisturbed, fault, again, drive=blocking).deaths) == 2

    assert tried >= undisturbed.world.calls.total() - 2


def test_a_driver_may_die_at_any_two_calls(record_property: Told) -> None:
    """
    All pairs: what the first crash left half done, the second meets.
    """
    strategy = STRATEGIES["returned in steps"]
    undisturbed = play(strategy)
    tried = 0
    for fault in crashes(undisturbed.world.calls):
        once = play(strategy, fault)
        for second in crashes(once.world.calls, but=once.deaths[0]):
            check(strategy, undisturbed, fault, second, drive=blocking)
            tried += 1
    record_property("pairs of crashes", tried)

    assert tried >= 1_500


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_driver_may_die_at_some_two_calls_of_any_strategy(name: str) -> None:
    """
    A sample, the same one each time.
    """
    strategy, dice = STRATEGIES[name], random.Random(name)
    undisturbed = play(strategy)
    firsts = list(crashes(undisturbed.world.calls))
    tried = 0
    for fault in dice.choices(firsts, k=25):
        once = play(strategy, fault)
        seconds = list(crashes(once.world.calls, but=once.deaths[0]))
        if seconds:
            check(strategy, undisturbed, fault, dice.choice(seconds), drive=blocking)
            tried += 1

    assert tried >= 10


@pytest.mark.parametrize("name", DECIDED)
def test_a_decision_that_is_told_again_after_a_crash_is_worked_in_once(name: str) -> None:
    """
    L27: the inbox tells a new driver everything again, and the journal says what was heard.

    With the other runner; the tests above do it with `Runner`.
    """
    strategy = STRATEGIES[name]
    undisturbed = play(strategy, drive=awaited)
    for fault in crashes(undisturbed.world.calls):
        check(strategy, undisturbed, fault, drive=awaited)

    assert len(DECIDED) >= 10


@pytest.mark.parametrize("name", DRIFT_DECIDED)
def test_a_crash_does_not_hide_what_another_writer_did(name: str) -> None:
    """
    L14: with `abort` the run has to end then, with `accept` the value has to stand.
    """
    strategy = DRIFT_DECIDED[name]
    undisturbed = play(strategy)
    for fault in crashes(undisturbed.world.calls):
        check(strategy, undisturbed, fault, drive=blocking)


def test_no_random_world_leaves_a_split_without_saying_so() -> None:
    """
    Exit codes 0, 3, 5, 7 and 11 promise that all traffic is where it belongs.
    """
    outcomes = set()
    for seed in range(1_500):
        dice = random.Random(f"split {seed}")
        plan, scenario = random_plan(dice), random_scenario(dice)
        result = simulate(plan, TARGET, scenario)
        outcome, weight = result.report.outcome, result.world.weight
        outcomes.add(outcome)
        if result.report.split_restored and outcome is not Outcome.REJECTED:
            foreign = [m for m in scenario.at if m.weight is not None]
            assert 0 == weight or foreign, f"seed {seed}: {outcome} leaves {weight}"
        else:
            assert result.report.exit_code in (4, 6, 8, 10), f"seed {seed}: {outcome}"

    assert {Outcome.PROMOTED, Outcome.ROLLED_BACK, Outcome.STUCK, Outcome.ABORTED} <= outcomes
