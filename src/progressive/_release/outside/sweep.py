"""Finds splits that no driver owns, and brings them home: a dead man's switch.

Floor 5. Reads all journals of a namespace, what their routes show, and whose drivers live;
`standing.py` decides. What is restored is restored as any driver would: the Lease is taken, the
journal must still say what was decided on, and the machine's own abort goes home.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from attrs import define, field, frozen

from progressive import plugins
from progressive._adapters.journal.inbox import Decision as Put
from progressive._adapters.journal.listing import Kept, list_journals
from progressive._adapters.lease.living import Life, lives
from progressive._adapters.mesh.marked import Marked
from progressive._analysis.machine import CanaryAnalysis
from progressive._log import log
from progressive._model.traffic import Target
from progressive._release.connect import make_router
from progressive._release.outside.homing import Homing
from progressive._release.outside.standing import Found, Rules, Seen, Standing, differs, judge
from progressive.errors import AdapterError, ProgressiveError
from progressive.ports import Clock, Cluster, Notifier, TrafficRouter

AT_ONCE = 8
"""Targets that are read, or brought home, at the same time."""

UNMARKED = frozenset({"envoy", "kubernetes", "nginx", "skipper"})
"""Routers whose objects are not looked through for a driver's mark: the Services and Ingresses of
a whole cluster are nobody's business, and a file is in no cluster."""

MARKING = tuple(name for name in plugins.ROUTERS if name not in UNMARKED)
"""Routers whose objects are looked through; what two of them know is found by the first."""

Given = TypeVar("Given")


@frozen(kw_only=True)
class Wishes:
    """
    What a sweep shall do.

    Attributes:
        namespace: Where; None: in all namespaces.
        restore: Bring orphans home; False: only show them.
        include_held: Also what a person holds.
        older_than: Only where nobody was heard of for so long, by the drivers' clocks.
        router: For journals that name none; None: they are only shown.
        by: Who sweeps, for the record.
    """

    namespace: str | None
    restore: bool = False
    include_held: bool = False
    older_than: timedelta = timedelta(0)
    router: str | None = None
    by: str = "sweep"


@define(kw_only=True)
class _Case:
    """One journal, or one marked route without a journal, and what was read of it."""

    target: Target
    kept: Kept | None = None
    run: CanaryAnalysis | None = None
    marked: Marked | None = None
    router: TrafficRouter | None = None
    seen: Seen = field(factory=Seen)
    life: Life = field(factory=Life)
    put: Sequence[Put] = ()
    deaf: str = ""


