"""`progressive run --dry-run`: what a run would write first, and what the API server says to it.

Floor 5. Tried in `_release/preview/dry.py`; here it is asked for and shown. Objects are named and
not printed, for they may hold secrets; `progressive plan` shows them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NoReturn

import click

from progressive._cli.console import log_lines, print_json
from progressive._model.release import Document

if TYPE_CHECKING:
    from progressive._release.preview.dry import DryRun

_SIGNS = {"create": "+", "patch": "~", "update": "~", "delete": "-"}

_WOULD = {
    "first deploy": "a run would make the first deploy",
    "release": "a run would begin a release",
    "nothing": "a run would change nothing",
    "go on": "a run would not begin anew",
}


def try_and_exit(
    document: Document,
    images: Mapping[str, str],
    where: Mapping[str, str | None],
    metrics_server: str | None,
    *,
    resume: bool,
    output: str,
) -> NoReturn:
    """Try, print, and end the program with the exit status."""
    from progressive._model.record import Outcome
    from progressive._release.connect import Connection
    from progressive._release.preview.dry import DryRun, dry_run
    from progressive.errors import ProgressiveError

    if resume:
        raise click.UsageError("--dry-run tries a start, and --resume starts nothing")
    with log_lines(heartbeat=lambda: "still asking the API server"):
        try:
            connection = Connection.to(document, **where, metrics_server=metrics_server)
        except ProgressiveError as error:
            away = getattr(error, "transient", False)
            outcome = Outcome.UNREACHABLE if away else Outcome.REJECTED
            told = DryRun(target=str(document.target), outcome=outcome, message=str(error))
        else:
            told = dry_run(document, connection.target, connection.cluster, images)
    if output == "json":
        print_json(told.to_dict())
    else:
        click.echo("\n".join(_lines(told)))
    sys.exit(told.exit_code)


def _lines(told: DryRun) -> Iterator[str]:
    said = _WOULD[str(told.course)] if told.outcome is None else str(told.outcome)
    yield f"{told.target}: {said}; nothing was stored"
    for line in told.message.splitlines():
        yield f"  {line}"
    if told.writes:
        yield ""
    for one in told.writes:
        name = f"{one.namespace}/{one.name}"
        yield f"  {_SIGNS[one.verb]} {one.kind:18} {name:40} {one.answer}"
        for line in one.message.splitlines():
            yield f"      {line}"
    counted = {str(one.answer): 0 for one in told.writes}
    for one in told.writes:
        counted[str(one.answer)] += 1
    if counted:
        yield ""
        yield f"  {', '.join(f'{count} {answer}' for answer, count in counted.items())}"
