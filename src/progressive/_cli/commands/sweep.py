"""`progressive sweep`: splits that no driver owns, shown and brought home.

Floor 5.
"""

from __future__ import annotations

import os
import sys
from datetime import timedelta

import click

from progressive._cli.console import log_lines, print_json
from progressive._cli.options import cluster_options, output_option

SCHEMA = "progressive.dev/sweep/v1"


@click.command()
@click.option("-A", "--all-namespaces", is_flag=True, help="In all namespaces.")
@click.option("--restore", is_flag=True, help="Send the traffic of what nobody drives home.")
@click.option("--include-held", is_flag=True, help="Also what a person put on hold.")
@click.option(
    "--older-than",
    metavar="DURATION",
    default="0s",
    show_default=True,
    help="Only where no driver was heard of for so long, beyond its Lease.",
)
@click.option("--router", help="Router of runs whose journal names none.")
@cluster_options
@output_option
def sweep(
    all_namespaces: bool,
    restore: bool,
    include_held: bool,
    older_than: str,
    router: str | None,
    kubeconfig: str | None,
    context: str | None,
    namespace: str | None,
    output: str,
) -> None:
    """Find splits that no driver owns; with --restore send their traffic home.

    Exit status 0 when there is none, or all are home now; 10 when one is left; 9 when the cluster
    cannot be reached, 6 when it refuses.
    """
    if all_namespaces and namespace is not None:
        raise click.UsageError("-A looks into all namespaces: leave -n out")
    age = _age(older_than)
    _check_router(router)
    from progressive._cli.cleaning_text import sweep_text
    from progressive._release.outside.sweep import Sweep, Wishes, exit_code
    from progressive._run.parts import who
    from progressive.clusters import KubernetesCluster
    from progressive.errors import ProgressiveError

    with log_lines(heartbeat=lambda: "sweeping"):
        try:
            cluster = KubernetesCluster.from_environment(
                kubeconfig=kubeconfig, context=context, namespace=namespace
            )
            wishes = Wishes(
                namespace=None if all_namespaces else cluster.namespace,
                restore=restore,
                include_held=include_held,
                older_than=age,
                router=router,
                by=f"sweep ({who(os.environ)})",
            )
            swept = Sweep(cluster, wishes)
            found = swept.run()
        except ProgressiveError as error:
            code = 9 if getattr(error, "transient", False) else 6
            if output == "json":
                print_json({"schema": SCHEMA, "exit_code": code, "message": str(error)})
            click.echo(f"error: {error}", err=True)
            sys.exit(code)
    code = exit_code(found)
    if output == "json":
        targets = [one.to_dict() for one in found]
        incomplete = swept.incomplete
        print_json(
            {"schema": SCHEMA, "exit_code": code, "targets": targets, "incomplete": incomplete}
        )
    else:
        click.echo(sweep_text(found, wishes.namespace))
    for words in swept.incomplete:
        click.echo(f"warning: {words}", err=True)
    sys.exit(code)


def _check_router(name: str | None) -> None:
    from progressive import plugins
    from progressive.errors import PluginError

    if name is None:
        return
    try:
        plugins.router(name)
    except PluginError as error:
        raise click.BadParameter(str(error), param_hint="--router") from error


def _age(text: str) -> timedelta:
    from progressive._documents.durations import parse_duration
    from progressive.errors import SpecError

    if text.strip() in ("0", "0s"):
        return timedelta(0)
    try:
        return parse_duration(text)
    except SpecError as error:
        raise click.BadParameter(error.problem, param_hint="--older-than") from error
