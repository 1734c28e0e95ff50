"""`progressive explain`: one run, told so that somebody who just woke understands it.

Floor 5. Reads only.
"""

from __future__ import annotations

from datetime import UTC, datetime

import click

from progressive._cli.console import print_json
from progressive._cli.options import (
    all_namespaces_option,
    cluster_options,
    output_option,
    picking_options,
)


@click.command()
@click.argument("run", required=False)
@click.option(
    "-f",
    "--file",
    type=click.Path(dir_okay=False),
    help="Only runs of this release; with it the route itself is looked at.",
)
@click.option("--service", help="Only runs of this service, where there is no file at hand.")
@all_namespaces_option
@cluster_options
@picking_options
@output_option
def explain(
    run: str | None,
    file: str | None,
    service: str | None,
    all_namespaces: bool,
    kubeconfig: str | None,
    context: str | None,
    namespace: str | None,
    name: str | None,
    router: str | None,
    output: str,
) -> None:
    """Tell what became of RUN and why; without RUN of the newest one in the namespace.

    RUN is an id of `progressive history`, or the beginning of one. First what decided, with its
    numbers; then everything that happened, with the queries as they were sent; then what to do.
    """
    if file is not None and service is not None:
        raise click.UsageError("--file names the service already; give one of --file, --service")
    from progressive._cli.looking import Looking, looked_at, refusals, say_unreadable
    from progressive._cli.past.advice import Surroundings
    from progressive._cli.past.page import page, page_dict
    from progressive._release.past.history import before, chosen

    looking = Looking(
        kubeconfig=kubeconfig,
        context=context,
        namespace=namespace,
        everywhere=all_namespaces,
        file=file,
        service=service,
        name=name,
        router=router,
        output=output,
    )
    group = click.get_current_context().find_root().command
    assert isinstance(group, click.Group)
    with refusals(output), looked_at(looking) as found:
        record = chosen(found.records, run, where=found.where)
        say_unreadable(found.records, record)
        same = [one for one in found.records if one.target == record.target]
        place = same.index(record)
        around = Surroundings(
            file=file or "FILE",
            commands=frozenset(group.list_commands(click.get_current_context())),
            before=before(record, same),
            earlier=same[place + 1] if place + 1 < len(same) else None,
            newest=same[0],
        )
        split = found.split_of(record)
        if output == "json":
            print_json(page_dict(record, around, split=split))
        else:
            click.echo(page(record, around, now=datetime.now(UTC), split=split))
