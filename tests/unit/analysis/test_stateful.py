"""Drives the machine with random answers, late ones, repeated ones and impossible ones."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.unit.analysis.world import PLAN, good, latest, refused, standing, started

from progressive import (
    Answer,
    CanaryAnalysis,
    Command,
    Commanded,
    Done,
    DriftPolicy,
    ErrorKind,
    Event,
    Measure,
    Observed,
    Outcome,
    Phase,
    Read,
    Readiness,
    Reported,
    Reset,
    Seen,
    Shift,
    Situation,
    TargetMoved,
    TransitionError,
    Wait,
    Woke,
)

PLANS = st.builds(
    lambda weights, threshold, step, drift, skip: evolve(
        PLAN,
        weights=weights,
        threshold=threshold,
        promotion_step=step,
        drift=drift,
        skip_analysis=skip,
    ),
    weights=st.lists(st.integers(1, 100), min_size=1, max_size=4, unique=True).map(sorted),
    threshold=st.integers(1, 3),
    step=st.one_of(st.none(), st.integers(1, 100)),
    drift=st.sampled_from(DriftPolicy),
    skip=st.booleans(),
)
SITUATIONS = st.sampled_from(
    [
        None,
        Situation(revision="B", promoted="A"),
        Situation(revision="B"),
        Situation(revision="B", promoted="B", stuck=True, analysed="B"),
        Situation(revision="C", promoted="B", stuck=True, analysed="B"),
    ]
)


class Release(RuleBasedStateMachine):
    """One release, and a world that does whatever it likes."""

    @initialize(plan=PLANS, situation=SITUATIONS)
    def begin(self, plan: object, situation: Situation | None) -> None:
        self.analysis = started(plan, situation)  # type: ignore[arg-type]
        self.old: list[Event] = []
        self.decided = False
        self.aborted = False

    def tell(self, event: Event) -> None:
        before = self.analysis.phase
        self.analysis.receive(event)
        self.old.append(event)
        if isinstance(event, Commanded) and event.command is Command.ABORT:
            analysing = (Phase.STARTING, Phase.STEPPING, Phase.HOLDING, Phase.PAUSED)
            self.aborted = self.aborted or before in analysing

    @rule()
    def a_good_answer(self) -> None:
        if not self.analysis.done:
            self.tell(good(self.analysis))

    @precondition(lambda self: isinstance(self.analysis.action, Measure))
    @rule(value=st.one_of(st.none(), st.floats(0, 100)))
    def a_measurement(self, value: float | None) -> None:
        self.tell(good(self.analysis, values=(value, 20.0)))

    @precondition(lambda self: isinstance(self.analysis.action, Read))
    @rule(weight=st.integers(0, 100))
    def somebody_elses_weight(self, weight: int) -> None:
        at, action = latest(self.analysis), standing(self.analysis)
        self.tell(Seen(at=at, answers=action.id, observed=Observed(canary=weight)))

    @rule(kind=st.sampled_from(ErrorKind))
    def a_refusal(self, kind: ErrorKind) -> None:
        if not self.analysis.done and not isinstance(self.analysis.action, Wait):
            self.tell(refused(self.analysis, kind))

    @rule(readiness=st.sampled_from(Readiness))
    def an_answer_about_readiness(self, readiness: Readiness) -> None:
        at, action = latest(self.analysis), standing(self.analysis)
        event = Reported(at=at, answers=action.id, readiness=readiness)
        if type(action).__name__ == "AskReady":
            self.tell(event)

    @rule(command=st.sampled_from(Command), signal=st.booleans())
    def a_person(self, command: Command, signal: bool) -> None:
        self.tell(Commanded(at=latest(self.analysis), command=command, signal=signal))

    @rule(revision=st.sampled_from("ABCD"))
    def the_target_moves(self, revision: str) -> None:
        self.tell(TargetMoved(at=latest(self.analysis), revision=revision))

    @rule(data=st.data())
    def a_late_or_repeated_answer(self, data: st.DataObject) -> None:
        """A queue delivers twice, a slow query comes late: nothing changes."""
        answers = [one for one in self.old if isinstance(one, Answer)]
        if not answers:
            return
        before, text = self.analysis.action, self.analysis.to_json()
        late = data.draw(st.sampled_from(answers))
        if late.answers < standing(self.analysis).id or self.analysis.done:
            assert before == self.analysis.receive(late)
            assert text == self.analysis.to_json()

    @rule(ahead=st.integers(1, 5))
    def an_impossible_answer(self, ahead: int) -> None:
        if self.analysis.done:
            return
        text = self.analysis.to_json()
        answers = standing(self.analysis).id + ahead
        with pytest.raises(TransitionError):
            self.analysis.receive(Done(at=latest(self.analysis), answers=answers))
        assert text == self.analysis.to_json()

    @rule()
    def an_answer_of_the_wrong_kind(self) -> None:
        action = standing(self.analysis)
        if self.analysis.done or isinstance(action, Wait):
            return
        text = self.analysis.to_json()
        with pytest.raises(TransitionError):
            self.analysis.receive(Woke(at=latest(self.analysis), answers=action.id))
        assert text == self.analysis.to_json()

    @rule()
    def a_process_dies_and_another_goes_on(self) -> None:
        before = self.analysis
        self.analysis = CanaryAnalysis.from_json(before.to_json())
        assert before.action == self.analysis.action
        assert before.report == self.analysis.report

    @invariant()
    def after_an_abort_no_weight_grows(self) -> None:
        if hasattr(self, "analysis") and self.aborted and not self.analysis.done:
            assert not isinstance(self.analysis.action, Shift)

    @invariant()
    def an_end_says_where_the_traffic_is(self) -> None:
        if not hasattr(self, "analysis") or not self.analysis.done:
            return
        report = self.analysis.report
        left_behind = (Outcome.STUCK, Outcome.BUSY, Outcome.INCONCLUSIVE)
        if not report.split_restored:
            assert report.outcome in left_behind or report.outcome is Outcome.REJECTED
        if report.outcome in (Outcome.ROLLED_BACK, Outcome.ABORTED, Outcome.SUPERSEDED):
            assert 0 == report.final.weight

    @invariant()
    def the_order_can_be_given_up(self) -> None:
        if hasattr(self, "analysis") and not self.analysis.done:
            assert self.analysis.wake_at is not None, "an order without a deadline lasts for ever"
            assert self.analysis.wake_at >= latest(self.analysis) - timedelta(days=2)
            assert not isinstance(self.analysis.action, Reset) or self.analysis.homeward


TestRelease = Release.TestCase
