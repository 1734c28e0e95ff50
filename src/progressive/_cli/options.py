"""Options that commands share, and the reading of a release file for a command.

Floor 5.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from progressive._cli.console import print_json, print_problems
from progressive._documents.sources import Lookup
from progressive._model.record import Outcome
from progressive._model.release import Document
from progressive._model.report import Report

if TYPE_CHECKING:
    from progressive._documents.cluster_file import ClusterFile
    from progressive._documents.files import Loaded

Command = TypeVar("Command", bound=Callable[..., Any])


def document_options(command: Command) -> Command:
    """How a release is picked from its file and read."""
    return picking_options(allow_option(command))


def picking_options(command: Command) -> Command:
    """How a release is picked from its file, for commands that only look for its runs."""
    for option in (
        click.option("--router", help="Router; default: the document's provider, else istio."),
        name_option,
    ):
        command = option(command)
    return command


def name_option(command: Command) -> Command:
    """``--name``."""
    help = "Which release of a file that holds several."
    return click.option("--name", help=help)(command)


def allow_option(command: Command) -> Command:
    """``--allow-no-checks``."""
    help = "Take a release without any check; it cannot fail."
    return click.option("--allow-no-checks", is_flag=True, help=help)(command)


def output_option(command: Command) -> Command:
    """``-o text|json``."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="json leaves exactly one JSON document on standard output.",
    )(command)


def cluster_options(command: Command) -> Command:
    """Where the cluster is; by default it is found as kubectl finds it."""
    for option in (
        click.option("-n", "--namespace", help="Namespace for a document that names none."),
        click.option("--context", help="Context of the kubeconfig."),
        click.option("--kubeconfig", type=click.Path(), help="Path of a kubeconfig."),
    ):
        command = option(command)
    return command


def all_namespaces_option(command: Command) -> Command:
    """``-A``."""
    return click.option(
        "-A", "--all-namespaces", is_flag=True, help="Look at releases in every namespace."
    )(command)


def loaded_release(release: str) -> Loaded:
    """The documents of a release file; ``-`` is standard input."""
    from progressive._documents.files import load_file, load_yaml

    if release == "-":
        return load_yaml(sys.stdin.read(), name="standard input")
    return load_file(release)


def objects_of(file: str) -> ClusterFile:
    """
    The objects of a file, or what is wrong with single ones.

    Raises:
        BadParameter: The file cannot be read.
    """
    from progressive._documents.cluster_file import load_objects

    loaded = load_objects(file)
    if loaded.unreadable:
        raise click.BadParameter("\n".join(loaded.unreadable), param_hint="--objects")
    return loaded


def cluster_lookup(kubeconfig: str | None, context: str | None, namespace: str | None) -> Lookup:
    """Finds what a file refers to in the cluster, which is connected to only if that is needed."""

    def find(kind: str, where: str, name: str) -> Mapping[str, Any] | None:
        from progressive._release.known import cluster_lookup as lookup_in
        from progressive.clusters import KubernetesCluster

        cluster = KubernetesCluster.from_environment(
            kubeconfig=kubeconfig, context=context, namespace=namespace
        )
        try:
            return lookup_in(cluster)(kind, where, name)
        finally:
            cluster.close()

    return find


def read_or_refuse(
    file: str,
    *,
    name: str | None,
    router: str | None,
    allow_no_checks: bool,
    output: str,
    metrics_server: str | None = None,
    lookup: Lookup | None = None,
    warn: bool = True,
    homeward: bool = False,
) -> Document:
    """
    The release of a file; one that is not valid ends the program with status 6.

    Args:
        warn: Say what is strange in it, too; a command that only looks back has other news.
        homeward: Its analysis is not read, for what is wrong there must keep no traffic away.
    """
    from progressive._documents.files import load_file
    from progressive._release.load import read_loaded
    from progressive.errors import ProgressiveError

    loaded = load_file(file)
    try:
        reading = read_loaded(
            loaded,
            name=name,
            router=router,
            allow_no_checks=allow_no_checks,
            metrics_server=metrics_server,
            lookup=lookup,
            homeward=homeward,
        )
    except ProgressiveError as error:  # the cluster was asked for a template, and did not answer
        transient = getattr(error, "transient", False)
        outcome = Outcome.UNREACHABLE if transient else Outcome.REJECTED
        if output == "json":
            print_json(Report(outcome=outcome, message=str(error)).to_dict())
        click.echo(f"{file}: error: {error}", err=True)
        sys.exit(outcome.exit_code)
    if reading.document is not None:
        if warn:
            print_problems(reading.problems, file=file, loaded=loaded)
        return reading.document
    if output == "json":
        from progressive._release.preview.plan import refusal

        print_json(refusal(reading.problems))
    print_problems(reading.problems, file=file, loaded=loaded)
    sys.exit(6)


def where(given: Mapping[str, Any]) -> dict[str, Any]:
    """Which cluster was asked for, of all options that were given."""
    return {key: given[key] for key in ("kubeconfig", "context", "namespace")}


def read(file: str, given: Mapping[str, Any], *, homeward: bool = False) -> Document:
    """`read_or_refuse` with the options of `document_options`, `cluster_options` and output."""
    return read_or_refuse(
        file,
        name=given["name"],
        router=given["router"],
        allow_no_checks=given["allow_no_checks"] or homeward,
        output=given["output"],
        metrics_server=given.get("metrics_server"),
        lookup=cluster_lookup(**where(given)),
        warn=not homeward,
        homeward=homeward,
    )