class Sweep:
    """
    One sweep over a cluster.

    Args:
        notifiers: Are told of the outcomes of runs that are ended.
        make_router: Makes a router by its registered name.
        now, monotonic: Clocks.
        pause: Waits, in seconds.
        clock: Of the runs that are ended; None: the system's.

    Attributes:
        incomplete: What could not be looked at, a sentence each.
    """

    def __init__(
        self,
        cluster: Cluster,
        wishes: Wishes,
        *,
        notifiers: Sequence[Notifier] = (),
        make_router: Callable[[str, Cluster], TrafficRouter] = make_router,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
        clock: Clock | None = None,
    ) -> None:
        self._cluster, self._wishes = cluster, wishes
        self._make, self._now, self._monotonic = make_router, now, monotonic
        self._pause = pause
        self._routers: dict[str, TrafficRouter | str] = {}
        self._homing = Homing(cluster, by=wishes.by, notifiers=notifiers, clock=clock)
        self.incomplete: list[str] = []

    def run(self) -> list[Found]:
        """
        Look at every target, and bring home what is to be brought home.

        Raises:
            AdapterError: The journals or the Leases cannot be read.
        """
        cases: list[_Case] = []
        found: list[Found] = []
        for kept in list_journals(self._cluster, self._wishes.namespace):
            one = _read(kept)
            if isinstance(one, _Case):
                cases.append(one)
            else:
                found.append(one)
        cases += self._without_journal(cases, found)
        for case in cases:
            self._equip(case)
        _together(self._look, cases)
        self._find_drivers(cases)
        judged = [(case, self._judge(case)) for case in cases]
        if self._wishes.restore:
            _together(self._restore, [one for one in judged if one[1].restorable])
        return sorted((*found, *(one for _, one in judged)), key=lambda one: one.target)

    # reading

    def _without_journal(self, cases: Iterable[_Case], unread: Iterable[Found]) -> list[_Case]:
        """Marked routes whose run no journal knows."""
        runs = {case.run.run for case in cases if case.run is not None}
        places = {str(case.target) for case in cases} | {one.target for one in unread}
        found: list[_Case] = []
        known: set[str] = set()
        for name in MARKING:
            router = self._router(name)
            marked: Any = getattr(router, "marked", None)
            if marked is None:
                continue
            try:
                for one in marked(self._wishes.namespace):
                    target = one.target or _unknown(one)
                    there = f"{one.ref.api_version.partition('/')[0]} {one.ref}"
                    if there in known:
                        continue
                    known.add(there)
                    if one.run not in runs and str(target) not in places:
                        found.append(_Case(target=target, marked=one, router=router))
            except AdapterError as error:
                self.incomplete.append(f"routes without a journal cannot be looked for: {error}")
        return found

    def _equip(self, case: _Case) -> None:
        """The router of the run, as its journal names it."""
        if case.run is None:
            return
        origin = case.run.origin
        name = self._wishes.router if origin is None else origin.router
        if name is None:
            words = "its journal does not say which router it has; give --router"
            case.seen = Seen(message=words)
            return
        router = self._router(name)
        if isinstance(router, str):
            case.seen = Seen(message=router)
        else:
            case.router = router

    def _router(self, name: str) -> TrafficRouter | Any:
        if name not in self._routers:
            try:
                self._routers[name] = self._make(name, self._cluster)
            except ProgressiveError as error:
                self._routers[name] = str(error)
        return self._routers[name]

    def _look(self, case: _Case) -> None:
        if case.router is not None and not (case.marked and case.marked.target is None):
            case.seen = self._homing.look(case.router, case.target)
        if case.run is not None and not case.run.done:
            case.put = self._decisions(case)

    def _decisions(self, case: _Case) -> Sequence[Put]:
        assert case.run is not None
        report = case.run.report
        after, heard = report.started, {one.id for one in report.decisions}
        inbox: Any = self._cluster.inbox()
        if after is None or not hasattr(inbox, "decisions"):
            return ()
        try:
            told: Sequence[Put] = inbox.decisions(case.target, after=after)
            return [one for one in told if one.id not in heard]
        except AdapterError as error:
            case.deaf = f"somebody may have put it on hold: {error}"
            return ()

    def _find_drivers(self, cases: Iterable[_Case]) -> None:
        """Only where it matters: a finished run whose traffic is where it left it has none."""
        doubtful = [case for case in cases if _matters(case)]
        told = lives(
            self._cluster,
            [case.target for case in doubtful],
            namespace=self._wishes.namespace,
            monotonic=self._monotonic,
            pause=self._pause,
        )
        for case in doubtful:
            case.life = told[case.target]

    # deciding

    def _judge(self, case: _Case) -> Found:
        rules = Rules(
            now=self._now(),
            older_than=self._wishes.older_than,
            include_held=self._wishes.include_held,
        )
        if case.run is None:
            return _judge_marked(case)
        found = judge(case.run, case.seen, case.life, put=case.put, rules=rules)
        if found.restorable and (why := self._cannot(case)):
            found.restorable = False
            found.message += f"; it cannot be sent home from here: {why}"
        return found

    def _cannot(self, case: _Case) -> str:
        if case.deaf or case.router is None:
            return case.deaf or case.seen.message
        assert case.run is not None
        origin = case.run.origin
        if case.run.revision is not None and (origin is None or not origin.workload):
            return "its journal does not say which workload it has; 'progressive abort FILE' can"
        return ""

    # acting

    def _restore(self, judged: tuple[_Case, Found]) -> None:
        case, found = judged
        assert case.router is not None
        try:
            if case.run is not None and found.standing is not Standing.MOVED:
                assert case.kept is not None
                self._homing.end(case.run, case.kept.text, case.router, found)
            else:
                text = None if case.kept is None else case.kept.text
                run = f"sweep-{self._now():%Y%m%dt%H%M%S}-{secrets.token_hex(2)}"
                self._homing.reset(case.target, text, case.router, found, run=run)
        except ProgressiveError as error:
            found.message = f"could not be sent home: {error}"
            log.error("%s %s", found.target, found.message)
        except Exception as error:
            # one target must not keep the others from going home
            found.message = f"could not be sent home: {type(error).__name__}: {error}"
            log.exception("%s could not be sent home", found.target)


def exit_code(found: Iterable[Found]) -> int:
    """0: nothing is split without a driver, or all of it is home; 10: something is."""
    return 10 if any(one.orphan and not one.restored for one in found) else 0


def _read(kept: Kept) -> _Case | Found:
    name = kept.name.removeprefix("progressive-")
    try:
        run = CanaryAnalysis.from_json(kept.text)
    except ProgressiveError as error:
        return _unreadable(f"{kept.namespace}/{name}", str(error))
    target = run.target
    if (target.namespace, f"progressive-{target.service}") != (kept.namespace, kept.name):
        words = f"ConfigMap {kept.namespace}/{kept.name} holds the journal of {target}: a copy?"
        return _unreadable(f"{kept.namespace}/{name}", f"{words} Remove it")
    return _Case(target=target, kept=kept, run=run)


def _unreadable(target: str, message: str) -> Found:
    return Found(target=target, standing=Standing.UNREADABLE, message=message, orphan=True)


def _unknown(marked: Marked) -> Target:
    """A stand-in for a target whose names are not known: nothing is asked or written there."""
    name = marked.ref.name
    return Target(namespace=marked.ref.namespace, service=name, primary=f"{name}?", canary=name)


def _matters(case: _Case) -> bool:
    if case.run is None:
        return case.marked is not None and case.marked.target is not None
    if not case.run.done or not case.run.report.split_restored:
        return True
    return case.seen.split is not None and differs(case.run, case.seen)


def _judge_marked(case: _Case) -> Found:
    marked = case.marked
    assert marked is not None
    found = Found(
        target=str(case.target),
        standing=Standing.MARKED,
        run_id=marked.run,
        holder=case.life.holder,
        message=f"{marked.ref} carries the mark of run {marked.run}, and there is no journal",
    )
    if marked.target is None:
        found.orphan = True
        found.message += "; its sides are not known: look at it"
        return found
    if case.life.alive:
        found.standing, found.message = Standing.RUNNING, f"driven by {case.life.holder}"
        return found
    seen = case.seen.split
    if seen is not None:
        found.weight, found.total = seen.canary, seen.total
        found.home = seen.canary == 0 and seen.mirror is None and not seen.matched
    found.orphan, found.restorable = found.home is not True, True
    return found


def _together(act: Callable[[Given], object], given: Sequence[Given]) -> None:
    if not given:
        return
    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="progressive-sweep") as pool:
        list(pool.map(act, given))
