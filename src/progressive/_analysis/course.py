"""What every rule may do to a run: give an order, write the record, turn home, end.

Floor 3, pure. A `Course` holds a copy of the state while one event is worked in; the machine
keeps the copy if no rule objects.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from attrs import define, evolve

from progressive._analysis.state import State
from progressive._model.actions import Action, Finish, Reset, Scale, Shift, Wait, Why
from progressive._model.events import ActionError, Commanded
from progressive._model.plan import Plan
from progressive._model.record import (
    Decision,
    Happening,
    Notification,
    Outcome,
    Phase,
    Reason,
    Round,
    Transition,
)
from progressive._model.traffic import Observed, Split, Target

ROUNDS_KEPT = 200
EVENTS_KEPT = 200
NOTIFICATIONS_KEPT = DECISIONS_KEPT = 50
"""L19: the newest 200 rounds; the others so that a run of weeks stays bounded as well."""

DRIVERS_KEPT = 20

WORDS_KEPT = 300
"""Characters of a person's words in the journal; the inbox has them whole."""

PAUSES = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Seconds before an order is carried out again, by how often it failed; the last one repeats.
At once first, because a conflict is over when the object is read again."""


@define(kw_only=True)
class Course:
    """
    One event being worked in.

    Attributes:
        plan, target: What the run is about.
        state: The copy that the rules change.
        at: The instant of the event.
        words: What happened, for the transition.
        round: The round that this event decided.
        news: What this event added to the record.
    """

    plan: Plan
    target: Target
    state: State
    at: datetime
    words: str = ""
    round: Round | None = None
    news: tuple[Happening, ...] = ()

    # orders

    def order(self, action: Action, *, within: timedelta | None = None) -> None:
        """Give a new order; with `within` it has a deadline."""
        until = action.until if within is None else self.at + within
        if isinstance(action, Wait) and action.why is not Why.PAUSED:
            until = self.before_the_end(until)
        self.state.action = evolve(action, id=self.state.next_id, until=until)
        self.state.next_id += 1
        if not (isinstance(action, Wait) and action.why is Why.RETRY):
            self.state.attempts = 0
            self.state.again = None

    def wait(self, why: Why, until: datetime) -> None:
        """Order to wait."""
        self.order(Wait(why=why, until=until))

    def repeat(self, action: Action, error: ActionError) -> None:
        """Carry the same order out again after a pause, under its old deadline."""
        pause = PAUSES[min(self.state.attempts, len(PAUSES) - 1)]
        pause = max(pause, error.retry_after or 0.0)
        attempts = self.state.attempts + 1
        self.note("retry", message=f"{type(action).__name__}: {error.message or error.kind}")
        self.wait(Why.RETRY, self.at + timedelta(seconds=pause))
        self.state.attempts = attempts
        self.state.again = action

    def again(self) -> None:
        """The pause is over: the order that failed stands again, with an id of its own."""
        action, attempts = self.state.again, self.state.attempts
        assert action is not None
        self.order(action)
        self.state.attempts = attempts

    def shift(self, weight: int, phase: Phase) -> None:
        """Order a weight."""
        self.state.phase = phase
        # from now on it may have traffic: a driver can die before it hears of it
        self.state.exposed = self.state.exposed or weight > 0
        if phase is not Phase.STEPPING:
            self.state.deadline = None
        self.order(Shift(split=self.split(weight)), within=self.plan.deadlines.route)

    def split(self, weight: int) -> Split:
        """The whole order to the router at a weight."""
        return Split(canary=weight, total=self.plan.total)

    # time

    @property
    def run_deadline(self) -> datetime | None:
        """When the whole run must be over, time on hold not counted."""
        if self.plan.deadlines.run is None or self.state.started is None:
            return None
        return self.state.started + self.plan.deadlines.run + self.state.paused_for

    def before_the_end(self, until: datetime | None) -> datetime | None:
        """`until`, or the deadline of the run if that comes first and can still end it."""
        end = self.run_deadline
        if end is None or self.state.phase not in ENDABLE:
            return until
        return end if until is None else min(until, end)

    # the record

    def note(self, kind: str, *, weight: int | None = None, message: str = "") -> None:
        """Write a line into the record."""
        one = Happening(at=self.at, kind=kind, weight=weight, message=message)
        self.news = (*self.news, one)
        events = (*self.state.events, one)
        over = max(0, len(events) - EVENTS_KEPT)
        self.state.events = events[over:]
        self.state.events_trimmed += over
        if message:
            self.words = message

    def tell(self, kind: str, reason: Reason | None = None, message: str = "") -> None:
        """Make a notification; it is sent after the next save."""
        state = self.state
        one = Notification(
            id=f"{state.run}/{state.told}",
            at=self.at,
            kind=kind,
            reason=reason,
            message=message,
            terminal=state.phase is Phase.FINISHED,
        )
        state.told += 1
        state.notifications = (*state.notifications, one)[-NOTIFICATIONS_KEPT:]

    def heard(self, event: Commanded, answer: str) -> None:
        """Keep what a person decided, and what came of it."""
        one = Decision(
            id=event.id,
            at=self.at,
            command=event.command.value,
            by=event.by[:WORDS_KEPT],
            why=event.why[:WORDS_KEPT],
            answer=answer,
        )
        self.state.decisions = (*self.state.decisions, one)[-DECISIONS_KEPT:]

    def decided(self, one: Round) -> None:
        """Keep a round."""
        self.round = one
        rounds = (*self.state.rounds, one)
        over = max(0, len(rounds) - ROUNDS_KEPT)
        self.state.rounds = rounds[over:]
        self.state.rounds_trimmed += over
        self.state.round += 1
        self.state.scrape_awaited = False

    def observed(self, seen: Observed, *, listed: bool = False) -> None:
        """The route shows this now, by our own write; `listed`: even if nothing changed."""
        weight = self.in_total(seen)
        before = self.state.weights[-1] if self.state.weights else None
        changed = weight != self.state.weight if before is None else weight != before
        if changed or (listed and before is None):
            self.state.weights = (*self.state.weights, weight)
        self.state.weight = weight
        self.state.exposed = self.state.exposed or weight > 0
        self.state.home = weight == 0 and seen.mirror is None

    def in_total(self, seen: Observed) -> int:
        """An observed weight in parts of the plan's total."""
        return round(seen.canary * self.plan.total / seen.total)

    def as_ordered(self, seen: Observed, weight: int) -> bool:
        """Whether the route shows a weight of the plan, as near as its parts or its pods can."""
        if seen.pods is not None:
            return seen.as_ordered(weight, self.plan.total)
        return self.in_total(seen) == weight

    def transition(self, event: str, before: Phase) -> Transition:
        """What the event of this name changed, for observers."""
        state = self.state
        return Transition(
            at=self.at,
            run=state.run,
            event=event,
            before=before,
            after=state.phase,
            action="" if state.phase is Phase.FINISHED else type(state.action).__name__,
            reason=state.reason or state.due_reason,
            outcome=state.outcome,
            weight=state.weight,
            message=self.words,
            round=self.round,
            happenings=self.news,
        )

    # turning points

    def go_home(self, outcome: Outcome, reason: Reason | None, message: str) -> None:
        """The split first (L12); the outcome stands, and is given once the traffic is home."""
        state = self.state
        state.due, state.due_reason, state.due_message = outcome, reason, message
        state.phase = Phase.RETURNING
        state.pause_due = state.promote_due = state.lost = state.recovering = False
        state.deadline = state.accepted = None
        state.reasserts = state.undecided = 0
        self._end_pause()
        self.note("going-home", weight=0, message=message)
        self.order(Reset(), within=self.plan.deadlines.route)

    def scale_down(self) -> None:
        """Order the canary to zero replicas."""
        self.order(Scale(up=False), within=self.plan.deadlines.route)

    def finish(self, outcome: Outcome, reason: Reason | None = None, message: str = "") -> None:
        """The run is over."""
        state = self.state
        self._end_pause()
        state.outcome, state.reason, state.message = outcome, reason, message
        state.ended = self.at
        state.phase = Phase.FINISHED
        self.words = message
        self.order(Finish())
        self.tell(outcome.value, reason, message)

    def finish_due(self) -> None:
        """The traffic is home: the run ends as it was decided when it turned."""
        state = self.state
        assert state.due is not None
        self.finish(state.due, state.due_reason, state.due_message)

    def _end_pause(self) -> None:
        if self.state.paused_at is not None:
            self.state.paused_for += self.at - self.state.paused_at
            self.state.paused_at = None


ENDABLE = frozenset({Phase.STARTING, Phase.STEPPING, Phase.HOLDING})
"""Phases in which the deadline of the whole run ends it; later ones bring themselves to an end."""
