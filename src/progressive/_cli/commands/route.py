"""`progressive route`: one routing write by hand, on a file or on the cluster.

Floor 5. Worked out in `_release/route/`; here it is asked for and shown. With ``-o json`` standard
output holds one document, a refusal too (release.md section 6).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click

from progressive._cli.console import print_json
from progressive._cli.options import (
    cluster_options,
    loaded_release,
    objects_of,
    picking_options,
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

    Only spec.traffic of a Release is needed, or what a Canary says of its services.
    The exit status is 6 when the write is refused.
    """
    from progressive._release.route.order import Order
    from progressive.errors import AdapterError

    order = Order(weight=weight, read=read, reset=reset)
    if sum((weight is not None, read, reset)) != 1:
        raise click.UsageError("give exactly one of --weight N, --read and --reset")
    try:
        told = _carried_out(release, objects, order, **given)
    except AdapterError as error:
        _refuse(error, release, output)
    _show(told, order, output)


def _carried_out(release: str, objects: str | None, order: Order, **given: Any) -> Routed:
    from attrs import evolve

    from progressive._release.route.offline import route_offline
    from progressive._release.route.order import traffic_of, warnings_of

    namespace = given["namespace"] or "default"
    if objects is None:
        raise click.UsageError("--objects FILE is needed")
    documents = objects_of(objects)
    reading = _reading(release, namespace, given)
    told = route_offline(traffic_of(reading), documents, order, namespace=namespace)
    return evolve(told, warnings=(*warnings_of(reading), *told.warnings))


def _reading(release: str, namespace: str, given: dict[str, Any]) -> Reading:
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
    )


def _refuse(error: AdapterError, release: str, output: str) -> NoReturn:
    from progressive._release.route.answer import error_dict

    if output == "text":
        click.echo(f"{release}: {type(error).__name__}: {error}", err=True)
    else:
        _print(error_dict(error), output)
    sys.exit(_REFUSED)


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
