"""What a run remembers between two events.

Floor 3, pure. Every field is an immutable value, so a copy of a state is a state of its own;
only `course.py` and the rules change one, and always a copy.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from attrs import define

from progressive._model.actions import Action
from progressive._model.events import Situation
from progressive._model.record import (
    Decision,
    Happening,
    Notification,
    Outcome,
    Phase,
    Reason,
    Round,
)


@define(kw_only=True)
class State:
    """
    The whole memory of a run; plain values, saved as they are.

    Attributes:
        run: Its id, unique among the runs of its target.
        phase: Where it stands.
        action: The standing order; None only before the start.
        next_id: Id of the next order.
        started, last: First and latest instant heard of; time never runs backwards.
        situation: How the managed workload stood at the start; None: two existing workloads.
        settle: How long the data plane may follow an old split.

        step: Index of the weight that is held; -1: none yet.
        weight: Canary weight that was last read or written.
        accepted: Another writer's weight that the drift policy let stand; None: none.
        since: When the present weight took effect.
        exposed: Whether the canary may have had traffic in this run.
        round: How many rounds were measured.
        failures: Failed rounds so far (L6). `undecided`: rounds in a row without a decision (L7).
        reasserts: Drifts put right since the last decided round (L14).
        scrape_awaited: Whether this round has waited for one more scrape already.

        deadline: Until when the side that is asked must be ready.
        attempts: How often the standing order failed in a row. `again`: the order that is
            carried out again after the wait that stands now.
        paused_at: Since when a person holds the run. `paused_for`: time on hold before that.
        pause_due: A person said hold while an order was being carried out.
        promote_due: A person said promote while the canary was not ready or a step was written.

        promoting: The revision that was decided to be promoted; None: not decided yet.
        passed: The canary may take all traffic if the promotion fails.
        repairing: The run repairs a primary whose promotion failed before.
        lost: The canary was seen without a ready endpoint. `recovering`: its weight was taken
            from it for that; once it is ready it gets it again (L23).
        returned: How many of the return weights are written.
        leaving: The process is being ended: a promotion is left where users are served, and a run
            that is to stay on hold ends there.
        pointed: First deploy: the apex service and the route are at the primary.
        scaled: Whether the canary may have replicas. `primary_revision`: what the primary runs.

        due: Outcome that the run ends with once its traffic is home; `due_reason`, `due_message`.
        outcome, reason, message, ended: How and when it ended.
        home: Whether all traffic is where a finished release leaves it.

        drivers: Who drove the run, the first one first. `epoch`: number of the last taking of the
            target; 0: an older version did not save it (L18). `decisions`: what people told it.
        weights, rounds, events, notifications: The record, oldest first.
        rounds_trimmed, events_trimmed: How many were dropped at the old end.
        sent: Numbers of the notifications that were delivered, or given up. `told`: how many
            notifications there were in all.
    """

    run: str = ""
    phase: Phase = Phase.PENDING
    action: Action | None = None
    next_id: int = 1
    started: datetime | None = None
    last: datetime | None = None
    situation: Situation | None = None
    settle: timedelta = timedelta(0)

    step: int = -1
    weight: int = 0
    accepted: int | None = None
    since: datetime | None = None
    exposed: bool = False
    round: int = 0
    failures: int = 0
    undecided: int = 0
    reasserts: int = 0
    scrape_awaited: bool = False

    deadline: datetime | None = None
    attempts: int = 0
    again: Action | None = None
    paused_at: datetime | None = None
    paused_for: timedelta = timedelta(0)
    pause_due: bool = False
    promote_due: bool = False

    promoting: str | None = None
    passed: bool = False
    repairing: bool = False
    lost: bool = False
    recovering: bool = False
    returned: int = 0
    leaving: bool = False
    pointed: bool = False
    scaled: bool = False
    primary_revision: str | None = None

    due: Outcome | None = None
    due_reason: Reason | None = None
    due_message: str = ""
    outcome: Outcome | None = None
    reason: Reason | None = None
    message: str = ""
    ended: datetime | None = None
    home: bool = True

    drivers: tuple[str, ...] = ()
    epoch: int = 0
    decisions: tuple[Decision, ...] = ()
    weights: tuple[int, ...] = ()
    rounds: tuple[Round, ...] = ()
    events: tuple[Happening, ...] = ()
    notifications: tuple[Notification, ...] = ()
    rounds_trimmed: int = 0
    events_trimmed: int = 0
    told: int = 0
    sent: tuple[int, ...] = ()
