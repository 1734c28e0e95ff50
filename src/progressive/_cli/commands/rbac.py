"""`progressive rbac`: the least Role for a release or a command, for `kubectl apply -f -`.

Floor 5. Worked out in `_release/rights/` from the file alone; no cluster is asked. One command
for all Roles: what differs is who gets it, and that is what `--for` says.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import click

from progressive._cli.console import print_json
from progressive._cli.options import allow_option, name_option, read_or_refuse

if TYPE_CHECKING:
    from progressive._model.release import Traffic
    from progressive.errors import ProgressiveError

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
@click.argument("file", type=click.Path(dir_okay=False), required=False)
@click.option(
    "--for",
    "purpose",
    type=click.Choice(["run", "look", "decide", "detach", "sweep"]),
    default="run",
    show_default=True,
    help="Whose Role: of a driver (all commands but detach and sweep); of who only looks (status, "
    "history, explain); of who also tells a live driver what to do; of who gives the release up; "
    "of a sweep, which takes no FILE.",
)
@click.option(
    "--restore", is_flag=True, help="With --for sweep: of `progressive sweep --restore`."
)
@click.option(
    "-A", "--all-namespaces", is_flag=True, help="With --for sweep: a ClusterRole, for `sweep -A`."
)
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
@click.option(
    "--router",
    "routers",
    multiple=True,
    help="Router; default: the document's provider, else istio. With --for sweep those of the "
    "releases that may be found; may be repeated there.",
)
@name_option
@allow_option
@click.option(
    "-o",
    "--output",
    type=click.Choice(["yaml", "json"]),
    default="yaml",
    show_default=True,
    help="json prints one List.",
)
def rbac(file: str | None, purpose: str, **given: Any) -> None:
    """Print the least Role for FILE: all that a run and the commands around it may ask for.

    Objects are named wherever their names are known. It is worked out from the file alone; the
    first deploy, later releases, and what happens on bad days are in it. For a Release, which says
    how traffic is routed and no more, it is what `progressive route` needs. --for prints the Role
    of people, and of jobs, that need another one.
    """
    namespace, subject = given["namespace"], given["service_account"]
    for one in (*given["routes"], *([namespace] if namespace else [])):
        _valid(one, "--route" if one in given["routes"] else "--namespace")
    if purpose == "sweep":
        _of_sweep(file, given)
        return
    if file is None:
        raise click.UsageError("give the FILE of the release; --for sweep alone takes none")
    if given["restore"] or given["all_namespaces"]:
        raise click.UsageError("--restore and --all-namespaces go with --for sweep alone")
    if len(given["routers"]) > 1:
        raise click.UsageError("a release has one router: give --router once")
    router = next(iter(given["routers"]), None)
    traffic = _traffic_alone(file, name=given["name"], router=router)
    if traffic is None:
        _of_release(file, purpose, router, given)
        return
    if purpose != "run":
        words = "a Release of traffic alone has no runs: leave it out, for progressive route"
        raise click.BadParameter(words, param_hint="--for")
    home = traffic.namespace or namespace
    _print_for_route(file, traffic, home, _subject(subject, home), given["output"])


def _of_release(file: str, purpose: str, router: str | None, given: dict[str, Any]) -> None:
    from attrs import evolve

    from progressive._release.rights.beside import needs_for
    from progressive._release.rights.needs import looked_up
    from progressive._release.rights.role import roles
    from progressive.errors import PluginError, SpecError

    namespace = given["namespace"]
    asked: list[tuple[str, str, str]] = []

    def lookup(kind: str, where: str, of: str) -> Mapping[str, Any]:
        asked.append((kind, namespace if where == "default" and namespace else where, of))
        meta = {"name": of, "namespace": where}
        version = "flagger.app/v1beta1"
        return {"apiVersion": version, "kind": kind, "metadata": meta, "spec": _MADE_UP[kind]}

    scaling = [_autoscaler(one) for one in given["autoscalers"]]
    document = read_or_refuse(
        file,
        name=given["name"],
        router=router,
        allow_no_checks=given["allow_no_checks"],
        output=given["output"],
        lookup=lookup,
    )
    home = document.namespace or namespace
    target = evolve(document.target, namespace=home or document.target.namespace)
    try:
        needs = needs_for(purpose, document, target, autoscalers=scaling, routes=given["routes"])
    except PluginError as error:
        _refuse(file, error)
    except SpecError as error:
        raise click.BadParameter(error.problem, param_hint="--for") from error
    if needs.unknown:
        click.echo(f"warning: {needs.unknown} are not known and not in the Role", err=True)
    name = f"progressive-{document.name}" + ("" if purpose == "run" else f"-{purpose}")
    bound = _subject(given["service_account"], home)
    every = needs.every | looked_up(asked)
    _print(roles(name, every, target.namespace, home, bound), purpose, given["output"])


def _of_sweep(file: str | None, given: dict[str, Any]) -> None:
    from progressive._release.rights import beside
    from progressive._release.rights.role import cluster_role, roles
    from progressive.errors import PluginError

    everywhere, namespace = given["all_namespaces"], given["namespace"]
    if file is not None or given["name"] or given["routes"] or given["autoscalers"]:
        words = "a sweep has no release at hand: leave FILE, --name, --route, --autoscaler out"
        raise click.UsageError(words)
    if everywhere and namespace:
        raise click.UsageError("-A looks into all namespaces: leave -n out")
    own = namespace or "default"
    subject = _subject(given["service_account"], namespace)
    try:
        rights = beside.needs_to_sweep(
            given["routers"] or ("istio",),
            namespace=None if everywhere else own,
            restore=given["restore"],
        )
    except PluginError as error:
        raise click.BadParameter(str(error), param_hint="--router") from error
    name = "progressive-sweep"
    written = (
        cluster_role(name, rights, subject)
        if everywhere
        else roles(name, rights, own, namespace, subject)
    )
    _print(written, "sweep", given["output"])


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


def _refuse(file: str, error: ProgressiveError) -> NoReturn:
    """The router of the document cannot be had, as for every other command."""
    click.echo(f"{file}: error: {error}", err=True)
    sys.exit(6)


def _print_for_route(
    file: str, traffic: Traffic, home: str | None, subject: dict[str, str] | None, output: str
) -> None:
    from attrs import evolve

    from progressive._release.rights.role import roles
    from progressive._release.rights.routing import needs_of_route
    from progressive.errors import PluginError

    target = evolve(traffic.target, namespace=home or traffic.target.namespace)
    try:
        rights = needs_of_route(traffic, target)
    except PluginError as error:
        _refuse(file, error)
    if not rights:
        words = f"the rights of the router {traffic.router} are not known and not in the Role"
        click.echo(f"warning: {words}", err=True)
    name = f"progressive-route-{traffic.name}"
    _print(roles(name, rights, target.namespace, home, subject), "route", output)


def _print(written: list[dict[str, Any]], purpose: str, output: str) -> None:
    from progressive._release.rights import beside, needs, routing
    from progressive._release.rights.role import as_text

    if output == "json":
        print_json({"apiVersion": "v1", "kind": "List", "items": written})
        return
    why = {"run": needs.WHY, "route": routing.WHY}.get(purpose, {**needs.WHY, **beside.WHY})
    click.echo(as_text(written, why), nl=False)


def _autoscaler(given: str) -> tuple[str, str]:
    kind, slash, name = given.rpartition("/")
    _valid(name, "--autoscaler")
    known = _AUTOSCALERS.get(kind.lower() if slash else "hpa")
    if known is None:
        words = f"{kind!r} is none of {', '.join(_AUTOSCALERS)}"
        raise click.BadParameter(words, param_hint="--autoscaler")
    return known, name


def _subject(given: str | None, home: str | None) -> dict[str, str] | None:
    if given is None:
        return None
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
