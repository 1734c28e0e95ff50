"""A person's decision for a run: put where its driver sees it, or followed here (L17, L27).

Floor 5. The decision goes to the inbox first, whoever drives: so it is on record, signed, and a
live driver acts on it within a moment. Only then is it found out who drives.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from attrs import frozen

from progressive._adapters.journal.stores import follow
from progressive._analysis.machine import CanaryAnalysis
from progressive._log import log
from progressive._model.events import Command, Commanded
from progressive._model.record import Decision, Outcome
from progressive._model.report import Report
from progressive._release.connect import Connection
from progressive._release.outside.home import send_home, stands_split
from progressive._run.parts import who
from progressive.errors import Busy, SpecError, StoreError

_HEARD = timedelta(seconds=3)
"""Within this a live driver has heard of a decision: it acts within a second, and saves."""

_PATIENCE = timedelta(seconds=10)
"""For the answer of a driver that is known to live."""

_FREED = timedelta(seconds=10)
"""For a driver that is home to free its Lease."""

_PATIENCES = {Command.ABORT: timedelta(minutes=2)}
"""For the traffic to be home: a write, the settling, and the scaling down."""


@frozen(kw_only=True)
class Answered:
    """
    What came of a decision.

    Attributes:
        report: The run as it is then.
        answer: In words.
        followed: Whether the run did it.
        live: Whether another process drives the run.
        refused: Whether the run heard it and did not do it.
    """

    report: Report
    answer: str
    followed: bool
    live: bool
    refused: bool = False


def decide(
    connection: Connection,
    command: Command,
    *,
    by: str = "",
    why: str = "",
    patience: timedelta | None = None,
) -> Answered:
    """
    Tell the run of a release what a person decided, with or without a live driver.

    Args:
        by: Who; empty: the CI job, or user and host.
        patience: How long a live driver is waited for: for an abort until the run is over, for
            others until it has answered. None: 2 min, and 10 s.

    Raises:
        AdapterError: The cluster cannot be asked.
    """
    by = by or who(os.environ)
    target, cluster = connection.target, connection.cluster
    try:
        analysis = _journal(connection)
    except StoreError as error:
        if command is not Command.ABORT or error.transient:
            raise
        return _without_journal(connection, by=by, why=why, cause=str(error))
    if analysis is None:
        if command is Command.ABORT and stands_split(connection):
            return _without_journal(connection, by=by, why=why, cause="no run owned that split")
        words = "there was no run yet"
        return _nothing(Report(target=str(target), message=words), words)
    if analysis.done and (command is not Command.ABORT or analysis.report.split_restored):
        words = f"run {analysis.run} is over: {analysis.report.outcome}"
        return _nothing(analysis.report, words)
    id = _put(connection, command, by=by, why=why)
    if cluster.lock().holder(target) is not None:
        answered = _of_driver(connection, command, id, _HEARD)
        if answered.followed or _decision(answered.report, id) is not None:
            return _waited(connection, command, id, answered, patience)
    # nobody drives it, or nobody who hears: the Lease knows by watching
    report = connection.runner().decide(target, command, by=by, why=why, id=id)
    if report.outcome is not Outcome.BUSY:
        return _answered(report, id, live=False)
    return _of_driver(connection, command, id, patience or _PATIENCES.get(command, _PATIENCE))


def ask_again(connection: Connection, *, by: str = "", why: str = "") -> Commanded:
    """
    A person's decision to try a failed revision again; put into the inbox, for the record.

    Raises:
        SpecError: There is nothing to try again, and what to do instead.
        AdapterError: The cluster cannot be asked.
    """
    by = by or who(os.environ)
    target, analysis = connection.target, _journal(connection)
    if analysis is None:
        raise SpecError("", f"{target} has no run yet: `progressive run` starts one")
    run, outcome = analysis.run, analysis.report.outcome
    if outcome is None:
        holder = connection.cluster.lock().holder(target)
        words = f"is driven by {holder}" if holder else "is not over: `progressive run` goes on"
        raise SpecError("", f"run {run} of {target} {words}")
    if outcome.exit_code == 0:
        raise SpecError("", f"run {run} of {target} ended {outcome}: nothing is to be tried again")
    if connection.workload is not None:
        revision = connection.workload.situation(target).revision
        if revision != analysis.revision:
            words = f"run {run} was about revision {analysis.revision}, and the target has"
            raise SpecError("", f"{words} {revision} by now: `progressive run` releases that")
    id = connection.cluster.inbox().put(target, Command.RETRY, by=by, why=why)
    at = datetime.now(UTC)
    return Commanded(at=at, command=Command.RETRY, by=by, why=why, id=id)


def _put(connection: Connection, command: Command, *, by: str, why: str) -> str:
    """
    The id of the decision in the inbox; empty: an inbox that cannot be written.

    The way home does not wait for it: where nobody drives, it is gone without.
    """
    try:
        return connection.cluster.inbox().put(connection.target, command, by=by, why=why)
    except StoreError as error:
        driven = connection.cluster.lock().holder(connection.target) is not None
        if command is not Command.ABORT or error.transient or driven:
            raise
        log.warning("%s", error)
        return ""


def _without_journal(connection: Connection, *, by: str, why: str, cause: str) -> Answered:
    """Nobody knows what the run was about; that users go to the primary is known all the same."""
    try:
        report = send_home(connection, by=by, why=why, cause=cause)
    except Busy as busy:
        report = Report(target=str(connection.target))
        return Answered(report=report, answer=f"{busy}; {cause}", followed=False, live=True)
    return Answered(
        report=report, answer=report.message, followed=report.split_restored, live=False
    )


def make_way(connection: Connection, *, by: str = "") -> None:
    """
    Have the driver of a release go home and leave, so that a newer run can begin.

    Does nothing where nobody drives. A driver that does not go in time keeps the target, and the
    newer run will be `busy`.
    """
    by = by or who(os.environ)
    target = connection.target
    if connection.cluster.lock().holder(target) is None:
        return
    log.info("%s is driven by another; it is told to go home", target)
    told = decide(connection, Command.ABORT, by=by, why="superseded by a newer run")
    log.info("%s %s", target, told.answer)
    until = datetime.now(UTC) + _FREED
    while connection.cluster.lock().holder(target) is not None and datetime.now(UTC) < until:
        time.sleep(0.2)  # its last save comes a moment before its Lease is free


def _waited(
    connection: Connection,
    command: Command,
    id: str,
    answered: Answered,
    patience: timedelta | None,
) -> Answered:
    """It was heard; what takes its time, as the way home does, is waited for."""
    over = answered.report.outcome is not None
    if over or command not in _PATIENCES or answered.refused:
        return answered
    return _of_driver(connection, command, id, patience or _PATIENCES[command])


def _of_driver(connection: Connection, command: Command, id: str, patience: timedelta) -> Answered:
    """Wait until the driver has done what was decided; one that is gone is replaced."""
    report = Report(target=str(connection.target))
    for analysis in _following(connection, patience):
        report = analysis.report
        told = _decision(report, id)
        if analysis.done or (told and (told.refused or command is not Command.ABORT)):
            return _answered(report, id, live=True)
    by = f"{connection.cluster.lock().holder(connection.target) or 'its driver'}"
    words = f"{by} has not answered yet; the decision stays in its inbox"
    if _decision(report, id) is not None:
        words = f"{by} follows it, and the run is not over yet"
    return Answered(report=report, answer=words, followed=False, live=True)


def _following(connection: Connection, patience: timedelta) -> Iterator[CanaryAnalysis]:
    """The journal as it is and as it is saved, for so long."""
    until = datetime.now(UTC) + patience
    for text in follow(connection.cluster, connection.target, until=until):
        yield CanaryAnalysis.from_json(text)


def _journal(connection: Connection) -> CanaryAnalysis | None:
    saved = connection.cluster.store().load(connection.target)
    return None if saved is None else CanaryAnalysis.from_json(saved.text)


def _decision(report: Report, id: str) -> Decision | None:
    return next((one for one in report.decisions if one.id == id), None)


def _nothing(report: Report, words: str) -> Answered:
    return Answered(report=report, answer=words, followed=False, live=False)


def _answered(report: Report, id: str, *, live: bool) -> Answered:
    told = _decision(report, id)
    if told is not None:
        return Answered(
            report=report,
            answer=told.answer,
            followed=not told.refused,
            refused=told.refused,
            live=live,
        )
    words = report.message or f"the run ended {report.outcome} before it heard of it"
    return Answered(report=report, answer=words, followed=False, live=live)
