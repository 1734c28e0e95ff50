"""`progressive history`: what was released, by whom, how it ended.

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
@click.argument("file", type=click.Path(dir_okay=False), required=False)
@all_namespaces_option
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="How many runs are shown, the newest first.",
)
@cluster_options
@picking_options
@output_option
def history(
    file: str | None,
    all_namespaces: bool,
    limit: int,
    kubeconfig: str | None,
    context: str | None,
    namespace: str | None,
    name: str | None,
    router: str | None,
    output: str,
) -> None:
    """List the runs of FILE, or of every release in the namespace, newest first.

    Of each release the present or last run is known, and ten before it.
    """
    from progressive._cli.looking import Looking, looked_at, refusals
    from progressive._cli.past.table import table, table_dict

    looking = Looking(
        kubeconfig=kubeconfig,
        context=context,
        namespace=namespace,
        everywhere=all_namespaces,
        file=file,
        name=name,
        router=router,
        output=output,
    )
    with refusals(output), looked_at(looking) as found:
        shown = found.records[:limit]
        older = len(found.records) - len(shown)
        if output == "json":
            print_json(table_dict(shown, older=older))
        elif shown:
            click.echo(table(shown, older=older, now=datetime.now(UTC)))
        else:
            click.echo(f"there was no run yet in {found.where}")
