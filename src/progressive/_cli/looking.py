"""How the commands that look back find runs, and how they refuse.

Floor 5. Reads only.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click
from attrs import frozen

from progressive._cli.console import log_lines, print_json
from progressive._cli.options import cluster_lookup, read_or_refuse
from progressive._model.record import Outcome
from progressive._model.report import Final
from progressive._model.traffic import Target
from progressive._release.connect import Connection
from progressive._release.past.history import Recorded, runs_in, runs_of
from progressive._release.past.record import as_it_is
from progressive.errors import ProgressiveError


@frozen(kw_only=True)
class Looking:
    """
    Where somebody wants to look; the fields are the options of these names.

    Attributes:
        everywhere: In all namespaces.
    """

    kubeconfig: str | None
    context: str | None
    namespace: str | None
    output: str
    everywhere: bool = False
    file: str | None = None
    service: str | None = None
    name: str | None = None
    router: str | None = None


@frozen(kw_only=True)
class Found:
    """
    What was found.

    Attributes:
        records: The runs, newest first.
        where: The place in words.
        connection: The release of a file, and its cluster; None: there was no file.
    """

    records: Sequence[Recorded]
    where: str
    connection: Connection | None = None

    def split_of(self, record: Recorded) -> Final | None:
        """How the route stands now, where that is known and the run may have left it split."""
        report = record.report
        over = report.outcome is not None and report.split_restored
        if self.connection is None or not record.present or record.analysis is None or over:
            return None
        seen = as_it_is(self.connection, report)
        return None if seen is report else seen.final


@contextmanager
def looked_at(looking: Looking) -> Iterator[Found]:
    """
    The runs of a file, of a service, of a namespace, or of all of them.

    Raises:
        ProgressiveError: The cluster cannot be reached, or does not allow it.
    """
    from progressive.clusters import KubernetesCluster

    if looking.everywhere and (looking.file is not None or looking.namespace is not None):
        raise click.UsageError("--all-namespaces goes with neither a file nor --namespace")
    if looking.file is not None:
        connection = _connected(looking, looking.file)
        target = connection.target
        yield Found(
            records=runs_of(connection.cluster, target), where=str(target), connection=connection
        )
        return
    cluster = KubernetesCluster.from_environment(
        kubeconfig=looking.kubeconfig, context=looking.context, namespace=looking.namespace
    )
    namespace = None if looking.everywhere else cluster.namespace
    if looking.service is not None and namespace is not None:
        name = looking.service
        target = Target(namespace=namespace, service=name, primary=name, canary=f"{name}-canary")
        yield Found(records=runs_of(cluster, target), where=str(target))
        return
    records = runs_in(cluster, namespace)
    if looking.service is not None:
        records = tuple(one for one in records if one.target.endswith(f"/{looking.service}"))
    where = "all namespaces" if namespace is None else f"namespace {namespace}"
    yield Found(records=records, where=where)


def _connected(looking: Looking, file: str) -> Connection:
    document = read_or_refuse(
        file,
        name=looking.name,
        router=looking.router,
        allow_no_checks=True,
        output=looking.output,
        lookup=cluster_lookup(looking.kubeconfig, looking.context, looking.namespace),
        warn=False,
    )
    return Connection.unmeasured(
        document,
        kubeconfig=looking.kubeconfig,
        context=looking.context,
        namespace=looking.namespace,
    )


@contextmanager
def refusals(output: str) -> Iterator[None]:
    """What cannot be looked at ends the program: status 9 for an outage, else 6; in words."""
    with log_lines():
        try:
            yield
        except ProgressiveError as error:
            transient = getattr(error, "transient", False)
            outcome = Outcome.UNREACHABLE if transient else Outcome.REJECTED
            if output == "json":
                told = {"type": type(error).__name__, "message": str(error)}
                print_json({"error": told})
            click.echo(f"error: {error}", err=True)
            sys.exit(outcome.exit_code)


def say_unreadable(records: Sequence[Recorded], chosen: Recorded) -> None:
    """Say on standard error which journals of the same place could not be read."""
    for one in records:
        if one.analysis is None and one is not chosen:
            name = f"run {one.run}" if one.run else "the present run"
            click.echo(f"{one.target}: warning: {name}: {one.problem}", err=True)
