"""`progressive rbac`: the least Role that a release needs, for `kubectl apply -f -`.

Floor 5. Worked out in `_release/rights/` from the file alone; no cluster is asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from progressive._cli.console import print_json
from progressive._cli.options import document_options, read_or_refuse

if TYPE_CHECKING:
    from progressive._model.release import Document, Traffic
    from progressive._release.rights.needs import Needs

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")

_AUTOSCALERS = {
    "hpa": "HorizontalPodAutoscaler",
    "horizontalpodautoscaler": "HorizontalPodAutoscaler",
    "scaledobject": "ScaledObject",
}

_MADE_UP: Mapping[str, Mapping[str, Any]] = {
    "MetricTemplate": {
        "provider": {"type": "prometheus", "address": "http://not-asked.invalid"},
        "query": "vector(1)",
    },
    "AlertProvider": {"type": "slack", "address": "http://not-asked.invalid"},
}
"""What stands in for an object that is only in the cluster: which one it is says enough."""


@click.command()
@click.argument("file", type=click.Path(dir_okay=False))
@click.option(
    "--service-account",
    metavar="[NAMESPACE:]NAME",
    help="Bind the Role to it; its namespace is the release's where none is given.",
)
@click.option(
    "--route",
    "routes",
    multiple=True,
    metavar="NAME",
    help="Routing object that stands already under another name than the service; may be "
    "repeated.",
)
@click.option(
    "--autoscaler",
    "autoscalers",
    multiple=True,
    metavar="[KIND/]NAME",
    help="What scales the primary, such as web or scaledobject/web; a "
    "HorizontalPodAutoscaler where no kind is given; may be repeated.",
)
@click.option("-n", "--namespace", help="Namespace for a document that names none.")
@document_options
@click.option(
    "-o",
    "--output",
    type=click.Choice(["yaml", "json"]),
    default="yaml",
    show_default=True,
    help="json prints one List.",
)
def rbac(
    file: str,
    service_account: str | None,
    routes: tuple[str, ...],
    autoscalers: tuple[str, ...],
    namespace: str | None,
    name: str | None,
    router: str | None,
    allow_no_checks: bool,
    output: str,
) -> None:
    """Print the least Role for FILE: all that a run and the commands around it may ask for.

    Objects are named wherever their names are known. It is worked out from the file alone; the
    first deploy, later releases, and what happens on bad days are in it. For a Release, which says
    how traffic is routed and no more, it is what `progressive route` needs.
    """
    for one in (*routes, *([namespace] if namespace else [])):
        _valid(one, "--route" if one in routes else "--namespace")
    scaling = [_autoscaler(one) for one in autoscalers]
    asked: list[tuple[str, str, str]] = []
    if (traffic := _traffic_alone(file, name=name, router=router)) is not None:
        home = traffic.namespace or namespace
        bound = None if service_account is None else _subject(service_account, home)
        _print_for_route(traffic, home, bound, output)
        return

    def lookup(kind: str, where: str, of: str) -> Mapping[str, Any]:
        asked.append((kind, namespace if where == "default" and namespace else where, of))
        meta = {"name": of, "namespace": where}
        version = "flagger.app/v1beta1"
        return {"apiVersion": version, "kind": kind, "metadata": meta, "spec": _MADE_UP[kind]}

    document = read_or_refuse(
        file,
        name=name,
        router=router,
        allow_no_checks=allow_no_checks,
        output=output,
        lookup=lookup,
    )
    home = document.namespace or namespace
    subject = None if service_account is None else _subject(service_account, home)
    from progressive._release.rights.role import as_text, manifests

    written = manifests(_needs(document, home, routes, scaling, asked), document, home, subject)
    if output == "json":
        print_json({"apiVersion": "v1", "kind": "List", "items": written})
        return
    click.echo(as_text(written), nl=False)


def _traffic_alone(file: str, *, name: str | None, router: str | None) -> Traffic | None:
    """What a Release of the file says; None: it holds none, or it is not valid."""
    from progressive._documents.files import load_file
    from progressive._documents.reading import NATIVE, read_documents
    from progressive._release.known import router_names

    documents = load_file(file).documents
    if not any(one.get("apiVersion") == NATIVE for one in documents):
        return None
    reading = read_documents(
        documents, name=name, router=router, routers=router_names(), traffic_alone=True
    )
    return reading.traffic if reading.kind == "Release" else None


def _print_for_route(
    traffic: Traffic, home: str | None, subject: dict[str, str] | None, output: str
) -> None:
    from attrs import evolve

    from progressive._release.rights.role import as_text, of_route
    from progressive._release.rights.routing import WHY, needs_of_route
    from progressive.errors import PluginError

    target = evolve(traffic.target, namespace=home or traffic.target.namespace)
    try:
        rights = needs_of_route(traffic, target)
    except PluginError as error:
        raise click.ClickException(str(error)) from error
    if not rights:
        words = f"the rights of the router {traffic.router} are not known and not in the Role"
        click.echo(f"warning: {words}", err=True)
    written = of_route(rights, traffic, home, subject)
    if output == "json":
        print_json({"apiVersion": "v1", "kind": "List", "items": written})
    else:
        click.echo(as_text(written, WHY), nl=False)


def _needs(
    document: Document,
    home: str | None,
    routes: tuple[str, ...],
    scaling: list[tuple[str, str]],
    asked: list[tuple[str, str, str]],
) -> Needs:
    from attrs import evolve

    from progressive._release.rights.needs import looked_up, needs_of, renamed
    from progressive.errors import PluginError

    target = evolve(document.target, namespace=home or document.target.namespace)
    try:
        needs = renamed(needs_of(document, target, autoscalers=scaling), routes)
    except PluginError as error:
        raise click.ClickException(str(error)) from error
    if needs.unknown:
        click.echo(f"warning: {needs.unknown} are not known and not in the Role", err=True)
    return evolve(needs, besides=needs.besides | looked_up(asked))


def _autoscaler(given: str) -> tuple[str, str]:
    kind, slash, name = given.rpartition("/")
    _valid(name, "--autoscaler")
    known = _AUTOSCALERS.get(kind.lower() if slash else "hpa")
    if known is None:
        words = f"{kind!r} is none of {', '.join(_AUTOSCALERS)}"
        raise click.BadParameter(words, param_hint="--autoscaler")
    return known, name


def _subject(given: str, home: str | None) -> dict[str, str]:
    namespace, colon, name = given.rpartition(":")
    for part in (namespace, name) if colon else (name,):
        _valid(part, "--service-account")
    where = namespace or home
    if not where:
        raise click.BadParameter(
            f"say its namespace, as in ci:{name}: neither the document nor -n names one",
            param_hint="--service-account",
        )
    return {"kind": "ServiceAccount", "name": name, "namespace": where}


def _valid(name: str, option: str) -> None:
    if not _NAME.fullmatch(name):
        words = f"{name!r} is no name that Kubernetes takes: a-z, 0-9, - and . only"
        raise click.BadParameter(words, param_hint=option)
