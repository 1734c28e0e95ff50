"""`progressive run`: one command, an exit code, and a report for the build page.

Floor 5.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import click

from progressive._cli.console import log_lines, show
from progressive._cli.options import (
    cluster_lookup,
    cluster_options,
    document_options,
    output_option,
    read_or_refuse,
)
from progressive._model.record import Outcome
from progressive._model.report import Report


@click.command()
@click.argument("file", type=click.Path(dir_okay=False))
@click.option(
    "--image",
    "images",
    multiple=True,
    metavar="CONTAINER=REF",
    help="Image to set on a container of the target, once it is ours; may be repeated.",
)
@click.option("--resume", is_flag=True, help="Go on with an unfinished run; start none.")
@click.option("--timeout", metavar="DURATION", help="For the whole run, such as 30m.")
@click.option(
    "--on-abort",
    type=click.Choice(["rollback", "hold", "detach"]),
    default="rollback",
    show_default=True,
    help="What SIGTERM and SIGINT do: send the traffic home; keep the split and end the run on "
    "hold; or leave the run unfinished, for the next driver.",
)
@click.option(
    "--supersede",
    is_flag=True,
    help="Where another driver holds the target, have it go home first, and then run.",
)
@click.option("--metrics-server", metavar="URL", help="Where the document names none.")
@click.option(
    "--report-dir",
    type=click.Path(file_okay=False),
    help="Folder for report.json and rounds.jsonl, written as the run goes.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Check everything up to the first write, and let the API server try the writes of the "
    "start; nothing is stored.",
)
@cluster_options
@document_options
@output_option
def run(
    file: str,
    images: tuple[str, ...],
    resume: bool,
    timeout: str | None,
    on_abort: str,
    supersede: bool,
    metrics_server: str | None,
    report_dir: str | None,
    dry_run: bool,
    kubeconfig: str | None,
    context: str | None,
    namespace: str | None,
    name: str | None,
    router: str | None,
    allow_no_checks: bool,
    output: str,
) -> None:
    """Release FILE: shift traffic step by step, judge it, promote it or roll it back.

    In a shell step of a pipeline write `exec progressive run …`, so that an abort reaches it.
    """
    wanted = _images(images)
    limit = _timeout(timeout)
    document = read_or_refuse(
        file,
        name=name,
        router=router,
        allow_no_checks=allow_no_checks,
        output=output,
        metrics_server=metrics_server,
        lookup=cluster_lookup(kubeconfig, context, namespace),
    )
    where = {"kubeconfig": kubeconfig, "context": context, "namespace": namespace}
    if dry_run:
        from progressive._cli.dry_run import try_and_exit

        try_and_exit(document, wanted, where, metrics_server, resume=resume, output=output)
    from progressive._cli.driving import Driving, EndedEarly, ReportFolder
    from progressive._cli.progress import progress_bar
    from progressive._release.connect import Connection, rejected
    from progressive._release.outside.decisions import make_way
    from progressive.errors import ProgressiveError

    folder = None if report_dir is None else ReportFolder(Path(report_dir))
    driving = Driving(folder, on_abort=on_abort)
    with (
        log_lines(heartbeat=driving.heartbeat),
        progress_bar(document.plan) as bar,
        driving.signals(),
    ):
        try:
            connection = Connection.to(document, **where, metrics_server=metrics_server)
            connection.require_rights(images=wanted, resume=resume)
            runner = connection.runner(observers=[driving.observe, bar])
            driving.drives(runner)
            if supersede:
                make_way(connection)
            report = connection.release(runner, images=wanted, resume=resume, timeout=limit)
        except EndedEarly as signal:
            message = f"{signal} came before anything was written"
            report = Report(outcome=Outcome.ABORTED, message=message, target=str(document.target))
        except ProgressiveError as error:
            report = rejected(error, document.target)
        driving.ended(report)
    show(report, file=file, output=output)
    sys.exit(report.exit_code)


def _images(given: tuple[str, ...]) -> dict[str, str]:
    images: dict[str, str] = {}
    for one in given:
        container, separator, reference = one.partition("=")
        if not (container and separator and reference):
            raise click.BadParameter(
                f"{one!r} is not CONTAINER=REF, such as web=registry/web:42", param_hint="--image"
            )
        images[container] = reference
    return images


def _timeout(text: str | None) -> timedelta | None:
    from progressive._documents.durations import parse_duration
    from progressive.errors import SpecError

    if text is None:
        return None
    try:
        return parse_duration(text)
    except SpecError as error:
        raise click.BadParameter(error.problem, param_hint="--timeout") from error
