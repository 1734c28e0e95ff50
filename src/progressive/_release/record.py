"""Reads the record of a release, and ends a run from outside.

Floor 5.
"""

from __future__ import annotations

import time
from datetime import timedelta

from attrs import evolve

from progressive._analysis.machine import CanaryAnalysis
from progressive._model.events import Command
from progressive._model.report import Outcome, Report
from progressive._release.connect import Connection


def read_record(connection: Connection) -> tuple[Report, str | None]:
    """The record of the present or last run, and who holds the target now."""
    target = connection.target
    saved = connection.cluster.store().load(target)
    holder = connection.cluster.lock().holder(target)
    if saved is None:
        return Report(target=str(target)), holder
    return CanaryAnalysis.from_json(saved.text).report, holder


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
    store, deadline = connection.cluster.store(), time.monotonic() + patience.total_seconds()
    while time.monotonic() < deadline:
        saved = store.load(connection.target)
        if saved is not None:
            run = CanaryAnalysis.from_json(saved.text)
            if run.done:
                return run.report
        time.sleep(1.0)  # its driver saves as it goes; a person waits for this once
    return evolve(report, message=f"{report.message}; it was told to abort, and has not ended yet")
