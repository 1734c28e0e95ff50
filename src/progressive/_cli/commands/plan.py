"""`progressive plan`: what a release would do, before it does.

Floor 5. The answer is made in `_release/preview/plan.py`; here it is asked for and shown.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from progressive._cli.console import print_json
from progressive._cli.options import (
    cluster_options,
    document_options,
    loaded_release,
    objects_of,
    output_option,
)
from progressive._model.release import Problem, Severity

if TYPE_CHECKING:
    from progressive._documents.files import Loaded
    from progressive._documents.reading import Reading
    from progressive.ports import Cluster

_NOT_VALID = 6
_UNREACHABLE = 9


@click.command()
@click.argument("release", type=click.Path(dir_okay=False, allow_dash=True))
@click.option(
    "--objects",
    type=click.Path(dir_okay=False),
    help="YAML documents that are the cluster; without it the real one is read.",
)
@click.option("--metrics-server", help="Metrics server, where the document names none.")
@document_options
@cluster_options
@output_option
def plan(
    release: str,
    objects: str | None,
    metrics_server: str | None,
    name: str | None,
    router: str | None,
    allow_no_checks: bool,
    kubeconfig: str | None,
    context: str | None,
    namespace: str | None,
    output: str,
) -> None:
    """Say what RELEASE would do: weights, duration, what is made and changed, and needed rights.

    Nothing is written. The exit status is 6 when the release is not valid, 9 when the cluster
    cannot be reached.
    """
    from progressive._release.preview.plan import refusal
    from progressive.errors import AdapterError

    loaded = loaded_release(release)
    if loaded.problems:
        _show(refusal(loaded.problems), None, loaded, release, output)
        sys.exit(_NOT_VALID)
    options: dict[str, Any] = {
        "name": name,
        "router": router,
        "allow_no_checks": allow_no_checks,
        "metrics_server": metrics_server,
    }
    try:
        cluster = _cluster(objects, kubeconfig=kubeconfig, context=context, namespace=namespace)
        reading, answer = _answer(loaded, cluster, **options)
    except AdapterError as error:
        if faults := _faults_of_the_document(loaded, **options):
            _show(refusal(faults), None, loaded, release, output)
            sys.exit(_NOT_VALID)
        words = f"cannot look at the cluster: {error}"
        if output == "json":
            print_json({"error": {"type": type(error).__name__, "message": words}})
        click.echo(f"{release}: {words}", err=True)
        sys.exit(_UNREACHABLE)
    _show(answer, reading, loaded, release, output)
    if not answer["valid"]:
        sys.exit(_NOT_VALID)


def _answer(loaded: Loaded, cluster: Cluster, **options: Any) -> tuple[Reading, dict[str, Any]]:
    from progressive._documents.reading import read_documents
    from progressive._release.known import cluster_lookup, router_names
    from progressive._release.preview.plan import plan as make_plan

    reading = read_documents(
        loaded.documents,
        lookup=cluster_lookup(cluster),
        namespace=cluster.namespace,
        routers=router_names(),
        **options,
    )
    return reading, make_plan(reading, cluster)


def _faults_of_the_document(loaded: Loaded, **options: Any) -> list[Problem]:
    """What is wrong whatever the cluster holds, for a cluster that cannot be asked."""
    from progressive._documents.findings import Rule
    from progressive._documents.reading import read_documents
    from progressive._release.known import router_names

    reading = read_documents(loaded.documents, routers=router_names(), **options)
    return [
        one
        for one in reading.problems
        if one.severity is Severity.ERROR and one.id != Rule.NOT_FOUND.value
    ]


def _cluster(
    objects: str | None, *, kubeconfig: str | None, context: str | None, namespace: str | None
) -> Cluster:
    if objects is None:
        from progressive.clusters import KubernetesCluster

        return KubernetesCluster.from_environment(
            kubeconfig=kubeconfig, context=context, namespace=namespace
        )
    from progressive._adapters.cluster.memory import MemoryCluster

    held = objects_of(objects)
    if held.faults:
        raise click.BadParameter("\n".join(held.faults), param_hint="--objects")
    return MemoryCluster(held.objects, namespace=namespace or "default")


def _show(
    answer: Mapping[str, Any],
    reading: Reading | None,
    loaded: Loaded,
    file: str,
    output: str,
) -> None:
    if output == "json":
        print_json(answer)
        return
    from progressive._cli.plan_text import plan_text

    click.echo(plan_text(answer, reading=reading, loaded=loaded, file=file))
