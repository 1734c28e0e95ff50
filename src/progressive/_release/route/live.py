"""Carries a person's routing write out on a cluster, unless a run moves the same traffic (L27).

Floor 5. The router of the document writes; here is what stands before it: who drives the target,
which rights are missing, and what a dry run is. A mark on the route itself is looked at with
every plan, so a run that begins meanwhile is not disturbed either.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from attrs import define, evolve, field, frozen

from progressive._adapters.cluster.address import parse
from progressive._adapters.cluster.reviews import missing
from progressive._adapters.mesh.fence import token_of
from progressive._adapters.mesh.router import MeshRouter
from progressive._adapters.mesh.writes import Intent, Written
from progressive._analysis.machine import CanaryAnalysis
from progressive._kube.rights import Right
from progressive._model.events import Command
from progressive._model.release import Traffic
from progressive._model.traffic import Observed, Target
from progressive._release.connect import make_router
from progressive._release.preview.dry import Rehearsing
from progressive._release.rights.permission import missing_words
from progressive._release.route.answer import Routed, routed
from progressive._release.route.order import Order, split_of
from progressive._run.parts import who
from progressive.errors import (
    AdapterError,
    Busy,
    ClusterError,
    ErrorKind,
    LockError,
    PluginError,
    ProgressiveError,
    RouterError,
    StoreError,
    Unsupported,
)
from progressive.ports import Cluster, TrafficRouter

DRY = "dry run: the API server took it, and stored nothing"


@frozen(kw_only=True)
class Manner:
    """
    How a write is carried out.

    Attributes:
        dry_run: The API server checks the write and stores nothing.
        force: Also write while a run moves the traffic, and leave an abort for that run.
        by: Who, for the record; empty: the CI job, or user and host.
        why: Why, for the record.
    """

    dry_run: bool = False
    force: bool = False
    by: str = ""
    why: str = ""


def route_live(traffic: Traffic, cluster: Cluster, order: Order, manner: Manner) -> Routed:
    """
    Read, move or reset the traffic once.

    Raises:
        Busy: A run moves this traffic, or is not over.
        AdapterError: The order is refused, or the cluster cannot be asked; `RouterError.unsettled`
            tells whether the traffic may be split otherwise than before.
    """
    target = traffic.target
    if traffic.namespace is None:
        target = evolve(target, namespace=cluster.namespace)
    router = _router(traffic.router, _for_writes(cluster, manner))
    if order.read:
        return _answer(router, target, traffic, _read(router, target, traffic.wanted.total), [])
    if order.weight is not None:
        split_of(traffic, order.weight)  # a wrong number is told before anything is asked
    drivers, rights = _Drivers(cluster, target, manner), _Rights(cluster)
    drivers.require_none()

    def before(intent: Intent) -> None:
        drivers.require_no_mark(intent)
        rights.require(intent)

    writes: list[Written] = []
    changed = _listening(router, target, writes, before)
    if order.weight is not None:
        observed = router.shift(target, split_of(traffic, order.weight))
    elif isinstance(router, MeshRouter):
        observed = router.reset(target, total=traffic.wanted.total)
    else:
        observed = router.reset(target)
    told = _answer(router, target, traffic, observed, writes)
    notes = [DRY] if manner.dry_run else drivers.leave_an_abort()
    return evolve(told, changed=changed(observed), note="; ".join(notes))


def _for_writes(cluster: Cluster, manner: Manner) -> Cluster:
    if not manner.dry_run:
        return cluster
    if not isinstance(cluster, Rehearsing):
        raise Unsupported("this cluster cannot check a write without storing it")
    return cluster.rehearsal()


def _router(name: str, cluster: Cluster) -> TrafficRouter:
    try:
        return make_router(name, cluster)
    except PluginError as error:
        raise Unsupported(str(error)) from error


def _read(router: TrafficRouter, target: Target, total: int) -> Observed:
    if isinstance(router, MeshRouter):
        return router.current(target, total=total)
    return router.current(target)


def _answer(
    router: TrafficRouter,
    target: Target,
    traffic: Traffic,
    observed: Observed,
    writes: list[Written],
) -> Routed:
    stand = router.seen(target) if isinstance(router, MeshRouter) else ()
    return routed(observed, traffic.wanted, writes=writes, objects=stand)


def _listening(
    router: TrafficRouter, target: Target, writes: list[Written], before: Callable[[Intent], None]
) -> Callable[[Observed], bool]:
    """Note the writes of a router; what comes back tells whether anything was changed."""
    if isinstance(router, MeshRouter):
        router.on_write(writes.append, before=before)
        return lambda _: bool(writes)
    # another kind of router lists no writes; that the split is another one is seen all the same
    try:
        stood: Observed | None = router.current(target)
    except RouterError:
        stood = None
    return lambda observed: observed != stood


@define
class _Drivers:
    """
    Who else moves the traffic of a target.

    Attributes:
        run: The run that is disturbed; empty: none is.
    """

    cluster: Cluster
    target: Target
    manner: Manner
    run: str = ""
    notes: list[str] = field(factory=list)

    def require_none(self) -> None:
        """
        Refuse while a run is under way, by its Lease and its journal.

        Raises:
            Busy: One is; its words say how to end it.
            LockError: It cannot be known.
        """
        run, holder = self._journal(), self._holder()
        if holder is None and not run:
            return
        named = f"run {run}" if run else "a run"
        driven = f"driven by {holder}" if holder is not None else "not over, and nobody drives it"
        self._refuse(run or "of its driver", f"{named} of {self.target} is {driven}")

    def require_no_mark(self, intent: Intent) -> None:
        """
        Refuse an object that carries the mark of a driver, wherever its Lease is.

        Raises:
            RouterError: Kind ``lost``: it does.
        """
        marks = [token for one in intent.steered if (token := token_of(one)) is not None]
        if marks and not self.run:
            run = marks[0].rpartition("/")[0] or marks[0]
            try:
                self._refuse(run, f"the route of {self.target} carries the mark of run {run}")
            except Busy as busy:
                raise RouterError(str(busy), ErrorKind.LOST) from busy

    def leave_an_abort(self) -> list[str]:
        """Tell the run that was disturbed to end; in words what was done."""
        if not self.run:
            return self.notes
        by = self.manner.by or who(os.environ)
        why = self.manner.why or "its traffic was routed by hand"
        words = f"run {self.run} is told to abort; its driver sends the traffic home"
        try:
            self.cluster.inbox().put(self.target, Command.ABORT, by=by, why=why)
        except StoreError as error:
            # the write stands; that the run goes on all the same must not be lost
            words = f"run {self.run} could not be told to abort: {error}"
        return [*self.notes, words]

    def _refuse(self, run: str, words: str) -> None:
        if self.manner.force:
            self.run = run
            return
        raise Busy(
            f"{words}; `progressive abort` ends it and sends its traffic home, "
            "and --force writes all the same and leaves an abort for it"
        )

    def _journal(self) -> str:
        """Id of the run that is not over; empty: there is none, or it cannot be known."""
        try:
            saved = self.cluster.store().load(self.target)
            run = None if saved is None else CanaryAnalysis.from_json(saved.text)
        except AdapterError as error:
            if error.transient:
                raise
            self.notes.append(f"not known whether a run is under way: {error}")
            return ""
        except ProgressiveError as error:
            self.notes.append(f"the journal of {self.target} cannot be read: {error}")
            return ""
        return "" if run is None or run.done else run.run

    def _holder(self) -> str | None:
        try:
            return self.cluster.lock().holder(self.target)
        except LockError as error:
            if error.kind is not ErrorKind.FORBIDDEN:
                raise
            # with a mark on the route a driver is known by that
            self.notes.append(f"not known whether a driver is at work: {error}")
            return None


@define
class _Rights:
    """Asks once, before the first request of a write, whether all of them are allowed."""

    cluster: Cluster
    asked: bool = False

    def require(self, intent: Intent) -> None:
        """
        Refuse a write that the user may not make whole.

        Raises:
            RouterError: Kind ``forbidden``: its words are the rules that are missing.
        """
        if self.asked:
            return
        self.asked = True
        wanted = [_right(verb, path) for verb, path in intent.calls]
        try:
            lacking = missing(self.cluster, wanted, namespace=intent.target.namespace)
        except ClusterError:
            return  # a server that reviews nothing says no to the write itself
        if lacking:
            raise RouterError(missing_words(lacking, self.cluster), ErrorKind.FORBIDDEN)


def _right(verb: str, path: str) -> Right:
    at = parse(path)
    return Right(
        namespace=at.namespace or "",
        group=at.group,
        resource=at.plural,
        verb=verb,
        name=at.name or "",
    )
