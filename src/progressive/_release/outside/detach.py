"""Gives a target its traffic and its replicas back, then removes what its release made (L21).

Floor 5. No order of the machine: a run is a story with a verdict, this is a list of steps that
each ask the cluster whether they are done, so what died in the middle is simply begun again.
At every step the users are served by pods that are ready, and nothing is removed before the
routes and the services of everybody have settled on the target's own.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from attrs import define, field

from progressive._adapters.journal.stores import config_map_path, journal_name
from progressive._adapters.lease.hold import lease_path
from progressive._adapters.lease.reading import is_held
from progressive._adapters.workload.objects import find
from progressive._adapters.workload.returning import Return
from progressive._analysis.machine import CanaryAnalysis
from progressive._log import log
from progressive._model.events import Command, Event, Readiness
from progressive._model.record import Outcome
from progressive._model.traffic import Side
from progressive._release.connect import Connection
from progressive.errors import (
    AdapterError,
    Busy,
    ErrorKind,
    LeaseLost,
    LockError,
    ProgressiveError,
    SpecError,
)
from progressive.ports import HandedBack, Hold, RouteReturner

SCHEMA = "progressive.dev/detach/v1"

_POLL = 0.5
"""Seconds between two looks at who serves a service."""


@define(kw_only=True)
class Detached:
    """
    What came of it.

    Attributes:
        target: ``namespace/service``.
        exit_code: 0 detached · 5 the target did not become ready, nothing was handed over ·
            6 refused · 8 busy · 9 unreachable, nothing was written · 10 to be run again.
        message: The same in words.
        removed, kept: What is gone, and what stays and serves the target, by name.
    """

    target: str
    exit_code: int = 0
    message: str = ""
    removed: list[str] = field(factory=list)
    kept: list[str] = field(factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "schema": SCHEMA,
            "target": self.target,
            "exit_code": self.exit_code,
            "message": self.message,
            "removed": list(self.removed),
            "kept": list(self.kept),
        }


class _Late(Exception):
    """Something was waited for in vain."""


class Detaching:
    """
    One release that is given up.

    Args:
        by: Who does it, for the record of a run that is ended first.
        keep_services: Keep the services of both sides, whoever made them.
        remove_left_over: Delete what other programs made of our routes and leave behind, where it
            says nothing any more and the router knows of such; it is named in any case.
        now: Time of day.
        pause: Waits, in seconds.

    Raises:
        SpecError: The release manages no workload.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        by: str,
        keep_services: bool = False,
        remove_left_over: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        managed = connection.document.managed
        if managed is None:
            raise SpecError(
                "spec.targetRef",
                "the release manages no workload, so it has made nothing and took nothing: there "
                "is nothing to detach",
            )
        self._connection, self._managed, self._by = connection, managed, by
        self._cluster, self._target = connection.cluster, connection.target
        self._keep, self._now, self._pause = keep_services, now, pause
        self._tidy = remove_left_over
        self._wrote = False
        self._lost: list[Event] = []
        self._done = Detached(target=str(connection.target))

    def run(self) -> Detached:
        """Everything, in order; an answer for whatever happens."""
        done = self._done
        try:
            self._refuse()
            self._end_run()
            self._under_lease()
        except (Busy, LeaseLost) as error:
            done.exit_code, done.message = 8, str(error)
        except _Late as late:
            done.exit_code = 10 if self._wrote else 5
            done.message = str(late)
        except ProgressiveError as error:
            transient = getattr(error, "transient", False)
            done.exit_code = 10 if self._wrote else (9 if transient else 6)
            done.message = str(error)
        if done.exit_code == 10:
            done.message += "; the users are served: run 'progressive detach' again to finish"
        return done

    # before the Lease

    def _refuse(self) -> None:
        Return.of(self._cluster, self._managed, self._target.namespace)

    def _end_run(self) -> None:
        """An unfinished run, and a split that one left behind, go home first."""
        saved = self._cluster.store().load(self._target)
        run = None if saved is None else CanaryAnalysis.from_json(saved.text)
        if run is None or (run.done and run.report.split_restored):
            return
        if run.done and run.promotion_undecided is not None:
            return  # the users are at the target already, and the primary could not serve them
        report = self._connection.runner().decide(
            self._target, Command.ABORT, by=self._by, why="detach"
        )
        if report.outcome is Outcome.BUSY:
            raise Busy(report.message)
        ended = report.outcome not in (None, Outcome.UNREACHABLE, Outcome.REJECTED)
        if not ended or not (report.split_restored or report.outcome is Outcome.STUCK):
            kind = ErrorKind.UNAVAILABLE if report.outcome is Outcome.UNREACHABLE else None
            raise AdapterError(f"its run could not be ended: {report.message}", kind)

    # under the Lease

    def _under_lease(self) -> None:
        run = f"detach-{self._now():%Y%m%dt%H%M%S}-{secrets.token_hex(2)}"
        hold = self._cluster.lock().acquire(self._target, run, self._lost.append)
        try:
            self._refuse_unfinished()
            back = Return.of(self._cluster, self._managed, self._target.namespace)
            back.refuse_untested()
            self._hand_over(back, hold)
            handed = self._free_routes(hold)
            self._remove(back, handed, hold)
        finally:
            hold.close()
        self._remove_lease()
        self._done.message = "the target serves by itself, and what its release made is gone"
        log.info("%s detached", self._target)

    def _refuse_unfinished(self) -> None:
        """Somebody may have come and gone between the end of the run and our Lease."""
        saved = self._cluster.store().load(self._target)
        if saved is not None and not CanaryAnalysis.from_json(saved.text).done:
            raise Busy(f"{self._target} has a new run by now; detach again")

    def _hand_over(self, back: Return, hold: Hold) -> None:
        self._ours(hold)
        replicas = back.scale_up()
        log.info("%s has %s replicas; waiting until they are ready", self._target, replicas)
        self._await_ready()
        self._ours(hold)
        back.unmark()
        self._wrote = True
        back.point_back()
        log.info("%s is served by the target's own pods", self._target)
        self._await_served(back)

    def _await_ready(self) -> None:
        within = self._connection.document.plan.deadlines.canary_ready
        until = self._now() + within
        while True:
            asked = self._connection.workload.readiness(self._target, Side.CANARY, until)
            if asked.readiness is Readiness.READY:
                return
            if asked.readiness is Readiness.STUCK or self._now() >= until:
                if not self._wrote_before():
                    self._connection.workload.scale(self._target, up=False)
                raise _Late(f"the target did not become ready: {asked.message}")
            self._pause(_POLL)

    def _wrote_before(self) -> bool:
        """Whether an earlier detach handed the traffic over already."""
        back = Return.of(self._cluster, self._managed, self._target.namespace)
        return back.is_handed_over()

    def _await_served(self, back: Return) -> None:
        until = self._now() + self._connection.document.plan.deadlines.canary_ready
        while why := back.not_served():
            if self._now() >= until:
                raise _Late(why)
            self._pause(_POLL)

    def _free_routes(self, hold: Hold) -> HandedBack:
        self._ours(hold)
        router = self._connection.router
        if isinstance(router, RouteReturner):
            handed = router.hand_back(self._target, self._managed.service)
        else:
            handed = HandedBack(foreign=(f"the routes of {self._connection.document.router}",))
        self._done.removed += handed.removed
        self._done.kept += handed.kept
        # old pods and services go only once nobody is sent there any more (L24)
        plan, settle = self._connection.document.plan, router.capabilities.settle
        wait = max(plan.drain_time, settle)
        log.info(
            "%s waits %g s, until nobody asks the primary", self._target, wait.total_seconds()
        )
        self._pause(wait.total_seconds())
        if self._tidy:
            self._remove_left_over()
        return handed

    def _remove_left_over(self) -> None:
        """By now whoever made it has emptied it; what still says something stays."""
        remove = getattr(self._connection.router, "remove_left_over", None)
        if not callable(remove):
            return
        try:
            gone = remove(self._target)
        except AdapterError as error:
            # the release is given up all the same; it is among what is kept
            log.warning("%s what is left over stays: %s", self._target, error)
            return
        self._done.removed += gone
        names = tuple(f"{one} " for one in gone)
        self._done.kept = [one for one in self._done.kept if not f"{one} ".startswith(names)]

    def _remove(self, back: Return, handed: HandedBack, hold: Hold) -> None:
        self._ours(hold)
        if handed.foreign or self._keep:
            names = (self._target.primary, self._target.canary)
            where = self._target.namespace
            self._done.kept += [f"Service {where}/{one}" for one in names]
            for one in handed.foreign:
                log.info("%s stays, and so do %s and %s, at the target's pods", one, *names)
        else:
            self._done.removed += back.remove_services()
        self._ours(hold)
        self._done.removed += back.remove_primary()
        for name in (f"{journal_name(self._target)}-inbox", journal_name(self._target)):
            self._cluster.delete(config_map_path(self._target, name))

    def _remove_lease(self) -> None:
        path = lease_path(self._target, named=True)
        lease = find(self._cluster, path)
        if lease is not None and not is_held(lease):
            self._cluster.delete(path)

    def _ours(self, hold: Hold) -> None:
        """Before each step that writes: a driver that slept must not write over another's."""
        if self._lost:
            raise LeaseLost(str(getattr(self._lost[0], "message", "")) or "the Lease is lost")
        try:
            hold.confirm()
        except LeaseLost:
            raise
        except LockError as error:
            raise LockError(f"stopped: {error}", error.kind, error.retry_after) from error
