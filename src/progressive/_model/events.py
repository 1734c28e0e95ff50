"""Facts that the machine is told, in the past tense; every one carries its instant.

Floor 2. *Answers* answer the standing action by its id; *interruptions* come whenever they like.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from attrs import field, frozen

from progressive._model.checks import Sample
from progressive._model.traffic import Observed
from progressive._model.value import Value
from progressive._redaction import redacted
from progressive.errors import ErrorKind


def _words() -> str:
    """A field for words from outside: they go into the journal and to people, without secrets."""
    words: str = field(default="", converter=redacted)
    return words


class Readiness(StrEnum):
    """Whether a side can take traffic."""

    READY = "ready"
    WAITING = "waiting"
    STUCK = "stuck"
    """It will not become ready by itself: its own deadline has passed."""


class Command(StrEnum):
    """What a person can tell a run to do."""

    ABORT = "abort"
    HOLD = "hold"
    RESUME = "resume"
    PROMOTE = "promote"
    APPROVE = "approve"
    RETRY = "retry"


@frozen(kw_only=True, eq=False, repr=False)
class ActionError(Value):
    """
    A failure, as a value.

    Attributes:
        kind: In what way the world said no; the machine decides by this alone.
        message: The same in words, for people.
        retry_after: Seconds to wait, as the server asked; None: not said.
        unsaved: The action was not even begun, for the state that ordered it could not be saved.
    """

    kind: ErrorKind = field(converter=ErrorKind)
    message: str = _words()
    retry_after: float | None = None
    unsaved: bool = False


def _texts(value: Iterable[str]) -> tuple[str, ...]:
    return tuple(value)


@frozen(kw_only=True, eq=False, repr=False)
class Situation(Value):
    """
    How a managed workload stands when a run starts.

    Attributes:
        revision: Hash of the target's template now.
        promoted: Hash that the primary runs and that was promoted; None: no primary yet, or one
            whose first deploy was not finished.
        stuck: The last promotion failed: traffic is on the canary, the primary needs repair.
        analysed: The revision that was passed and is to be copied in a repair.
        images: What `revision` runs, in words: ``container=image`` for each container.
    """

    revision: str
    promoted: str | None = None
    stuck: bool = False
    analysed: str | None = None
    images: tuple[str, ...] = field(default=(), converter=_texts)


@frozen(kw_only=True, eq=False, repr=False)
class Event(Value):
    """
    One fact.

    Attributes:
        at: When, as an aware instant.
    """

    at: datetime


@frozen(kw_only=True, eq=False, repr=False)
class Answer(Event):
    """
    The answer to an action.

    Attributes:
        answers: Id of the action.
    """

    answers: int


@frozen(kw_only=True, eq=False, repr=False)
class Started(Event):
    """
    The first event of every run.

    Attributes:
        run: Name of the run, unique among the runs of its target; default: made from `at`.
        situation: How the managed workload stands; None: two existing workloads.
        settle: How long after a write the data plane may still follow the old split.
        split: What the route shows now; None: not looked, taken as all on the primary.
        by: Who drives.
        epoch: Number of the taking of the target by which it drives; 0: not known.
    """

    run: str = ""
    situation: Situation | None = None
    settle: timedelta = timedelta(0)
    split: Observed | None = None
    by: str = _words()
    epoch: int = 0


class Done(Answer):
    """`Prepare`, `Point`, `Mark`, `Scale` or `Promote` is carried out."""

    __slots__ = ()


@frozen(kw_only=True, eq=False, repr=False)
class Shifted(Answer):
    """A `Shift` or `Reset` is written and read back."""

    observed: Observed


@frozen(kw_only=True, eq=False, repr=False)
class Seen(Answer):
    """What a `Read` found."""

    observed: Observed


def _samples(value: Iterable[Sample]) -> tuple[Sample, ...]:
    return tuple(value)


@frozen(kw_only=True, eq=False, repr=False)
class Measured(Answer):
    """The samples of a `Measure`, one a check, in the order of the plan."""

    samples: tuple[Sample, ...] = field(converter=_samples)


@frozen(kw_only=True, eq=False, repr=False)
class Reported(Answer):
    """What an `AskReady` found."""

    readiness: Readiness
    message: str = _words()


class Woke(Answer):
    """A `Wait` is over."""

    __slots__ = ()


@frozen(kw_only=True, eq=False, repr=False)
class Failed(Answer):
    """An action was not carried out, or not known to be."""

    error: ActionError


@frozen(kw_only=True, eq=False, repr=False)
class Commanded(Event):
    """
    A person decided, or a signal did.

    Attributes:
        command: What is to be done.
        by: Who.
        why: Why, in their words.
        signal: The process is being ended: the run must leave, whatever it does.
        id: Of the decision's entry in an inbox: one that was worked in is not worked in again.
    """

    command: Command
    by: str = _words()
    why: str = _words()
    signal: bool = False
    id: str = ""


@frozen(kw_only=True, eq=False, repr=False)
class TargetMoved(Event):
    """The target has another template now."""

    revision: str


@frozen(kw_only=True, eq=False, repr=False)
class CanaryLost(Event):
    """
    The canary has no ready endpoint any more, seen by watching it.

    Attributes:
        message: What is seen, in words with numbers.
    """

    message: str = _words()


@frozen(kw_only=True, eq=False, repr=False)
class TookOver(Event):
    """
    A driver goes on with the run where another one stopped.

    Attributes:
        by: Who drives now.
        epoch: Number of the taking of the target by which it drives; 0: not known.
    """

    by: str = _words()
    epoch: int = 0


class DriverLeft(Event):
    """Nobody drives a run that is on hold any more; its split stays."""

    __slots__ = ()


@frozen(kw_only=True, eq=False, repr=False)
class DriverLost(Event):
    """The Lease or the journal belongs to another driver now."""

    message: str = _words()


@frozen(kw_only=True, eq=False, repr=False)
class Told(Event):
    """A notification was delivered."""

    number: int
