"""An in-memory world that answers as a scenario says; it implements the ports of a run.

Floor 4. The world is the truth that a simulation is judged by: what the router took, what the
primary runs. A fault of kind crash ends the process of the driver (`Crash`); the world goes on.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from progressive._model.checks import Builtin, Cause, MetricCheck, Question, Sample
from progressive._model.events import (
    Command,
    Commanded,
    DriverLeft,
    Event,
    Readiness,
    Situation,
    TargetMoved,
)
from progressive._model.record import Notification, Phase, Transition
from progressive._model.traffic import Capabilities, Observed, Side, Split, Target
from progressive._run.memory import MemoryStore
from progressive._scenario.faults import Faults
from progressive._scenario.scenario import ERROR, Call, Moment, Scenario
from progressive._scenario.traffic import sampled
from progressive.errors import (
    ClusterError,
    ErrorKind,
    MetricsError,
    StoreConflict,
    StoreError,
)
from progressive.ports import Asked, Closeable, Kept, Mailbox, Saved, Tell

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
PROMOTED, CHANGED = "A", "B"


class Stalled(RuntimeError):
    """A run waits for something that never comes: a fault of the runner, not of the release."""


class VirtualClock:
    """Time that moves only when somebody waits; what the scenario plans happens on the way."""

    def __init__(self, begin: datetime = BEGIN) -> None:
        self._now = begin
        self._begin = begin
        self._planned: list[tuple[datetime, Callable[[], None]]] = []

    @property
    def idle(self) -> bool:
        """Whether nothing is planned any more."""
        return not self._planned

    def now(self) -> datetime:
        """The present instant."""
        return self._now

    def plan(self, after: timedelta, do: Callable[[], None]) -> None:
        """Let something happen so long after the beginning."""
        self._planned.append((self._begin + after, do))
        self._planned.sort(key=lambda one: one[0])

    def wait(self, until: datetime | None, inbox: Mailbox) -> None:
        """Move on to `until`, or to the first planned thing that puts something into `inbox`."""
        while not inbox.wait(0):
            if self._planned and (until is None or self._planned[0][0] <= until):
                at, do = self._planned.pop(0)
                self._now = max(self._now, at)
                do()
            elif until is not None:
                self._now = max(self._now, until)
                return
            else:
                raise Stalled("waiting for an answer that never comes")

    def skip_to_next(self) -> None:
        """Let the next planned thing happen, though nobody waits."""
        at, do = self._planned.pop(0)
        self._now = max(self._now, at)
        do()

    def beside(self, work: Callable[[], Event], inbox: Mailbox) -> None:
        """At once: no time passes in a call."""
        inbox.put(work())


class World:
    """
    The world of one simulation: router, metrics, workload, store, lock and inbox in one.

    Attributes:
        clock: Its time.
        weights: What the router took, in order, without equal repeats.
        told: Notifications that were delivered.
        revision, primary: Templates of the target and of the primary.
        scaled: Whether the canary has replicas.
        given_back: How often a run that ended gave back what it kept for itself.
        rounds_before: Rounds of earlier runs, so that a retry goes on with the answers.
    """

    capabilities = Capabilities(weights=True, max_total=1_000_000, dialect="istio")

    def __init__(self, scenario: Scenario, *, managed: bool = True, total: int = 100) -> None:
        self.scenario = scenario
        self.managed, self.total = managed, total
        self.clock = VirtualClock()
        self.weights: list[int] = []
        self.told: list[Notification] = []
        self.revision = PROMOTED if scenario.first_deploy else CHANGED
        self.primary: str | None = None if scenario.first_deploy else PROMOTED
        self.marked = not scenario.first_deploy
        self.scaled = scenario.first_deploy or not managed
        self.weight = 0
        self.given_back = 0
        self._retry_asked = False
        self.rounds_before = 0
        self._kept: set[str] = set()
        self._history = MemoryStore()
        self._faults = Faults(scenario.faults)
        self._askings: Counter[str] = Counter()
        self._saved: Saved | None = None
        self._tell: Tell | None = None
        self._decided: list[Commanded] = []
        self._paused = False
        self._takings = 0
        for moment in scenario.at:
            self.clock.plan(moment.time, partial(self.happens, moment))

    @property
    def calls(self) -> Counter[Call]:
        """How many calls of each kind were made; a fault can hit each of them."""
        return self._faults.calls.copy()

    def retried(self) -> bool:
        """Whether somebody says retry after this run; then time has moved on to it."""
        now = self.clock.now()
        retries = (m.time for m in self.scenario.at if m.do is Command.RETRY)
        if not any(BEGIN + time > now for time in retries):
            return False
        self._retry_asked = False
        while not self._retry_asked:
            self.clock.skip_to_next()
        return True

    # what happens by itself

    def happens(self, moment: Moment) -> None:
        """Let something happen now, whatever its time says."""
        if moment.weight is not None:
            self.weight = moment.weight
        if moment.revision is not None:
            self.revision = moment.revision
            self._say(TargetMoved(at=self.clock.now(), revision=moment.revision))
        if moment.do is Command.RETRY:
            self._retry_asked = True
        elif moment.do is not None:
            self._decide(moment.do, by="scenario")
        self._leave_if_alone()

    def _decide(self, command: Command, *, by: str, why: str = "") -> str:
        at, id = self.clock.now(), f"scenario-{len(self._decided) + 1}"
        one = Commanded(at=at, command=command, by=by, why=why, id=id)
        self._decided.append(one)
        self._say(one)
        return id

    def _say(self, event: Event) -> None:
        if self._tell is not None:
            self._tell(event)

    def observe(self, transition: Transition) -> None:
        """An observer of the run: a run on hold that nobody will ever resume is left."""
        self._paused = transition.after is Phase.PAUSED
        self._leave_if_alone()

    def _leave_if_alone(self) -> None:
        if self._paused and self.clock.idle:
            self._say(DriverLeft(at=self.clock.now()))

    def tell(self, notification: Notification) -> None:
        """A notifier."""
        self.told.append(notification)

    # router

    def current(self, target: Target) -> Observed:
        """Read the split."""
        with self._faults.around(Call.ROUTE_READ):
            return Observed(canary=self.weight, total=self.total)

    def shift(self, target: Target, split: Split) -> Observed:
        """Take a split."""
        with self._faults.around(Call.ROUTE_WRITE):
            self._take(split.canary)
        return Observed(canary=self.weight, total=self.total)

    def reset(self, target: Target) -> Observed:
        """All traffic to the primary."""
        with self._faults.around(Call.ROUTE_WRITE):
            self._take(0)
        return Observed(canary=0, total=self.total)

    def _take(self, weight: int) -> None:
        before = self.weights[-1] if self.weights else 0
        first = self.scenario.first_deploy and not self.weights
        if weight != before or first:
            self.weights.append(weight)
        self.weight = weight

    # metrics

    def sample(self, question: Question) -> Sample:
        """Answer a check as the scenario says."""
        with self._faults.around(Call.METRICS):
            check = question.check
            answers = self.scenario.metrics.get(check.name)
            if answers is not None:
                number = self.rounds_before + question.round
                return _answered(answers[min(number, len(answers) - 1)])
            if self.scenario.traffic is not None and check.builtin is not None:
                return sampled(self.scenario.traffic, question, self.weight, self.total)
            return Sample(value=_good(check))

    # workload

    def situation(self, target: Target) -> Situation:
        """How things stand."""
        return Situation(revision=self.revision, promoted=self.primary if self.marked else None)

    def prepare(self, target: Target) -> None:
        """Make the primary."""
        with self._faults.around(Call.WORKLOAD):
            self.primary = self.primary or self.revision

    def point(self, target: Target) -> None:
        """Point services and route at it."""
        with self._faults.around(Call.WORKLOAD):
            pass

    def mark(self, target: Target) -> None:
        """The first deploy is complete."""
        with self._faults.around(Call.WORKLOAD):
            self.marked = True

    def scale(self, target: Target, *, up: bool) -> None:
        """Scale the canary."""
        with self._faults.around(Call.WORKLOAD):
            self.scaled = up
            self._kept.add(self.revision)

    def promote(self, target: Target, revision: str) -> None:
        """Copy the analysed template."""
        with self._faults.around(Call.WORKLOAD):
            if revision not in self._kept and revision != self.revision:
                raise ClusterError(f"revision {revision} was never kept", ErrorKind.NOT_FOUND)
            self.primary = revision

    def give_back(self, target: Target) -> None:
        """Nothing is kept for a run alone; no call that a scenario counts."""
        self.given_back += 1

    def readiness(self, target: Target, side: Side, until: datetime) -> Asked:
        """Whether a side is ready."""
        with self._faults.around(Call.WORKLOAD):
            answers = self.scenario.workloads.get(side.value, (Readiness.READY,))
            number = self._askings[side.value]
            self._askings[side.value] += 1
            readiness = answers[min(number, len(answers) - 1)]
        return Asked(readiness=readiness, message=f"the {side} is {readiness}")

    def watch(self, target: Target, tell: Tell, *, since: datetime | None = None) -> Closeable:
        """Both the target's template and people's decisions arrive here.

        A driver may have died before it saved what it had heard, so the next one hears it again.
        """
        self._tell = tell
        for one in self._decided:
            if since is not None and one.at > since:
                tell(one)
        return _Closed(partial(self._unwatch, tell))

    def _unwatch(self, tell: Tell) -> None:
        if self._tell == tell:
            self._tell = None

    # store and lock

    def load(self, target: Target) -> Saved | None:
        """The journal."""
        return self._saved

    def save(
        self, target: Target, text: str, expected: str | None, *, urgent: bool = False
    ) -> str:
        """Replace the journal."""
        try:
            with self._faults.around(Call.JOURNAL):
                version = self._keep(text, expected)
        except StoreError as error:
            if error.kind is not ErrorKind.CONFLICT:
                raise
            # a change around the journal, which is still ours: a store saves again
            version = self._keep(text, expected)
        return version

    def _keep(self, text: str, expected: str | None) -> str:
        present = self._saved.version if self._saved else None
        if present != expected:
            raise StoreConflict("the journal was saved by another driver")
        version = str(int(expected or "0") + 1)
        self._saved = Saved(text=text, version=version)
        return version

    def keep(self, target: Target, run: str, text: str) -> None:
        """Put the journal of a run that is over aside; faults of the journal do not count it."""
        self._history.keep(target, run, text)

    def kept(self, target: Target) -> tuple[Kept, ...]:
        """The journals that were put aside, newest first."""
        return self._history.kept(target)

    def acquire(self, target: Target, run: str, tell: Tell) -> _Closed:
        """The only driver."""
        self._takings += 1
        return _Closed(epoch=self._takings)

    def holder(self, target: Target) -> str | None:
        """Nobody else."""
        return None

    def put(self, target: Target, command: str, *, by: str, why: str) -> str:
        """A decision from outside the scenario."""
        return self._decide(Command(command), by=by, why=why)


class _Closed:
    def __init__(self, close: Callable[[], None] = lambda: None, *, epoch: int = 0) -> None:
        self.close, self.epoch = close, epoch

    def outgrow(self, epoch: int) -> None:
        """The world forgets no taking."""

    def confirm(self) -> None:
        """It is ours."""

    def renew(self) -> None:
        """Nothing to renew."""


def _answered(answer: float | str | None) -> Sample:
    if answer is None:
        return Sample(cause=Cause.EMPTY)
    if answer == ERROR:
        raise MetricsError("the provider cannot be reached, as the scenario says")
    return Sample(value=float(answer))


def _good(check: MetricCheck) -> float:
    """A value that passes, well within the bounds where there is room."""
    low, high = check.at_least, check.at_most
    if check.builtin is Builtin.SUCCESS_RATE and (low or 0.0) <= 100.0 <= (high or 100.0):
        return 100.0
    if low is not None and high is not None:
        return low if math.isinf(low) or math.isinf(high) else (low + high) / 2
    if high is not None:
        return 0.0 if high == math.inf else high / 2 if high > 0 else high
    return low if low is not None else 0.0
