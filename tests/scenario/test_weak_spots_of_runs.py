"""Flagger's weak spots in the life of a release (its reference, 7.5), each with what we promise.

`test_weak_spots_documents.py` has those of documents, metrics and hashes, and
`tests/real/bad_days/test_weak_spots.py` those that only a real API server can witness.

Not here, with the part that brings them: WS-09 (cookies of a sticky session), WS-13 (alerts to
chat), WS-17 (ConfigMaps that pods read), WS-18 (KEDA), WS-19 (DaemonSets), WS-22 (InfluxDB) and
WS-25 (gates) are about things that this version does not do; that it says so, and never does
something else instead, is in `test_weak_spots_documents.py`. WS-24 is about Flagger's own tests.
WS-26 is about the record here, about the runs that are kept in `test_kept_runs.py`, and about the
command in the real `test_history.py`.

WS-02, WS-10, WS-12 and WS-23 are in `test_weak_spots_promotion.py`, WS-11, WS-15 and WS-22 in
`test_weak_spots_metrics.py`, and WS-20 is in `test_weak_spots_garbage.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from attrs import evolve
from tests.scenario.strategies import (
    CHECK,
    FOR_EVER,
    PLAN,
    STRATEGIES,
    Strategy,
    Town,
    after,
    blocking,
    parts,
    play,
)
from tests.scenario.worlds import TARGET

from progressive import Command, Outcome, Phase, Reason, Report, Runner, Transition
from progressive.stores import MemoryLock
from progressive.testing import Call, Crash, Fault, Scenario, What

pytestmark = pytest.mark.usefixtures("quiet")


def once_each(strategy: Strategy, what: What) -> Iterator[Fault]:
    """One fault at each call of the undisturbed run."""
    for on, number in play(strategy).world.calls.items():
        for call in range(1, number + 1):
            yield Fault(call=call, on=on, what=what)


# WS-01


def failed_and_deployed(*faults: Fault) -> Town:
    """Revision B has failed, and the team has deployed revision C."""
    world = Strategy(scenario=Scenario(metrics={CHECK: [50.0, 99.9]})).world(*faults)
    failed = blocking(world, PLAN, False)
    assert Outcome.ROLLED_BACK is failed.outcome
    world.rounds_before = len(failed.rounds)
    world.revision = "C"
    return world


def test_ws_01_a_revision_that_follows_a_failed_one_is_never_swallowed() -> None:
    """
    Flagger notes the new hash before it acts: an error in the same tick, and the revision is
    never looked at again. Here each single call may fail, and the revision is released.
    """
    first, healthy = failed_and_deployed(), failed_and_deployed()
    blocking(healthy, PLAN, False)
    tried = 0
    for on, number in healthy.calls.items():
        for call in range(first.calls[on] + 1, number + 1):
            world = failed_and_deployed(Fault(call=call, on=on, what=What.UNAVAILABLE))
            report = blocking(world, PLAN, False)
            assert (Outcome.PROMOTED, "C", "C") == (report.outcome, report.revision, world.primary)
            tried += 1

    assert tried >= 15


def test_ws_01_an_outage_at_the_start_leaves_the_revision_for_the_next_run() -> None:
    """
    What could not even be started was not tried: the next run of the job starts it.
    """
    first = failed_and_deployed().calls[Call.ROUTE_READ]
    away = [
        Fault(call=first + number, on=Call.ROUTE_READ, what=What.UNAVAILABLE)
        for number in range(1, 5)
    ]
    world = failed_and_deployed(*away)
    unreachable = blocking(world, PLAN, False)
    report = blocking(world, PLAN, False)

    assert (Outcome.UNREACHABLE, 9) == (unreachable.outcome, unreachable.exit_code)
    assert (Outcome.PROMOTED, "C") == (report.outcome, world.primary)


# WS-03


def test_ws_03_going_back_to_the_promoted_template_ends_the_analysis() -> None:
    """
    Flagger goes on splitting A against A, records a hash that nobody promoted, and starts a
    canary of A afterwards. Here the traffic goes home, and the next run finds nothing to do.
    """
    played = play(STRATEGIES["reverted target"])
    (report,), world = played.reports, played.world
    weights = list(world.weights)
    after_it = blocking(world, PLAN, False)

    assert (Outcome.SUPERSEDED, Reason.REVERTED) == (report.outcome, report.reason)
    assert ("A", False, 0) == (world.primary, world.scaled, world.weight)
    assert (Outcome.UNCHANGED, weights) == (after_it.outcome, world.weights)


# WS-04


@pytest.mark.parametrize("weight", [0, 5, 30, 100])
def test_ws_04_a_split_that_somebody_edits_is_put_right_and_the_ramp_goes_on(weight: int) -> None:
    """
    Flagger starts again at the first weight, and tells the start twice. Here only the edited
    weight is written again. (Edits of the rest of the object: the real test of this name.)
    """
    strategy = Strategy(
        plan=evolve(PLAN, weights=(10, 20, 50)), when={20: [after(5, weight=weight)]}
    )
    played = play(strategy)
    told = [one.kind for one in played.world.told]

    assert Outcome.PROMOTED is played.reports[0].outcome
    assert [10, 20, 50, 0] == played.world.weights
    assert 1 == told.count("started")
    assert 1 == told.count("drift")


# WS-05


@pytest.mark.parametrize("what", list(What))
def test_ws_05_a_stepped_return_ends_whatever_happens_at_whichever_call(what: What) -> None:
    """
    Flagger hangs in Promoting for ever when the router is home and its status is not. Here each
    call of the whole run may crash before or after, conflict, or find nobody.
    """
    strategy = STRATEGIES["returned in steps"]
    ended = set()
    for fault in once_each(strategy, what):
        played = play(strategy, fault)
        if what is What.FORBIDDEN:
            # a right that is missing may end the run, but never leaves it open
            ended.add(played.reports[0].outcome)
            continue
        assert Outcome.PROMOTED is played.reports[0].outcome, fault
        assert [10, 50, 30, 10, 0] == played.world.weights, fault
        assert (0, False, "B") == (
            played.world.weight,
            played.world.scaled,
            played.world.primary,
        ), fault

    assert None not in ended


# WS-06


STILL = {
    "the canary is never ready": Strategy(stands={"canary": [(FOR_EVER, "waiting")]}),
    "the first primary is never ready": Strategy(
        scenario=Scenario(first_deploy=True), stands={"primary": [(FOR_EVER, "waiting")]}
    ),
    "the promoted primary is never ready": Strategy(stands={"primary": [(FOR_EVER, "waiting")]}),
    "there is never any data": Strategy(scenario=Scenario(metrics={CHECK: None})),
    "the metrics server is never there": Strategy(scenario=Scenario(metrics={CHECK: "error"})),
    "somebody edits the split without end": Strategy(
        when={10: [after(5 * n, weight=70) for n in range(1, 200)]}
    ),
    "a person holds it and goes home": Strategy(when={10: [after(5, do=Command.HOLD)]}),
    **{
        f"{on} is never answered": Strategy(
            scenario=Scenario(faults=[Fault(call=3, on=on, what=What.UNAVAILABLE, onwards=True)])
        )
        for on in (Call.ROUTE_WRITE, Call.ROUTE_READ, Call.WORKLOAD, Call.JOURNAL)
    },
}


@pytest.mark.parametrize("name", STILL)
def test_ws_06_no_state_lasts_for_ever(name: str) -> None:
    """
    Flagger has no deadline for an analysis. Here every state has its own (L15), and after the
    longest of them, a person's hold of a day, there is an outcome.
    """
    # a run that spins dies of its calls, and one that waits meets the thirtieth day
    worn_out = (Fault(call=1_000, on=on, what=What.CRASH_BEFORE, onwards=True) for on in Call)
    world = STILL[name].world(*worn_out)
    world.clock.plan(timedelta(days=30), lambda: pytest.fail("it goes on for ever"))
    report = blocking(world, STILL[name].plan, False)

    assert report.outcome not in (None, Outcome.PROMOTED)
    assert report.duration <= timedelta(hours=25)
    assert 0 != report.exit_code


# WS-14


@pytest.mark.parametrize("name", ["a canary that never comes", "failed promotion", "no data"])
def test_ws_14_a_deadline_that_passes_is_told(name: str) -> None:
    """
    Flagger's alert for it is behind a condition that is never true. Here each end is told, once,
    with its reason.
    """
    played = play(STRATEGIES[name])
    (report,) = played.reports
    (last,) = [one for one in played.world.told if one.terminal]

    assert (report.outcome, report.reason) == (last.kind, last.reason)
    assert report.reason in (Reason.CANARY_NOT_READY, Reason.PRIMARY_NOT_READY, Reason.NO_DATA)


# WS-16


def test_ws_16_a_run_keeps_its_plan_and_a_second_driver_is_busy() -> None:
    """
    Flagger starts a second job while the old one may be in the middle of its tick. Here a
    document that is edited during a run is the next run's, and nobody drives beside the driver.
    """
    edited = evolve(PLAN, weights=(99,), interval=timedelta(seconds=5), threshold=9)
    lock, seconds = MemoryLock(), list[Report]()

    def drive_too(transition: Transition) -> None:
        if transition.weight == 10 and transition.after is Phase.HOLDING and not seconds:
            seconds.append(Runner(**{**parts(world), "lock": lock}).run(edited, TARGET))

    world = Strategy().world()
    report = Runner(**{**parts(world), "lock": lock, "observers": [drive_too]}).run(PLAN, TARGET)

    assert [(Outcome.BUSY, 8)] == [(one.outcome, one.exit_code) for one in seconds]
    assert (Outcome.PROMOTED, [10, 50, 0]) == (report.outcome, world.weights)
    assert timedelta(seconds=90) == report.duration


def test_ws_16_a_driver_that_takes_over_keeps_the_plan_of_the_run() -> None:
    """
    The journal holds the plan: half a run by one and half by another would prove nothing.
    """
    world = Strategy().world(Fault(call=2, on=Call.ROUTE_WRITE, what=What.CRASH_AFTER))
    edited = evolve(PLAN, weights=(99,))
    with pytest.raises(Crash):
        blocking(world, PLAN, False)
    report = blocking(world, edited, False)

    assert (Outcome.PROMOTED, [10, 50, 0]) == (report.outcome, world.weights)


# WS-26


def test_ws_26_the_record_says_every_value_and_the_reason() -> None:
    """
    Flagger keeps the last value of each metric and no reason. Here the journal of the run has
    every round with its values, and says why it ended, to whoever asks later.
    """
    world = Strategy(scenario=Scenario(metrics={CHECK: [99.5, 98.0]})).world()
    blocking(world, PLAN, False)
    later = Runner(**parts(world)).resume(TARGET)

    values = [(one.weight, one.checks[0].value) for one in later.rounds]
    assert [(10, 99.5), (50, 98.0)] == values
    assert (Outcome.ROLLED_BACK, Reason.CHECK_FAILED) == (later.outcome, later.reason)
    assert "98" in later.message and "99" in later.message
