"""The state machine of a release: one event in, one standing order out.

Floor 3, pure: no clock (time comes with the events), no I/O, no callables in its state.

Theory of operation. At any time exactly one order (`Action`) stands. Whoever drives the machine
carries it out and hands in what came of it (`Answer`, by the order's id); meanwhile anybody may
hand in an interruption. Nothing but `receive()` changes the state, and it works on a copy: an
event that cannot be is refused with `TransitionError` and leaves no trace. An answer to an older
order is stale: it changes nothing and returns the standing order, so queues may deliver twice.
`ANSWERS` below is the whole law of what follows what; the rules it names are in the modules
beside this one.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from datetime import datetime
from typing import Any

from progressive._analysis import homeward, interruptions, moves, opening, promotion, rounds
from progressive._analysis.course import Course
from progressive._analysis.state import State
from progressive._model.actions import (
    Action,
    AskReady,
    Finish,
    Mark,
    Measure,
    Point,
    Prepare,
    Promote,
    Read,
    Reset,
    Scale,
    Shift,
    Wait,
    Why,
)
from progressive._model.events import (
    Answer,
    CanaryLost,
    Command,
    Commanded,
    Done,
    DriverLeft,
    DriverLost,
    Event,
    Failed,
    Measured,
    Reported,
    Seen,
    Shifted,
    Started,
    TargetMoved,
    Told,
    TookOver,
    Woke,
)
from progressive._model.origin import Origin
from progressive._model.plan import Plan
from progressive._model.record import Notification, Outcome, Phase, Reason, Transition
from progressive._model.report import Final, Report
from progressive._model.traffic import Target
from progressive.errors import TransitionError

Rule = Callable[[Course, Any], None]

ANSWERS: dict[tuple[Phase, type[Action], Why | None], tuple[type[Answer], Rule]] = {
    # first deploy (L2)
    (Phase.INITIALIZING, Prepare, None): (Done, opening.prepared),
    (Phase.INITIALIZING, AskReady, None): (Reported, opening.first_primary),
    (Phase.INITIALIZING, Point, None): (Done, opening.pointed),
    (Phase.INITIALIZING, Shift, None): (Shifted, opening.first_split),
    (Phase.INITIALIZING, Wait, Why.SETTLE): (Woke, opening.first_settled),
    (Phase.INITIALIZING, Scale, None): (Done, opening.emptied),
    (Phase.INITIALIZING, Mark, None): (Done, opening.marked),
    # start (L3)
    (Phase.STARTING, Shift, None): (Shifted, opening.cleared),
    (Phase.STARTING, Scale, None): (Done, opening.scaled_up),
    (Phase.STARTING, AskReady, None): (Reported, opening.canary_before_first),
    # steps and rounds (L4 to L7, L14)
    (Phase.STEPPING, Shift, None): (Shifted, rounds.shifted),
    (Phase.STEPPING, Read, None): (Seen, rounds.found),
    (Phase.HOLDING, Wait, Why.HOLD): (Woke, rounds.held),
    (Phase.HOLDING, Read, None): (Seen, rounds.seen),
    (Phase.HOLDING, Measure, None): (Measured, rounds.measured),
    (Phase.HOLDING, Wait, Why.SCRAPE): (Woke, rounds.scraped),
    (Phase.HOLDING, AskReady, None): (Reported, rounds.canary_before_next),
    (Phase.PAUSED, Wait, Why.PAUSED): (Woke, interruptions.held_too_long),
    # promotion (L10, L11)
    (Phase.PROMOTING, Promote, None): (Done, promotion.copied),
    (Phase.PROMOTING, AskReady, None): (Reported, promotion.primary_answered),
    (Phase.PROMOTING, Shift, None): (Shifted, promotion.returned),
    (Phase.PROMOTING, Wait, Why.RETURN): (Woke, promotion.waited),
    (Phase.PROMOTING, Wait, Why.DRAIN): (Woke, promotion.waited),
    (Phase.PROMOTING, Read, None): (Seen, promotion.seen),
    (Phase.PROMOTING, Scale, None): (Done, promotion.emptied),
    # the way home (L12)
    (Phase.RETURNING, Reset, None): (Shifted, homeward.home),
    (Phase.RETURNING, Wait, Why.SETTLE): (Woke, homeward.settled),
    (Phase.RETURNING, Read, None): (Seen, homeward.seen),
    (Phase.RETURNING, Scale, None): (Done, homeward.emptied),
}
"""Which answer the standing order of a phase takes, and the rule that works it in.

