"""Finds the runs of releases in the cluster, as their journals tell of them.

Floor 5. Reads only; asked by the commands `history` and `explain`. A journal that is damaged or of
a newer version is a record as well, with its problem: it must not hide the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from attrs import evolve, field, frozen

from progressive._adapters.journal.archive import Journals, journals_in
from progressive._analysis.machine import CanaryAnalysis
from progressive._model.record import Outcome, Phase
from progressive._model.report import Report
from progressive._model.traffic import Target
from progressive.errors import AdapterError, SpecError, StoreError
from progressive.ports import Cluster

_NEVER = datetime.min.replace(tzinfo=UTC)

_SHOWN = 20
"""Runs that an error names at most."""


@frozen(kw_only=True)
class Recorded:
    """
    One run of a target.

    Attributes:
        target: ``namespace/service``.
        run: Its id.
        present: Whether it is the present or last run: those before it were put aside.
        problem: Why the journal cannot be read; empty: it can.
        text: The journal.
        analysis: What it says; None when it cannot be read.
        holder: Who drives an unfinished run now, in words; None: nobody.
        unknown: Why it is not known who drives it; empty: it is.
    """

    target: str
    run: str
    present: bool
    problem: str = ""
    text: str = field(default="", repr=False)
    analysis: CanaryAnalysis | None = field(default=None, repr=False)
    holder: str | None = None
    unknown: str = ""

    @property
    def report(self) -> Report:
        """The record; next to nothing when the journal cannot be read."""
        if self.analysis is None:
            return Report(run_id=self.run, target=self.target, message=self.problem)
        report = self.analysis.report
        return report if self.holder is None else evolve(report, holder=self.holder)

    @property
    def begun(self) -> datetime | None:
        """When it started; of one that cannot be read what its id says, which begins with it."""
        if self.analysis is not None and (started := self.analysis.report.started) is not None:
            return started
        try:
            return datetime.strptime(self.run[:15], "%Y%m%dt%H%M%S").replace(tzinfo=UTC)
        except ValueError:
            return None

    @property
    def state(self) -> str:
        """``finished``, ``running``, ``on-hold``, ``interrupted``, ``unreadable``; a run whose
        driver could not be asked for is ``unfinished``."""
        if self.analysis is None:
            return "unreadable"
        if self.analysis.done:
            return "finished"
        if self.unknown:
            return "unfinished"
        if self.holder is None:
            return "interrupted"
        return "on-hold" if self.analysis.phase is Phase.PAUSED else "running"


@frozen(kw_only=True)
class Before:
    """
    What the primary ran when a run started.

    Attributes:
        revision: Hash of its template.
        images: The same in words, from the run that promoted it; empty: that is not kept.
    """

    revision: str
    images: tuple[str, ...] = ()


def runs_in(cluster: Cluster, namespace: str | None) -> tuple[Recorded, ...]:
    """
    Every run of every release in a namespace, newest first; None: in all of them.

    Raises:
        StoreError: The API server said no.
    """
    found: list[Recorded] = []
    for one in journals_in(cluster, namespace):
        found += _records(cluster, one)
    return _newest_first(found)


def runs_of(cluster: Cluster, target: Target) -> tuple[Recorded, ...]:
    """
    Every run of one release, newest first.

    Raises:
        StoreError: The API server said no.
    """
    store = cluster.store()
    saved = store.load(target)
    journals = Journals(
        namespace=target.namespace,
        service=target.service,
        present=None if saved is None else saved.text,
        kept=store.kept(target),
    )
    return _newest_first(_records(cluster, journals))


def chosen(records: Sequence[Recorded], run: str | None, *, where: str) -> Recorded:
    """
    The run with this id, or with one that begins so; None: the newest.

    Of several releases the newest that can be read: a journal that somebody damaged long ago has
    no time, and must not stand before all others for ever.

    Args:
        where: In which place was looked, for the words of the refusal.

    Raises:
        SpecError: There is none, or there are several; it names those there are.
    """
    if not records:
        raise SpecError("", f"there was no run yet in {where}")
    if run is None:
        readable = (one for one in records if one.analysis is not None)
        alone = len({one.target for one in records}) == 1
        return records[0] if alone else next(readable, records[0])
    exact = [one for one in records if one.run == run]
    found = exact or [one for one in records if run and one.run.startswith(run)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise SpecError("", f"there is no run {run!r} in {where}; there are {_named(records)}")
    raise SpecError("", f"several runs in {where} begin with {run!r}: {_named(found)}")


def before(record: Recorded, records: Iterable[Recorded]) -> Before | None:
    """What a run found on the primary; None: nothing, or the run manages no workload."""
    from progressive._analysis.journal import read

    if record.analysis is None:
        return None
    situation = read(record.text)[2].situation
    if situation is None or situation.promoted is None:
        return None
    for one in records:
        report = one.report
        promoted = report.outcome in (Outcome.PROMOTED, Outcome.INITIALIZED)
        same = (one.target, report.revision) == (record.target, situation.promoted)
        if promoted and same and report.images:
            return Before(revision=situation.promoted, images=report.images)
    return Before(revision=situation.promoted)


def _records(cluster: Cluster, journals: Journals) -> list[Recorded]:
    target = f"{journals.namespace}/{journals.service}"
    found = []
    if journals.present is not None:
        present = _read(target, "", journals.present, present=True)
        found.append(_with_holder(cluster, present))
    for kept in journals.kept:
        one = _read(target, kept.run, kept.text, present=False)
        # a driver that died while it put a run aside has left it in both places
        if one.analysis is None or all(one.run != other.run for other in found):
            found.append(one)
    return found


def _read(target: str, run: str, text: str, *, present: bool) -> Recorded:
    try:
        analysis = CanaryAnalysis.from_json(text)
    except StoreError as error:
        problem = str(error).partition(". Look at it")[0]
        return Recorded(target=target, run=run, present=present, problem=problem, text=text)
    return Recorded(
        target=target, run=analysis.run or run, present=present, text=text, analysis=analysis
    )


def _with_holder(cluster: Cluster, record: Recorded) -> Recorded:
    """Who drives is asked only for a run that is not over: one request."""
    if record.analysis is None or record.analysis.done:
        return record
    try:
        return evolve(record, holder=cluster.lock().holder(record.analysis.target))
    except AdapterError as error:
        return evolve(record, unknown=str(error))


def _newest_first(records: Iterable[Recorded]) -> tuple[Recorded, ...]:
    records = list(records)
    latest: dict[str, datetime] = {}
    for one in records:
        latest[one.target] = max(one.begun or _NEVER, latest.get(one.target, _NEVER))

    def age(one: Recorded) -> tuple[bool, datetime, bool, str]:
        # what stands now and cannot be read may be the very thing that somebody looks for; and
        # the present run is the newest of its target, though a clock may have gone back
        begun = latest[one.target] if one.present else one.begun or _NEVER
        return (one.present and one.analysis is None, begun, one.present, one.run)

    return tuple(sorted(records, key=age, reverse=True))


def _named(records: Sequence[Recorded]) -> str:
    names = [f"{one.run or 'one that cannot be read'} ({one.target})" for one in records[:_SHOWN]]
    more = len(records) - len(names)
    return ", ".join(names) + (f", and {more} older ones" if more > 0 else "")
