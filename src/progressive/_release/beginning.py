"""What a run would do first on the cluster as it stands: everything up to its first shift.

Floor 5. The real adapters act on a copy (`rehearsal.py`); the cluster is read and never written.
Asked by `permission.py` and `dry.py`; `plan.py` tells the same with the path of each fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum

from attrs import frozen

from progressive._analysis.machine import CanaryAnalysis
from progressive._model.release import Document
from progressive._model.traffic import Target
from progressive._release.preview.rehearsal import Rehearsal, router_of
from progressive.errors import AdapterError, ErrorKind, ProgressiveError, SpecError, StoreError
from progressive.ports import Cluster


class Course(StrEnum):
    """What a run would be."""

    FIRST_DEPLOY = "first deploy"
    RELEASE = "release"
    NOTHING = "nothing"
    GO_ON = "go on"


@frozen(kw_only=True)
class Beginning:
    """
    The start of a run, rehearsed.

    Attributes:
        course: What it would be.
        rehearsal: What was read and written on the copy.
        refused: Why it cannot be; None: it can.
    """

    course: Course
    rehearsal: Rehearsal
    refused: ProgressiveError | None = None


def begin(
    document: Document, target: Target, cluster: Cluster, images: Mapping[str, str]
) -> Beginning:
    """
    Rehearse the start of a run.

    Args:
        images: Set on the target first, as by `progressive run --image`.

    Raises:
        AdapterError: The cluster cannot be asked (kind ``unavailable``).
    """
    rehearsal = Rehearsal(document, target, cluster, router_of(document))
    course = Course.NOTHING
    try:
        if images:
            rehearsal.workload.set_images(target, images)
        course, acts = _acts(document, target, rehearsal)
        for act in acts:
            act()
    except (AdapterError, SpecError) as error:
        if isinstance(error, AdapterError) and error.kind is ErrorKind.UNAVAILABLE:
            raise
        return Beginning(course=course, rehearsal=rehearsal, refused=error)
    return Beginning(course=course, rehearsal=rehearsal)


def _acts(
    document: Document, target: Target, rehearsal: Rehearsal
) -> tuple[Course, Iterator[Callable[[], object]]]:
    situation = rehearsal.workload.situation(target)
    if document.plan.suspended or situation.promoted == situation.revision:
        return Course.NOTHING, iter(())
    if situation.promoted is None:
        return Course.FIRST_DEPLOY, (act for _, act in rehearsal.first_deploy())
    return Course.RELEASE, (act for _, act in rehearsal.start())


def unfinished(cluster: Cluster, target: Target) -> CanaryAnalysis | None:
    """
    The run that a driver left, or that left its traffic away from home; None: there is none.

    Raises:
        StoreError: The journal cannot be read; one that is forbidden to us has no run for us.
        ProgressiveError: It is damaged.
    """
    try:
        saved = cluster.store().load(target)
    except StoreError as error:
        if error.kind is ErrorKind.FORBIDDEN:
            return None
        raise
    if saved is None:
        return None
    run = CanaryAnalysis.from_json(saved.text)
    return run if not run.done or not run.report.split_restored else None
