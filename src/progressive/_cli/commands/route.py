"""`progressive route`: one routing write by hand, on a file or on the cluster.

Floor 5. Worked out in `_release/route/`; here it is asked for and shown. With ``-o json`` standard
output holds one document, a refusal too.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from progressive._cli.console import print_json
from progressive._cli.options import (
    cluster_options,
    loaded_release,
    objects_of,
    picking_options,
    where,
)
from progressive._model.release import Severity

if TYPE_CHECKING:
    from progressive._documents.reading import Reading
    from progressive._release.route.answer import Routed
    from progressive._release.route.order import Order
    from progressive.errors import AdapterError

_REFUSED = 6


@click.command()
@click.argument("release", type=click.Path(dir_okay=False, allow_dash=True))
@click.option(
    "--objects",
    type=click.Path(dir_okay=False),
    help="YAML documents that are the cluster: nothing else is read, and nothing is written.",
)
@click.option("--weight", type=int, help="Send this weight to the canary, of the total.")
@click.option("--read", is_flag=True, help="Print the split, and write nothing.")
@click.option(
    "--reset", is_flag=True, help="Send all traffic to the primary and remove rules of ours."
)
@click.option(
    "--dry-run", is_flag=True, help="Let the API server check the write, and store nothing."
)
@click.option(
    "--force",
    is_flag=True,
    help="Write while a run moves the traffic, and leave an abort for that run.",
)
@click.option("--why", default="", help="Why, for the record of the run that is aborted.")
@click.option("--by", default="", help="Who; default: the CI job, or user@host.")
@picking_options
@cluster_options
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "yaml"]),
    default="text",
    show_default=True,
    help="json and yaml leave exactly one document on standard output.",
)
def route(
    release: str,
    objects: str | None,
    weight: int | None,
    read: bool,
    reset: bool,
    output: str,
    **given: Any,
) -> None:
    """Move, read or reset the traffic of RELEASE once, as its document says.

    Only spec.traffic of a Release is needed, or what a Canary says of its services. With --objects
    it is worked out on a file. The exit status is 6 when it is refused, 8 when a run moves this
    traffic, 9 when the cluster cannot be reached, 10 when a part was written and could not be put
    back.
    """
    from progressive._release.route.answer import exit_status
    from progressive._release.route.order import Order
    from progressive.errors import AdapterError

    order = Order(weight=weight, read=read, reset=reset)
    if sum((weight is not None, read, reset)) != 1:
        raise click.UsageError("give exactly one of --weight N, --read and --reset")
    if objects is not None and (given["dry_run"] or given["force"]):
        raise click.UsageError(
            "with --objects no cluster is asked: leave out --dry-run and --force"
        )
    try:
        if objects is not None:
            told = _on_file(release, objects, order, given)
        else:
            told = _on_cluster(release, order, given)
    except AdapterError as error:
        _refuse(error, release, output)
        # on a file nothing is ever left half done
        sys.exit(exit_status(error) if objects is None else _REFUSED)
    _show(told, order, output)


def _on_file(release: str, objects: str, order: Order, given: Mapping[str, Any]) -> Routed:
    from attrs import evolve

    from progressive._release.route.offline import route_offline
    from progressive._release.route.order import traffic_of, warnings_of
    from progressive.errors import InvalidRequest

    namespace = given["namespace"] or "default"
    held = objects_of(objects)
    if held.faults:
        raise InvalidRequest("; ".join(held.faults))
    reading = _reading(release, namespace, order, given)
    told = route_offline(traffic_of(reading), held.objects, order, namespace=namespace)
    return evolve(told, warnings=(*warnings_of(reading), *told.warnings))


def _on_cluster(release: str, order: Order, given: Mapping[str, Any]) -> Routed:
    from attrs import evolve

    from progressive._release.route.live import Manner, route_live
    from progressive._release.route.order import traffic_of, warnings_of
    from progressive.clusters import KubernetesCluster

    reading = _reading(release, given["namespace"] or "default", order, given)
    traffic = traffic_of(reading)
    manner = Manner(**{key: given[key] for key in ("dry_run", "force", "by", "why")})
    cluster = KubernetesCluster.from_environment(**where(given))
    told = route_live(traffic, cluster, order, manner)
    return evolve(told, warnings=(*warnings_of(reading), *told.warnings))


def _reading(release: str, namespace: str, order: Order, given: Mapping[str, Any]) -> Reading:
    from progressive._documents.reading import read_documents
    from progressive._release.known import router_names
    from progressive._release.route.order import refused

    loaded = loaded_release(release)
    if faults := [one for one in loaded.problems if one.severity is Severity.ERROR]:
        raise refused(faults)
    return read_documents(
        loaded.documents,
        name=given["name"],
        router=given["router"],
        namespace=namespace,
        routers=router_names(),
        traffic_alone=True,
        homeward=order.reset,
    )


def _refuse(error: AdapterError, release: str, output: str) -> None:
    from progressive._release.route.answer import error_dict

    if output == "text":
        click.echo(f"{release}: {type(error).__name__}: {error}", err=True)
    else:
        _print(error_dict(error), output)


def _show(told: Routed, order: Order, output: str) -> None:
    from progressive._release.route.answer import split_dict

    if output == "text":
        from progressive._cli.route_text import route_text

        click.echo(route_text(told, order, colour=sys.stdout.isatty()))
    else:
        _print(split_dict(told.observed) if order.read else told.to_dict(), output)


def _print(answer: dict[str, Any], output: str) -> None:
    if output == "json":
        print_json(answer)
        return
    from progressive._documents.files import yaml_text

    click.echo(yaml_text(answer), nl=False)
