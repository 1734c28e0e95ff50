"""Reads the record of a release, and ends a run from outside.

Floor 5.
"""

from __future__ import annotations

import time
from datetime import timedelta

from attrs import evolve

from progressive._analysis.machine import CanaryAnalysis
from progressive._log import log
from progressive._model.events import Command
from progressive._model.record import (
    Outcome,
)
from progressive._model.report import (
    Report,
)
from progressive._release.connect import Connection
from progressive.errors import RouterError


def read_record(connection: Connection) -> tuple[Report, str | None]:
    """
    The record of the present or last run, and who holds the target now.

    A journal is saved before each order is carried out, so of a run that is not over it says what
    was about to be done; the split is therefore the one that the route shows now.
    """
    target = connection.target
    saved = connection.cluster.store().load(target)
    holder = connection.cluster.lock().holder(target)
    if saved is None:
        return Report(target=str(target)), holder
    report = CanaryAnalysis.from_json(saved.text).report
    if report.outcome is None or not report.split_restored:
        report = _as_it_is(connection, report)
    return report, holder


def _as_it_is(connection: Connection, report: Report) -> Report:
    try:
        seen = connection.router.current(connection.target)
    except RouterError as error:
        log.warning("%s the split cannot be read: %s", report.target, error, extra={"run": ""})
        return report
    weight = round(seen.canary * report.total / seen.total)
    home = weight == 0 and seen.mirror is None
    return evolve(report, final=evolve(report.final, weight=weight), split_restored=home)


def end_run(
    connection: Connection, *, by: str, why: str, patience: timedelta = timedelta(minutes=2)
) -> Report:
    """
    Abort the run of a release, with or without a live driver (L27).

    Args:
        patience: How long a live driver is waited for.
    """
    report = connection.runner().end(connection.target, by=by, why=why)
    if report.outcome is not Outcome.BUSY:
        return report
    connection.cluster.inbox().put(connection.target, Command.ABORT, by=by, why=why)
    store, lock = connection.cluster.store(), connection.cluster.lock()
    deadline = time.monotonic() + patience.total_seconds()
    while time.monotonic() < deadline:
        saved = store.load(connection.target)
        if saved is not None:
            run = CanaryAnalysis.from_json(saved.text)
            # an older run's end is in the journal until a driver that begins saves its own
            if run.done and lock.holder(connection.target) is None:
                return run.report
        time.sleep(1.0)  # its driver saves as it goes; a person waits for this once
    return evolve(report, message=f"{report.message}; it was told to abort, and has not ended yet")
