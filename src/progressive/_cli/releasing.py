"""A release in a process of its own, as `run` and `retry` share it: options, signals, report.

Floor 5.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from progressive._cli.console import log_lines, show
from progressive._cli.options import cluster_options, document_options, output_option, where
from progressive._model.record import Outcome
from progressive._model.release import Document
from progressive._model.report import Report

Command = TypeVar("Command", bound=Callable[..., Any])

Begin = Callable[[Any, Any], Report]
"""Drives a connected release by its runner; gives the report of every outcome."""


def run_options(command: Command) -> Command:
    """How a release is driven, whatever starts it."""
    for option in (
        click.option(
            "--report-dir",
            type=click.Path(file_okay=False),
            help="Folder for report.json and rounds.jsonl, written as the run goes.",
        ),
        click.option("--metrics-server", metavar="URL", help="Where the document names none."),
        click.option(
            "--on-abort",
            type=click.Choice(["rollback", "hold", "detach"]),
            default="rollback",
            show_default=True,
            help="What SIGTERM and SIGINT do: send the traffic home; keep the split and end the "
            "run on hold; or leave the run unfinished, for the next driver.",
        ),
        click.option("--timeout", metavar="DURATION", help="For the whole run, such as 30m."),
    ):
        command = option(command)
    return output_option(document_options(cluster_options(command)))


def parsed_timeout(text: str | None) -> timedelta | None:
    """
    The time for the whole run; None: not limited.

    Raises:
        BadParameter: It is no duration.
    """
    from progressive._documents.durations import parse_duration
    from progressive.errors import SpecError

    if text is None:
        return None
    try:
        return parse_duration(text)
    except SpecError as error:
        raise click.BadParameter(error.problem, param_hint="--timeout") from error


def drive(document: Document, file: str, given: dict[str, Any], begin: Begin) -> NoReturn:
    """Drive a release to its end, show its report, and end the program with its exit code."""
    from progressive._cli.driving import Driving, EndedEarly, ReportFolder
    from progressive._cli.progress import progress_bar
    from progressive._release.connect import Connection, rejected
    from progressive.errors import ProgressiveError

    report_dir = given["report_dir"]
    folder = None if report_dir is None else ReportFolder(Path(report_dir))
    driving = Driving(folder, on_abort=given["on_abort"])
    with (
        log_lines(heartbeat=driving.heartbeat),
        progress_bar(document.plan) as bar,
        driving.signals(),
    ):
        try:
            connection = Connection.to(
                document, **where(given), metrics_server=given["metrics_server"]
            )
            runner = connection.runner(observers=[driving.observe, bar])
            driving.drives(runner)
            report = begin(connection, runner)
        except EndedEarly as signal:
            message = f"{signal} came before anything was written"
            report = Report(outcome=Outcome.ABORTED, message=message, target=str(document.target))
        except ProgressiveError as error:
            report = rejected(error, document.target)
        driving.ended(report)
    show(report, file=file, output=given["output"])
    sys.exit(report.exit_code)
