"""`progressive status`: the record of the present or last run, and who drives it.

Floor 5. Reads only.
"""

from __future__ import annotations

import sys
from typing import Any

import click
from attrs import evolve

from progressive._cli.console import log_lines, show
from progressive._cli.options import (
    cluster_options,
    document_options,
    output_option,
    read,
    where,
)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False))
@cluster_options
@document_options
@output_option
def status(
    file: str,
    **given: Any,
) -> None:
    """Show the run of FILE: how it stands or ended, and why; nothing is written."""
    document, output = read(file, given), given["output"]
    from progressive._release.connect import Connection, rejected
    from progressive._release.past.record import read_record
    from progressive.errors import ProgressiveError

    with log_lines():
        try:
            connection = Connection.unmeasured(document, **where(given))
            report, holder = read_record(connection)
        except ProgressiveError as error:
            report = rejected(error, document.target)
            show(report, file=file, output=output)
            sys.exit(report.exit_code)
    if not report.run_id:
        report = evolve(report, message="there was no run yet")
    show(evolve(report, holder=holder or ""), file=file, output=output)
