"""`progressive abort | hold | resume | promote | approve`: what a person decides for a run.

Floor 5. One command for each decision; all of them are signed, and all of them work with and
without a live driver.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from progressive._cli.console import log_lines, print_json, show
from progressive._cli.options import (
    cluster_options,
    document_options,
    output_option,
    read,
    where,
)
from progressive._model.record import Outcome

_HELP = {
    "abort": """Send the traffic of FILE home and end its run.

    With a live driver it is told and waited for; without one the target is taken and the run
    ended here. A promotion that is decided is not undone: the answer says so. Exit status 0 when
    the traffic is home, else 10; 6 or 9 when the cluster refused, or could not be asked.
    """,
    "hold": """Keep the split of FILE and stop its rounds, for at most a day.

    `progressive resume` goes on, `progressive promote` skips the rest, `progressive abort` sends
    the traffic home. Exit status 0 when it is held, 6 when the run refuses, 8 when its driver does
    not answer.
    """,
    "resume": """Go on with a run of FILE that is on hold; it holds a full interval again.

    Without a live driver the decision is on record, and `progressive run` goes on from there.
    """,
    "promote": """Skip the remaining rounds of FILE and promote it, once the canary is ready.

    Without a live driver the promotion is carried out here, and the exit status is its outcome's.
    """,
    "approve": """Open the gate that the run of FILE waits at; refused when it waits at none.""",
}


def _command(name: str) -> click.Command:
    @click.command(name, help=_HELP[name])
    @click.argument("file", type=click.Path(dir_okay=False))
    @click.option("--why", default="", help="Why, for the record.")
    @click.option("--by", default="", help="Who; default: the CI job, or user@host.")
    @cluster_options
    @document_options
    @output_option
    def decision(file: str, why: str, by: str, **given: Any) -> None:
        _decide(name, file, why=why, by=by, given=given)

    return decision


abort, hold, resume, promote, approve = map(_command, _HELP)


def _decide(name: str, file: str, *, why: str, by: str, given: dict[str, Any]) -> None:
    document, output = read(file, given, homeward=name == "abort"), given["output"]
    from progressive._model.events import Command
    from progressive._release.connect import Connection, rejected
    from progressive._release.outside.decisions import decide
    from progressive.errors import ProgressiveError

    with log_lines(heartbeat=lambda: f"{name}: waiting"):
        try:
            connection = Connection.unmeasured(document, **where(given))
            told = decide(connection, Command(name), by=by, why=why)
        except ProgressiveError as error:
            report = rejected(error, document.target)
            show(report, file=file, output=output)
            sys.exit(report.exit_code)
    if output == "json":
        answer = {"command": name, "answer": told.answer, "followed": told.followed}
        print_json({**told.report.to_dict(), "decision": answer})
    else:
        click.echo(f"{told.report.target}: {told.answer}")
        if told.report.run_id:
            show(told.report, file=file, output=output)
    sys.exit(_status(name, told))


def _status(name: str, told: Any) -> int:
    report = told.report
    nothing_stands = not report.run_id and report.outcome is None and not told.live
    if name == "abort" and nothing_stands:
        return 0  # `post` of a pipeline runs after everything: the traffic is home
    if name == "abort" and (report.run_id or report.outcome):
        # a way home that was not begun leaves the split as it was, whatever it was
        begun = report.outcome not in (None, Outcome.REJECTED, Outcome.UNREACHABLE)
        return 0 if begun and report.split_restored else 10
    if told.followed:
        ended = report.outcome if name == "promote" and not told.live else None
        return 0 if ended is None else ended.exit_code
    unheard = told.live and report.outcome is None and not told.refused
    return (Outcome.BUSY if unheard else Outcome.REJECTED).exit_code
