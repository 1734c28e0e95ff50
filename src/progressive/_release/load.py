"""Loads a release from its file: `progressive.load()`.

Floor 5. Reading touches only the file; the cluster is looked for when the release is run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from attrs import evolve, frozen

from progressive._documents.files import Loaded, load_file
from progressive._documents.reading import Reading, read_documents
from progressive._documents.sources import Lookup
from progressive._model.plan import Plan
from progressive._model.release import Document, Problem, Severity
from progressive._model.report import Report
from progressive._model.traffic import Target
from progressive._release.known import router_names
from progressive.errors import ProgressiveError, SpecError
from progressive.ports import Notifier, Observer


def read_file(
    file: str | Path,
    *,
    name: str | None = None,
    router: str | None = None,
    allow_no_checks: bool = False,
    metrics_server: str | None = None,
    lookup: Lookup | None = None,
) -> Reading:
    """
    The release of a file, or everything that is wrong with it.

    Args:
        lookup: Finds in the cluster what the file refers to and does not hold; None: nothing.
    """
    return read_loaded(
        load_file(file),
        name=name,
        router=router,
        allow_no_checks=allow_no_checks,
        metrics_server=metrics_server,
        lookup=lookup,
    )


def read_loaded(
    loaded: Loaded,
    *,
    name: str | None = None,
    router: str | None = None,
    allow_no_checks: bool = False,
    metrics_server: str | None = None,
    lookup: Lookup | None = None,
    homeward: bool = False,
) -> Reading:
    """`read_file`, for who keeps what was loaded to tell the lines of its problems."""
    if any(problem.severity is Severity.ERROR for problem in loaded.problems):
        return Reading(document=None, problems=loaded.problems)
    reading = read_documents(
        loaded.documents,
        name=name,
        router=router,
        allow_no_checks=allow_no_checks,
        metrics_server=metrics_server,
        lookup=lookup,
        routers=router_names(),
        homeward=homeward,
    )
    return evolve(reading, problems=(*loaded.problems, *reading.problems))


@frozen
class Release:
    """
    One release of a file, valid and ready to run.

    Attributes:
        document: All that the file says.
    """

    document: Document

    @property
    def name(self) -> str:
        """`metadata.name`."""
        return self.document.name

    @property
    def plan(self) -> Plan:
        """The policy."""
        return self.document.plan

    @property
    def target(self) -> Target:
        """The address."""
        return self.document.target

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is strange in the document, though it can be run."""
        return self.document.problems

    def run(
        self,
        *,
        images: Mapping[str, str] | None = None,
        resume: bool = False,
        timeout: timedelta | None = None,
        kubeconfig: str | None = None,
        context: str | None = None,
        observers: Sequence[Observer] = (),
        notifiers: Sequence[Notifier] = (),
    ) -> Report:
        """
        Release, on the cluster of the environment, found as kubectl finds it.

        Args:
            images: Container name → image; set on the target once it is ours.
            resume: Go on with an unfinished run, and start none.
            timeout: For the whole run; None: every part of it is bounded anyway.
            kubeconfig, context: Where the cluster is, as kubectl's options of these names.

        Returns:
            A report for every outcome.
        """
        from progressive._release.connect import Connection, rejected

        wanted, target = images or {}, self.target
        try:
            connection = Connection.to(self.document, kubeconfig=kubeconfig, context=context)
            target = connection.target
            connection.require_rights(images=wanted, resume=resume)
        except ProgressiveError as error:
            return rejected(error, target)
        runner = connection.runner(observers=observers, notifiers=notifiers)
        return connection.release(runner, images=wanted, resume=resume, timeout=timeout)


def load(file: str | Path, *, name: str | None = None, router: str | None = None) -> Release:
    """
    Read a release from a file; only the file is read.

    Args:
        name: Which release of a file that holds several.
        router: A registered name that wins over the document's provider.

    Raises:
        SpecError: The document is not valid; its path is that of the first fault, and
            ``others`` names the rest.
    """
    reading = read_file(file, name=name, router=router)
    if reading.document is not None:
        return Release(reading.document)
    errors = [one for one in reading.problems if one.severity is Severity.ERROR]
    first, *rest = errors
    raise SpecError(first.path, first.message, tuple(str(one) for one in rest))
