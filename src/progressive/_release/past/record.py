"""Reads the record of a release.

Floor 5.
"""

from __future__ import annotations

from attrs import evolve

from progressive._analysis.machine import CanaryAnalysis
from progressive._log import log
from progressive._model.report import Report
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
        report = as_it_is(connection, report)
    return report, holder


def as_it_is(connection: Connection, report: Report) -> Report:
    """The same record, with the split that the route shows now."""
    try:
        seen = connection.router.current(connection.target)
    except RouterError as error:
        log.warning("%s the split cannot be read: %s", report.target, error, extra={"run": ""})
        return report
    weight = round(seen.canary * report.total / seen.total)
    home = weight == 0 and seen.mirror is None
    return evolve(report, final=evolve(report.final, weight=weight), split_restored=home)
