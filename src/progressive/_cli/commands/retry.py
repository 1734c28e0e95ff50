"""`progressive retry`: try a failed revision once more, signed.

Floor 5.
"""

from __future__ import annotations

from typing import Any

import click

from progressive._cli.options import read
from progressive._cli.releasing import drive, parsed_timeout, run_options
from progressive._model.report import Report


@click.command()
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--why", default="", help="Why, for the record.")
@click.option("--by", default="", help="Who; default: the CI job, or user@host.")
@run_options
def retry(file: str, why: str, by: str, **given: Any) -> None:
    """Start the failed revision of FILE again, with a fresh budget and fresh deadlines.

    Only what failed is started: a run that is not over, one that succeeded, or a target that has
    another version by now is refused, exit status 6. A primary whose promotion failed is repaired
    first. Otherwise it is `progressive run`, and its exit status.
    """
    limit = parsed_timeout(given["timeout"])
    document = read(file, given)

    def begin(connection: Any, runner: Any) -> Report:
        from progressive._release.outside.decisions import ask_again

        connection.require_rights(images={}, resume=False)
        asked = ask_again(connection, by=by, why=why)
        report: Report = connection.release(runner, images={}, timeout=limit, retry=asked)
        return report

    drive(document, file, given, begin)
