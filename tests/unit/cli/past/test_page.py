"""What an SRE reads at night about a run: the decision, what led to it, what to do."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from tests.unit.cli.past.runs import COMMANDS, NOW, around, newest, one_line, played, told
from tests.unit.cli.past.world import DRIVER, HOUR, PLAN, TARGET, bad, die_at, moment, play

from progressive import Command, Commanded, MetricCheck, NoData
from progressive._cli.past.advice import advice
from progressive._cli.past.decision import decision
from progressive._cli.past.page import page
from progressive.testing import Call, Fault, Scenario, What

DECISIONS: dict[str, tuple[dict[str, Any], str]] = {
    "promoted": ({}, "The new version, web=registry/web:42, was promoted after 3 rounds."),
    "first deploy": (
        {"scenario": Scenario(first_deploy=True)},
        "This was the first deploy, of web=registry/web:41: the primary is made, ready, and has "
        "all the traffic. Nothing was analysed.",
    ),
    "unchanged": (
        {"revision": "A"},
        "There was nothing to release: the target has the promoted template already.",
    ),
    "a check failed": (
        {"scenario": bad([99.9, 99.9, 97.1, 96.5])},
        "The new version, web=registry/web:42, was rolled back while the canary had 30 % of the "
        "traffic: request-success-rate was 96.5 % over 30 s, and must be at least 99 %. It was "
        "failure 2 of 2, and all that the release allows.",
    ),
    "two checks failed, without a budget": (
        {
            "scenario": Scenario(
                metrics={"request-success-rate": [98.99999], "request-duration": [512.5]}
            ),
            "plan": evolve(PLAN, threshold=1),
        },
        "The new version, web=registry/web:42, was rolled back while the canary had 10 % of the "
        "traffic: request-success-rate was 98.99999 % over 30 s, and must be at least 99 %; "
        "request-duration was 512.5 ms over 30 s, and must be at most 500 ms. One such round was "
        "enough: the release allows none.",
    ),
    "the metrics server is down": (
        {"scenario": bad([99.9, "error"])},
        "The new version, web=registry/web:42, was taken back at 20 % of the traffic, not because "
        "it was bad, but because nothing could be decided in 10 rounds in a row: "
        "request-success-rate has no data: http://prometheus:9090 cannot be reached: the provider "
        "cannot be reached, as the scenario says. The metrics server could not be reached, which "
        "says nothing against the new version.",
    ),
    "no data": (
        {"scenario": bad([None])},
        "The new version, web=registry/web:42, was taken back at 10 % of the traffic, not because "
        "it was bad, but because nothing could be decided in 10 rounds in a row: "
        "request-success-rate has no data: the answer is empty; look at the labels of the query, "
        "and for traffic. The metrics server answered, and knew nothing about the canary: look at "
        "the labels of the query, whether the pods are scraped, and whether they had traffic.",
    ),
    "drift": (
        {"scenario": Scenario(at=[moment(at, weight=0) for at in (3635, 3665, 3695, 3725)])},
        "The new version, web=registry/web:42, was rolled back because another program kept "
        "writing to the route: the canary's weight is 0 instead of 20, written by another. This "
        "says nothing against the new version.",
    ),
    "a person aborted": (
        {"scenario": Scenario(at=[moment(3670, do=Command.ABORT)])},
        "The new version, web=registry/web:42, was aborted by scenario while the canary had 30 % "
        "of the traffic. No reason was given.",
    ),
    "a person promoted": (
        {"scenario": Scenario(at=[moment(3640, do=Command.PROMOTE)])},
        "The new version, web=registry/web:42, was promoted because scenario decided it, after 1 "
        "round.",
    ),
    "left on hold": (
        {"scenario": Scenario(at=[moment(3670, do=Command.HOLD)])},
        "The new version, web=registry/web:42, was put on hold at 30 % of the traffic by "
        "scenario, and nobody decided: the run has ended, and the split stands.",
    ),
    "superseded": (
        {"scenario": Scenario(at=[moment(3670, revision="C")])},
        "The new version, web=registry/web:42, was ended before it was decided whether it is "
        "good: the target has a newer template, C.",
    ),
    "stuck": (
        {"scenario": Scenario(workloads={"primary": "stuck"})},
        "The new version, web=registry/web:42, passed and was to be promoted, but the primary did "
        "not become ready: the primary is stuck; the canary keeps running, and the next run "
        "repairs the primary first. Somebody has to look.",
    ),
    "the canary is not ready": (
        {"scenario": Scenario(workloads={"canary": "stuck"})},
        "The new version, web=registry/web:42, was rolled back: the canary did not become ready: "
        "the canary is stuck.",
    ),
    "a write is forbidden": (
        {"scenario": Scenario(faults=[Fault(call=2, on=Call.ROUTE_WRITE, what=What.FORBIDDEN)])},
        "The new version, web=registry/web:42, was rolled back: forbidden at route-write 2, as "
        "the scenario says.",
    ),
    "its driver has died": (
        {"kind": die_at(3670)},
        "The new version, web=registry/web:42, is not decided, and nobody drives the run: its "
        "driver has died. Its journal was last written 1 min after its start: the next weight is "
        "being written, at 20 % of the traffic.",
    ),
}


@pytest.mark.parametrize("name", DECISIONS)
def test_the_decision_is_told_in_words_with_its_numbers(name: str) -> None:
    """
    Somebody was woken by it: the first sentence must be enough to know whether to worry.
    """
    more, wanted = DECISIONS[name]
    record, _ = newest(played(**more))

    assert wanted == decision(record)


def test_silence_that_counts_as_a_failure_is_told_as_such() -> None:
    """
    `no_data: fail` is a choice of the document, and looks like a bad version otherwise.
    """
    check = MetricCheck.success_rate(at_least=99.0, no_data=NoData.FAIL)
    plan = evolve(PLAN, checks=(check,), threshold=1)
    record, _ = newest(played(bad([None]), plan=plan))

    assert "request-success-rate has no data: the answer is empty" in decision(record)
    assert "(which counts as a failure here)" in decision(record)


def test_a_decision_that_was_refused_decided_nothing() -> None:
    """
    "Ann promoted it" must not be said when she was told that it is too late.
    """
    record, _ = newest(played(kind=Slow))

    assert [True] == [one.answer.startswith("refused") for one in record.report.decisions]
    assert "was promoted after 3 rounds." in decision(record)


class Slow(die_at(9999)):  # type: ignore[misc]  # a class made by a function
    """The decision comes while the primary is being made."""

    def readiness(self, target: Any, side: Any, until: Any) -> Any:
        asked = super().readiness(target, side, until)
        if side == "primary":
            self._say(Commanded(at=self.clock.now(), command=Command.PROMOTE, by="ann"))
        return asked


def test_a_signal_is_told_as_the_end_of_the_driver() -> None:
    """
    Nobody aborted anything: a build was cancelled.
    """

    class Ended(die_at(3670)):  # type: ignore[misc]  # a class made by a function
        def _kill(self) -> None:
            at = self.clock.now()
            self._say(Commanded(at=at, command=Command.ABORT, by="SIGTERM", signal=True))

    record, _ = newest(played(kind=Ended))

    assert decision(record).endswith("of the traffic, because its driver was ended (SIGTERM).")


def test_the_page_of_a_rollback_is_read_from_top_to_bottom() -> None:
    """
    The decision, where the users are, what was released by whom, every round, what to do.
    """
    text = told(played(bad([99.9, 99.9, 97.1, 96.5])))
    lines = text.splitlines()
    run = newest(played())[0].run[:15]

    assert "shop/web: rolled_back (check-failed), 18 min ago" == lines[0]
    assert "was rolled back while the canary had 30 % of the traffic" in one_line(text)
    assert (
        "  All traffic is on the primary, which runs the version before, web=registry/web:41."
        in lines
    )
    assert f"  run       {run}" in text
    assert "  released  web=registry/web:42 (revision B)" in lines
    assert "  before    web=registry/web:41 (revision A)" in lines
    assert f"  by        {DRIVER}" in lines
    assert "  weights   10 20 30 0 (planned: 10 20 30, a step every 30 s, threshold 2)" in lines
    assert "  01:01:30  +1 min 30 s  round 3 at 30 %: fail" in lines
    assert "fail    request-success-rate 97.1 % < 99 %, over 30 s" in text
    assert 'asked: sum(rate(request-success-rate{app="web"}[30s]))' in text
    assert "  01:02:00       +2 min  the end: rolled_back (check-failed)" in lines
    assert ["  progressive run canary.yaml"] == [one for one in lines if "progressive run" in one]


def test_the_query_that_decided_stands_beside_its_verdict() -> None:
    """
    It is asked by hand next; elsewhere a query is shown once, and again when it changes.
    """
    text = told(played(bad([99.9, 99.9, 97.1, 96.5])))
    last = text[text.index("round 4") :]

    assert 'asked: sum(rate(request-success-rate{app="web"}[30s]))' in last
    assert 1 == text.count("asked: sum(rate(request-duration")


def test_rounds_that_say_the_same_are_told_once() -> None:
    """
    An outage of an hour is one line a round.
    """
    text = told(played(bad([99.9, "error"])))

    assert 8 == text.count(": no_data, the same answers")
    assert 2 == text.count("[unreachable]"), "of the first one, and of the one that decided"


def test_people_are_told_with_what_came_of_it() -> None:
    """
    Who, when, what, and whether it was followed; once, not as decision and as event.
    """
    asked = [moment(3640, do=Command.HOLD), moment(3700, do=Command.RESUME)]
    late = moment(3900, do=Command.HOLD)
    text = told(played(Scenario(at=[*asked, late])))

    assert "  01:00:40        +40 s  scenario said hold: held at weight 20" in text
    assert "scenario said resume: goes on at weight 20" in text
    assert 1 == text.count("said hold: held")
    assert "  held" not in text


def test_a_query_is_never_wrapped() -> None:
    """
    It is copied; a terminal wraps it well enough.
    """
    query = "sum(rate(errors[1m])) / sum(rate(requests[1m])) " * 4
    check = MetricCheck(name="errors", query=query, at_most=1.0)

    class Long(die_at(9999)):  # type: ignore[misc]  # a class made by a function
        def sample(self, question: Any) -> Any:
            return evolve(super().sample(question), query=query)

    text = told(played(plan=evolve(PLAN, checks=(check,)), kind=Long))
    longer = {line.strip() for line in text.splitlines() if len(line) > 100}

    assert {f"asked: {query.strip()}"} == longer


def test_everything_but_queries_fits_into_100_columns() -> None:
    """
    A terminal at night is narrow.
    """
    for more, _ in DECISIONS.values():
        for line in told(played(**more)).splitlines():
            assert len(line) <= 100 or "asked: " in line, line


def test_only_commands_that_exist_are_advised() -> None:
    """
    A line that is typed at night must not answer "no such command".
    """
    lines = []
    for more, _ in DECISIONS.values():
        record, surroundings = newest(played(**more))
        lines += [one.command for one in advice(record, surroundings) if one.command]
    commands = {line.split()[1] for line in lines if line.startswith("progressive")}

    assert {"run", "abort", "explain"} <= commands
    assert commands <= COMMANDS


def test_a_promoted_release_says_how_to_go_back() -> None:
    """
    Users complain an hour later.
    """
    record, surroundings = newest(played())

    assert ["progressive run canary.yaml --image web=registry/web:41"] == [
        one.command for one in advice(record, surroundings)
    ]


def test_a_failed_promotion_is_not_to_be_aborted() -> None:
    """
    All users are on the canary: an abort would be refused, and to scale it down is an outage.
    """
    record, surroundings = newest(played(Scenario(workloads={"primary": "stuck"})))
    (one,) = advice(record, surroundings)
    text = page(record, surroundings, now=NOW + HOUR)

    assert "progressive run canary.yaml" == one.command
    assert "do not scale or delete the target" in one.why
    assert "As far as the run knows: all traffic is on the canary." in text


def test_a_run_that_others_have_followed_says_so() -> None:
    """
    What it left behind is no news, and its advice would do harm.
    """
    cluster = played(bad([50]))
    play(cluster, after=2 * HOUR)
    record, surroundings = around(cluster, 1)
    text = page(record, surroundings, now=NOW + 3 * HOUR)

    assert "rolled_back" in text.splitlines()[0]
    assert "Later runs have followed." in text
    assert f"progressive explain {surroundings.newest.run} -n shop" in text  # type: ignore[union-attr]
    assert "progressive run" not in text


def test_a_live_driver_is_named() -> None:
    """
    Whether it is left alone or aborted is another question when somebody drives it.
    """
    cluster = played(kind=die_at(3670))
    hold = cluster.lock().acquire(TARGET, "run-7", lambda _: None)
    record, surroundings = newest(cluster)
    text = one_line(page(record, surroundings, now=NOW + HOUR))
    hold.close()

    assert "running" == record.state
    assert text.startswith("shop/web: running, last heard of 19 min ago")
    assert "Its driver lives: run-7 by process" in text
    assert "progressive abort canary.yaml --why WHY" in text


def test_a_run_on_hold_says_who_holds_it() -> None:
    """
    It waits for a decision, and for nothing else.
    """
    cluster = played(Scenario(at=[moment(3670, do=Command.HOLD)]), kind=_held())
    hold = cluster.lock().acquire(TARGET, "run-7", lambda _: None)
    record, _ = newest(cluster)
    hold.close()

    assert "on-hold" == record.state
    assert (
        "The new version, web=registry/web:42, is on hold at 30 % of the traffic. Scenario put it "
        "there."
    ) == decision(record)


def _held() -> Any:
    class Held(die_at(3700)):  # type: ignore[misc]  # a class made by a function
        def _leave_if_alone(self) -> None:
            """Somebody may still resume it."""

    return Held
