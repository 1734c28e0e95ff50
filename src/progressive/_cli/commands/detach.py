"""`progressive detach`: give a target back to itself, and remove what its release made.

Floor 5.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from progressive._cli.console import log_lines, print_json
from progressive._cli.options import (
    cluster_options,
    document_options,
    output_option,
    read,
    where,
)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False))
@click.option(
    "--yes", is_flag=True, help="Do not ask; without a terminal nothing is asked anyway."
)
@click.option(
    "--keep-services",
    is_flag=True,
    help="Keep SERVICE-primary and SERVICE-canary, at the target's pods.",
)
@click.option(
    "--remove-left-over",
    is_flag=True,
    help="Delete the ServiceProfile that linkerd-smi leaves of a TrafficSplit, if it says nothing "
    "any more; without this it is named among what is kept.",
)
@cluster_options
@document_options
@output_option
def detach(
    file: str,
    yes: bool,
    keep_services: bool,
    remove_left_over: bool,
    **given: Any,
) -> None:
    """Hand traffic and replicas of FILE back to its target, then remove what the release made.

    Exit status 0 when that is done; 5 when the target did not become ready, 6 refused, 8 busy,
    9 unreachable (nothing was handed over); 10 when it must be run again to finish.
    """
    document, output = read(file, given), given["output"]
    from progressive._cli.cleaning_text import detach_text
    from progressive._release.connect import Connection
    from progressive._release.outside.detach import Detached, Detaching
    from progressive._run.parts import who
    from progressive.errors import ProgressiveError

    if not yes and sys.stdin.isatty():
        click.confirm(
            f"{document.target}: hand the traffic to the target and remove the primary?",
            abort=True,
            err=True,
        )
    with log_lines(heartbeat=lambda: "detaching"):
        try:
            connection = Connection.unmeasured(document, **where(given))
            by = f"detach ({who(os.environ)})"
            done = Detaching(
                connection,
                by=by,
                keep_services=keep_services,
                remove_left_over=remove_left_over,
            ).run()
        except ProgressiveError as error:
            code = 9 if getattr(error, "transient", False) else 6
            done = Detached(target=str(document.target), exit_code=code, message=str(error))
    if output == "json":
        print_json(done.to_dict())
    else:
        click.echo(detach_text(done))
    if done.exit_code:
        click.echo(f"{file}: error: {done.message}", err=True)
    sys.exit(done.exit_code)