In addition every order takes `Failed` (a `Wait` goes on after it), a `Wait` for a retry takes
`Woke` in every phase, and so does a `Wait` for readiness."""


class CanaryAnalysis:
    """
    The pure state machine of one release; drive it from any loop.

    Attributes:
        plan, target: What it is about.
        origin: What it was made of; None: not said. Kept in the saved form, and asked nothing.
        transition: What the last event changed, for observers; None: nothing.

    Raises:
        TransitionError: From `receive()`; see there.
    """

    def __init__(self, plan: Plan, target: Target, *, origin: Origin | None = None) -> None:
        self.plan, self.target, self.origin = plan, target, origin
        self.transition: Transition | None = None
        self._state = State()

    # what stands

    @property
    def action(self) -> Action | None:
        """The standing order: carry it out (again), then hand in its answer."""
        return self._state.action

    @property
    def wake_at(self) -> datetime | None:
        """When a `Wait` is over, or an order is given up; None: no such time."""
        return None if self._state.action is None else self._state.action.until

    @property
    def done(self) -> bool:
        """Whether there is an outcome."""
        return self._state.phase is Phase.FINISHED

    @property
    def phase(self) -> Phase:
        """Where the run stands."""
        return self._state.phase

    @property
    def run(self) -> str:
        """Id of the run; empty before the start."""
        return self._state.run

    @property
    def epoch(self) -> int:
        """Number of the last taking of the target that the run knows; 0: of none."""
        return self._state.epoch

    @property
    def revision(self) -> str | None:
        """What is analysed; None: not managed, or not started."""
        situation = self._state.situation
        return None if situation is None else situation.revision

    @property
    def homeward(self) -> bool:
        """Whether the standing order only brings traffic home or ends the run: it waits for
        nothing that it can do without, a journal included (L26)."""
        state = self._state
        match state.action:
            case Reset() | Finish():
                return True
            case Shift(split=split):
                return state.phase is Phase.PROMOTING and split.canary < state.weight
            case Scale(up=up):
                return not up and state.phase in (Phase.PROMOTING, Phase.RETURNING)
        return False

    @property
    def promotion_undecided(self) -> str | None:
        """After a failed promotion: the revision that the primary has to get in a repair."""
        return self._state.promoting if self._state.outcome is Outcome.STUCK else None

    @property
    def due(self) -> tuple[Notification, ...]:
        """Notifications that nobody has said to be delivered, oldest first."""
        sent = self._state.sent
        return tuple(
            one for one in self._state.notifications if int(one.id.rsplit("/", 1)[1]) not in sent
        )

    # the one way to change it

    def receive(self, event: Event) -> Action:
        """
        Work one event in, and return the order that stands now.

        Raises:
            TransitionError: The event cannot be: an answer that the standing order does not
                take, an answer to an order that was never given, a second `Started`, anything
                before it, or an instant without a zone. The state is untouched.
        """
        if event.at.tzinfo is None:
            raise TransitionError(type(event).__name__, self._standing, "its instant has no zone")
        rule = self._rule(event)
        if rule is None:
            self.transition = None
            assert self._state.action is not None
            return self._state.action
        course = self._course(event)
        before = course.state.phase
        rule(course, event)
        self._end_in_time(course)
        self._state = course.state
        self.transition = course.transition(type(event).__name__, before)
        assert self._state.action is not None
        return self._state.action

    def _course(self, event: Event) -> Course:
        state = copy(self._state)
        at = event.at if state.last is None else max(event.at, state.last)
        state.last = at
        return Course(plan=self.plan, target=self.target, state=state, at=at)

    def _rule(self, event: Event) -> Rule | None:
        """The rule for an event; None: it changes nothing."""
        action = self._state.action
        if isinstance(event, Started):
            if action is not None:
                raise TransitionError("Started", self._standing, "a run starts once")
            return opening.started
        if action is None:
            raise TransitionError(type(event).__name__, self._standing, "start it first")
        if isinstance(event, Answer):
            return self._rule_of_answer(action, event)
        if isinstance(event, Told):
            return interruptions.told
        if isinstance(event, TookOver):
            return interruptions.took_over
        if self.done:
            return self._rule_after_the_end(event)
        match event:
            case Commanded():
                return interruptions.commanded
            case TargetMoved():
                return interruptions.target_moved
            case CanaryLost():
                return interruptions.canary_down
            case DriverLost():
                return lambda course, lost: homeward.lost(course, lost.message)
            case DriverLeft():
                return lambda course, _: interruptions.left(course, "its driver has gone")
        raise TransitionError(type(event).__name__, self._standing, "an event of an unknown kind")

    def _rule_after_the_end(self, event: Event) -> Rule | None:
        """A split that was left behind can be aborted, unless the primary cannot take it."""
        state = self._state
        if isinstance(event, Commanded) and event.command is Command.RETRY:
            return interruptions.retried
        aborts = isinstance(event, Commanded) and event.command is Command.ABORT
        if not aborts or state.home or state.promoting is not None:
            return None
        return interruptions.aborted_late

    def _rule_of_answer(self, action: Action, event: Answer) -> Rule | None:
        if event.answers < action.id or isinstance(action, Finish):
            return None
        name = type(event).__name__
        if event.answers > action.id:
            raise TransitionError(name, self._standing, f"order {event.answers} was never given")
        if isinstance(event, Failed):
            # a wait cannot fail: a driver whose timer broke simply waits on
            return None if isinstance(action, Wait) else homeward.failed
        why = action.why if isinstance(action, Wait) else None
        early = action.until is not None and event.at < action.until
        if isinstance(event, Woke) and why is not None and early:
            return None  # the wait still stands
        if isinstance(event, Woke) and why is Why.RETRY:
            return moves.retry
        if isinstance(event, Woke) and why is Why.READINESS:
            return moves.ask_again
        wanted, rule = ANSWERS[self._state.phase, type(action), why]
        if not isinstance(event, wanted):
            raise TransitionError(name, self._standing, f"it is answered by {wanted.__name__}")
        if isinstance(event, Measured) and len(event.samples) != len(self.plan.checks):
            hint = f"{len(event.samples)} samples for {len(self.plan.checks)} checks"
            raise TransitionError(name, self._standing, hint)
        if isinstance(event, Shifted) and isinstance(action, Shift):
            return self._rule_of_write(action, event, rule)
        return rule

    def _rule_of_write(self, action: Shift, event: Shifted, rule: Rule) -> Rule:
        if event.observed.shows(action.split):
            return rule
        seen = f"{event.observed.canary} of {event.observed.total}"
        message = f"ordered {action.split.canary} of {action.split.total}, the route shows {seen}"
        return lambda course, _: homeward.differs(course, event.observed, message)

    def _end_in_time(self, course: Course) -> None:
        """The deadline of the whole run (L15), where ending it leaves nothing half done."""
        end, phase = course.run_deadline, course.state.phase
        if end is None or course.at < end:
            return
        message = f"the whole run was given {self.plan.deadlines.run}"
        if phase in (Phase.STARTING, Phase.STEPPING, Phase.HOLDING):
            course.go_home(Outcome.TIMED_OUT, Reason.DEADLINE, message)
        elif phase is Phase.INITIALIZING and not course.state.pointed:
            words = f"{message}; the target keeps its replicas, run it again to go on"
            course.finish(Outcome.TIMED_OUT, Reason.DEADLINE, words)

    @property
    def _standing(self) -> str:
        action = self._state.action
        return "nothing" if action is None else f"{type(action).__name__} {action.id}"

    # the record

    @property
    def report(self) -> Report:
        """The record so far; `outcome` is None while the run goes on."""
        state = self._state
        end = state.ended or state.last or state.started
        duration = end - state.started if end and state.started else Report().duration
        trimmed = {"rounds": state.rounds_trimmed, "events": state.events_trimmed}
        return Report(
            outcome=state.outcome,
            reason=state.reason,
            message=state.message,
            run_id=state.run,
            target=str(self.target),
            revision=self.revision,
            images=() if state.situation is None else state.situation.images,
            holder=state.drivers[-1] if state.drivers else "",
            drivers=state.drivers,
            decisions=state.decisions,
            started=state.started,
            duration=duration,
            weights=state.weights,
            rounds=state.rounds,
            events=state.events,
            notifications=state.notifications,
            final=Final(
                weight=state.weight,
                canary_scaled=state.scaled,
                primary_revision=state.primary_revision,
            ),
            total=self.plan.total,
            split_restored=state.home,
            trimmed=trimmed,
        )

    # the saved form

    def to_json(self) -> str:
        """The whole analysis as JSON, at most 64 KiB; the oldest rounds give way first."""
        from progressive._analysis.journal import write

        return write(self.plan, self.target, self._state, self.origin)

    @classmethod
    def from_json(cls, text: str) -> CanaryAnalysis:
        """
        The same analysis, in another process.

        Raises:
            StoreError: The text is not a whole journal, or one of a newer version; the message
                names the place of the fault.
        """
        from progressive._analysis.journal import damaged, read

        plan, target, state, origin = read(text)
        if not _belongs(state):
            order = type(state.action).__name__
            raise damaged(f"the order {order} cannot stand in the phase {state.phase}")
        analysis = cls(plan, target, origin=origin)
        analysis._state = state
        return analysis


def _belongs(state: State) -> bool:
    """Whether the standing order is one of its phase; what is saved is always after the start."""
    action = state.action
    if isinstance(action, Finish):
        return state.phase is Phase.FINISHED and state.outcome is not None
    why = action.why if isinstance(action, Wait) else None
    if why is Why.RETRY:
        return state.again is not None and state.phase is not Phase.FINISHED
    if why is Why.READINESS:
        return state.phase is not Phase.FINISHED
    return action is not None and (state.phase, type(action), why) in ANSWERS
