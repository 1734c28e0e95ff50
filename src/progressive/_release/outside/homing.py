"""Brings the traffic of one target home, for a sweep.

Floor 5. Under the protocol of any driver: the target is taken first, and whatever has changed
since it was looked at is left to whoever changed it.
"""

from __future__ import annotations

from collections.abc import Sequence

from progressive._adapters.workload import DeploymentWorkload
from progressive._adapters.workload.endpoints import ready_addresses
from progressive._analysis.machine import CanaryAnalysis
from progressive._log import log
from progressive._model.checks import Question, Sample
from progressive._model.events import Command, Event
from progressive._model.origin import Origin
from progressive._model.record import Outcome, Phase, Transition
from progressive._model.release import Managed, ServiceSpec
from progressive._model.report import Report
from progressive._model.traffic import Target
from progressive._release.outside.home import reset_as_driver
from progressive._release.outside.standing import Found, Seen, Standing
from progressive._run.sync import Runner
from progressive.errors import (
    AdapterError,
    Busy,
    ErrorKind,
    LeaseLost,
    MetricsError,
    ProgressiveError,
    RouteNotFound,
    StoreConflict,
    VersionNotServed,
)
from progressive.ports import (
    Clock,
    Cluster,
    Kept,
    Notifier,
    Saved,
    Store,
    TrafficRouter,
    Workload,
)


class Homing:
    """
    Looks at targets of a cluster, and brings them home; threads may share it.

    Args:
        by: Who does it, for the record of the run.
        notifiers: Are told how the run ended.
        clock: Of the runs that are ended; None: the system's.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        by: str,
        notifiers: Sequence[Notifier] = (),
        clock: Clock | None = None,
    ) -> None:
        self._cluster, self._by, self._notifiers = cluster, by, notifiers
        self._clock = clock

    def look(self, router: TrafficRouter, target: Target) -> Seen:
        """What the route shows now."""
        try:
            return Seen(split=router.current(target))
        except (RouteNotFound, VersionNotServed) as error:
            return Seen(absent=True, message=str(error))
        except ProgressiveError as error:
            return Seen(message=f"the split cannot be read: {error}")

    def end(self, run: CanaryAnalysis, text: str, router: TrafficRouter, found: Found) -> None:
        """
        End a run that nobody drives by the machine's own abort; what came of it is in `found`.

        A promotion that is decided goes on to its end, for its primary is not undone (L26).
        """
        target = run.target
        promoting = run.phase is Phase.PROMOTING
        if not promoting and (why := self._primary_is_down(target)):
            found.message = f"not touched: {why}"
            return
        store = _AsSeen(self._cluster.store(), text)
        runner = Runner(
            router,
            NoMetrics(),
            _workload(run.origin, self._cluster, target, router),
            store,
            self._cluster.lock(),
            [lambda shown: _stop_before_a_new_revision(runner, shown)],
            inbox=self._cluster.inbox(),
            notifiers=self._notifiers,
            clock=self._clock,
            identity=self._by,
            origin=run.origin,
        )
        report = runner.decide(target, Command.ABORT, by=self._by, why=found.message)
        _enter(found, report, moved_on=store.moved_on)

    def reset(
        self, target: Target, text: str | None, router: TrafficRouter, found: Found, *, run: str
    ) -> None:
        """
        Send a split home that belongs to no run, under the Lease and with a token of our own.

        Raises:
            AdapterError: It could not be written.
        """
        if why := self._primary_is_down(target):
            found.message = f"not touched: {why}"
            return
        lost: list[Event] = []
        try:
            hold = self._cluster.lock().acquire(target, run, lost.append)
        except Busy as busy:
            _not_ours(found, str(busy))
            return
        try:
            saved = self._cluster.store().load(target)
            if (None if saved is None else saved.text) != text:
                _not_ours(found, "another driver went on with it meanwhile")
                return
            seen = reset_as_driver(router, target, hold, run=run)
        except LeaseLost as error:
            _not_ours(found, str(error))
            return
        finally:
            hold.close()
        found.restored, found.home = True, True
        found.weight, found.total = seen.canary, seen.total
        found.message = f"{found.message}; sent home by {self._by}"
        log.info("%s %s", target, found.message)

    def _primary_is_down(self, target: Target) -> str:
        """Traffic is never sent from a side that serves to one that does not."""
        if target.subsets is not None:
            return ""
        namespace = target.namespace
        try:
            if ready_addresses(self._cluster, namespace, target.primary):
                return ""
            serving = ready_addresses(self._cluster, namespace, target.canary)
        except AdapterError as error:
            if error.kind is ErrorKind.FORBIDDEN:
                raise
            return f"whether the primary can serve is not known: {error}"
        if not serving:
            return ""  # nobody serves: at home it will be served once the primary is back
        return (
            f"{target.primary} has no ready endpoint and {target.canary} has {len(serving)}: "
            "home would be an outage; repair the primary, then sweep again"
        )


def _workload(
    origin: Origin | None, cluster: Cluster, target: Target, router: TrafficRouter
) -> Workload | None:
    if origin is None or not origin.workload:
        return None
    managed = Managed(
        name=origin.workload,
        kind=origin.kind,
        api_version=origin.api_version,
        service=ServiceSpec(name=target.service, port=target.port or 80),
    )
    return DeploymentWorkload(cluster, managed, router=router)


def _stop_before_a_new_revision(runner: Runner, shown: Transition) -> None:
    """A repaired primary would be followed by the analysis of what came meanwhile."""
    if shown.before is Phase.PROMOTING and shown.after is Phase.STARTING:
        runner.abort(by="sweep", why="a sweep starts nothing")


def _enter(found: Found, report: Report, *, moved_on: bool) -> None:
    if moved_on:
        _not_ours(found, "another driver went on with it meanwhile")
        return
    if report.outcome is Outcome.BUSY:
        _not_ours(found, report.message)
        return
    if report.outcome in (Outcome.UNREACHABLE, Outcome.REJECTED) or report.outcome is None:
        found.message = f"could not be sent home: {report.message}"
        return
    found.outcome = report.outcome
    found.weight, found.total, found.home = (
        report.final.weight,
        report.total,
        report.split_restored,
    )
    found.restored = report.split_restored
    found.message = report.message


def _not_ours(found: Found, why: str) -> None:
    """Somebody owns the split by now."""
    found.standing, found.orphan, found.message = Standing.RUNNING, False, why


class _AsSeen:
    """A store that only answers a journal which still says what was decided on."""

    def __init__(self, store: Store, text: str) -> None:
        self._store, self._text = store, text
        self.moved_on = False

    def load(self, target: Target) -> Saved | None:
        """
        The journal.

        Raises:
            StoreConflict: It says something else by now.
        """
        saved = self._store.load(target)
        if saved is None or saved.text != self._text:
            self.moved_on = True
            raise StoreConflict(f"the journal of {target} was saved by another driver meanwhile")
        return saved

    def save(
        self, target: Target, text: str, expected: str | None, *, urgent: bool = False
    ) -> str:
        """Replace it, as the store does."""
        return self._store.save(target, text, expected, urgent=urgent)

    def keep(self, target: Target, run: str, text: str) -> None:
        """Put a run aside, as the store does."""
        self._store.keep(target, run, text)

    def kept(self, target: Target) -> tuple[Kept, ...]:
        """Runs that were put aside."""
        return self._store.kept(target)


class NoMetrics:
    """A way home asks for no metrics."""

    def sample(self, question: Question) -> Sample:
        """
        Answer nothing.

        Raises:
            MetricsError: Always.
        """
        raise MetricsError("a sweep measures nothing", ErrorKind.INVALID)
