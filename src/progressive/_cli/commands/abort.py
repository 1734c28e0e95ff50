"""`progressive abort`: stop a run safely, whoever drives it.

Floor 5.
"""

from __future__ import annotations

import os
import sys

import click

from progressive._cli.console import log_lines, show
from progressive._cli.options import (
    cluster_lookup,
    cluster_options,
    document_options,
    output_option,
    read_or_refuse,
)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--why", default="", help="Why, for the record.")
@cluster_options
@document_options
@output_option
def abort(
    file: str,
    why: str,
    kubeconfig: str | None,
    context: str | None,
    namespace: str | None,
    name: str | None,
    router: str | None,
    allow_no_checks: bool,
    output: str,
) -> None:
    """Send the traffic of FILE home and end its run; exit status 0 when it is home, else 10.

    With a live driver it is told and waited for; without one the target is taken and the run
    ended here. A promotion that is decided is not undone: the answer says so.
    """
    document = read_or_refuse(
        file,
        name=name,
        router=router,
        allow_no_checks=allow_no_checks,
        output=output,
        lookup=cluster_lookup(kubeconfig, context, namespace),
    )
    from progressive._release.connect import Connection, rejected
    from progressive._release.record import end_run
    from progressive._run.parts import who
    from progressive.errors import ProgressiveError

    with log_lines(heartbeat=lambda: "aborting"):
        try:
            connection = Connection.to(
                document,
                kubeconfig=kubeconfig,
                context=context,
                namespace=namespace,
                metrics_server="http://not-asked.invalid",
            )
            report = end_run(connection, by=who(os.environ), why=why)
        except ProgressiveError as error:
            report = rejected(error, document.target)
            show(report, file=file, output=output)
            sys.exit(report.exit_code)
    show(report, file=file, output=output)
    sys.exit(0 if report.outcome is not None and report.split_restored else 10)
