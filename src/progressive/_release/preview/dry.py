"""Tries a run without running it: `progressive run --dry-run`.

Floor 5. Everything up to the first write, then the writes of the start one by one as a dry run of
the API server, so that admission, schema and quota speak. Nothing is stored: no Lease, no journal.
What only exists after an earlier write cannot be tried by a server that stores none, and is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from attrs import evolve, frozen

from progressive._adapters.cluster.address import parse
from progressive._adapters.cluster.inmemory.record import Write
from progressive._adapters.cluster.memory import MemoryCluster
from progressive._analysis.machine import CanaryAnalysis
from progressive._kube.paths import PLURALS
from progressive._kube.rights import Right, rules_of
from progressive._log import log
from progressive._model.record import Outcome
from progressive._model.release import Document
from progressive._model.traffic import Target
from progressive._release.beginning import Beginning, Course, begin, unfinished
from progressive._release.preview.rehearsal import router_of
from progressive._release.rights.permission import lacking_rights, missing_words
from progressive.errors import AdapterError, ClusterError, ErrorKind, ProgressiveError
from progressive.ports import Cluster


@runtime_checkable
class Rehearsing(Protocol):
    """A cluster that can also check writes without storing them."""

    def rehearsal(self) -> Cluster:
        """The same cluster, where nothing is stored."""


class Answer(StrEnum):
    """What came of a write that was tried."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_TRIED = "not tried"


@frozen(kw_only=True)
class Tried:
    """
    One write of the start.

    Attributes:
        verb: ``create``, ``patch``, ``update`` or ``delete``.
        kind, api_version, namespace, name: The object.
        answer: What the server said.
        message: Its words, or why it was not asked.
    """

    verb: str
    kind: str
    api_version: str
    namespace: str
    name: str
    answer: Answer
    message: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As `-o json` prints it."""
        return {
            "verb": self.verb,
            "ref": {
                "apiVersion": self.api_version,
                "kind": self.kind,
                "namespace": self.namespace,
                "name": self.name,
            },
            "answer": str(self.answer),
            "message": self.message,
        }


@frozen(kw_only=True)
class DryRun:
    """
    What came of a dry run.

    Attributes:
        target: ``namespace/service``.
        outcome: ``rejected``, ``busy`` or ``unreachable``; None: a run would begin.
        course: What the run would be.
        message: Why, in words.
        missing: Rights that the user lacks.
        writes: The writes of the start, in order.
    """

    target: str
    outcome: Outcome | None = None
    course: Course = Course.NOTHING
    message: str = ""
    missing: tuple[Right, ...] = ()
    writes: tuple[Tried, ...] = ()

    @property
    def exit_code(self) -> int:
        """Exit status of the command."""
        return 0 if self.outcome is None else self.outcome.exit_code

    def to_dict(self) -> dict[str, Any]:
        """As `-o json` prints it."""
        return {
            "dry_run": True,
            "target": self.target,
            "outcome": None if self.outcome is None else str(self.outcome),
            "exit_code": self.exit_code,
            "would": str(self.course),
            "message": self.message,
            "missing": rules_of(self.missing),
            "writes": [one.to_dict() for one in self.writes],
        }


def dry_run(
    document: Document, target: Target, cluster: Cluster, images: Mapping[str, str]
) -> DryRun:
    """
    Try the start of a run; nothing is stored.

    Args:
        images: As by `progressive run --image`; set on the copy alone.
    """
    told = DryRun(target=str(target))
    try:
        return _tried(told, document, target, cluster, images)
    except AdapterError as error:
        outcome = Outcome.UNREACHABLE if error.transient else Outcome.REJECTED
        return evolve(told, outcome=outcome, message=str(error))
    except ProgressiveError as error:
        return evolve(told, outcome=Outcome.REJECTED, message=str(error))


def _tried(
    told: DryRun, document: Document, target: Target, cluster: Cluster, images: Mapping[str, str]
) -> DryRun:
    if (holder := cluster.lock().holder(target)) is not None:
        return evolve(told, outcome=Outcome.BUSY, message=f"{target} is held by {holder}")
    if (run := unfinished(cluster, target)) is not None:
        return evolve(told, course=Course.GO_ON, message=_going_on(run, document, target, cluster))
    lacking = _lacking(document, target, cluster, images)
    if lacking:
        words = missing_words(lacking, cluster)
        return evolve(told, outcome=Outcome.REJECTED, message=words, missing=lacking)
    if document.managed is None:
        words = "there is no workload to manage, so the first write is the first shift"
        return evolve(told, course=Course.RELEASE, message=words)
    began = begin(document, target, cluster, images)
    told = evolve(told, course=began.course)
    if began.refused is not None:
        return evolve(told, outcome=Outcome.REJECTED, message=str(began.refused))
    # a run that has nothing to do takes the Lease all the same
    writes = (*_of_driver(cluster, target), *_of_start(began))
    tried = tuple(_asked(cluster, writes))
    refused = [one for one in tried if one.answer is Answer.REFUSED]
    if refused:
        words = f"the API server refuses {len(refused)} of {len(tried)} writes"
        return evolve(told, outcome=Outcome.REJECTED, message=words, writes=tried)
    words = "" if began.rehearsal.router is not None else _unknown_router(document)
    return evolve(told, message=words, writes=tried)


def _lacking(
    document: Document, target: Target, cluster: Cluster, images: Mapping[str, str]
) -> tuple[Right, ...]:
    try:
        return lacking_rights(document, target, cluster, images)
    except AdapterError as error:
        # a review refuses nothing by being away; the writes below speak for themselves
        log.warning("%s it is not known whether all rights are there: %s", target, error)
        return ()


def _going_on(run: CanaryAnalysis, document: Document, target: Target, cluster: Cluster) -> str:
    weight = f"{run.report.final.weight} of {run.report.total}"
    if (make := router_of(document)) is not None:
        # the journal says what was about to be done, the route what is
        with suppress(AdapterError):
            seen = make(cluster).current(target)
            weight = f"{seen.canary} of {seen.total}"
    if run.done:
        return (
            f"run {run.run} ended {run.report.outcome} with {weight} on the canary; a run would "
            "repair that first, and what it then writes depends on how that ends"
        )
    return (
        f"run {run.run} is not finished and has {weight} on the canary; a run would go on with "
        "it, or end it first if the target is another revision by now"
    )


def _unknown_router(document: Document) -> str:
    return f"what the router {document.router} writes was not tried: it may act elsewhere"


# which writes


def _of_driver(cluster: Cluster, target: Target) -> tuple[Write, ...]:
    """The first writes of all: the Lease, and the journal."""
    copy = MemoryCluster(base=cluster, namespace=cluster.namespace, patient=False)
    # a Lease that a dead driver holds is watched first, for which a copy has no time
    with suppress(AdapterError):
        copy.lock().acquire(target, "dry-run", lambda _: None).close()
    store = copy.store()
    saved = store.load(target)
    store.save(target, "{}", None if saved is None else saved.version)
    first: dict[str, Write] = {}
    for one in copy.log:
        first.setdefault(_object_path(one), one)
    return tuple(first.values())


def _of_start(began: Beginning) -> tuple[Write, ...]:
    return began.rehearsal.writes()


def _object_path(write: Write) -> str:
    if write.verb != "create":
        return parse(write.path).path
    return f"{write.path}/{write.body['metadata']['name']}"


# the question


def _asked(cluster: Cluster, writes: Iterable[Write]) -> Iterator[Tried]:
    made: set[str] = set()
    patched: dict[str, list[dict[str, Any]]] = {}
    for one in writes:
        path = _object_path(one)
        if path in made:
            words = "the object exists only after an earlier write, and none was stored"
            yield _told(one, path, Answer.NOT_TRIED, words)
            continue
        if one.verb == "create":
            made.add(path)
        if isinstance(one.body, list):
            # the server stored no earlier patch of this object, so they go together
            before = patched.setdefault(path, [])
            later = one.body if not before else [op for op in one.body if not _tests_version(op)]
            before += later
            one = evolve(one, body=list(before))
        yield _try(cluster, one, path)


def _tests_version(operation: Mapping[str, Any]) -> bool:
    """Whether it holds only after an earlier write, which was not stored."""
    versions = ("/metadata/resourceVersion", "/metadata/generation")
    return operation.get("op") == "test" and operation.get("path") in versions


def _try(cluster: Cluster, write: Write, path: str) -> Tried:
    if not isinstance(cluster, Rehearsing):
        return _told(write, path, Answer.NOT_TRIED, "this cluster cannot try a write")
    try:
        _send(cluster.rehearsal(), write)
    except ClusterError as error:
        if error.kind is ErrorKind.UNAVAILABLE:
            raise
        if error.kind is ErrorKind.CONFLICT and write.verb != "create":
            words = f"it was changed meanwhile; try again ({error})"
            return _told(write, path, Answer.NOT_TRIED, words)
        if "does not support dry run" in str(error):
            return _told(write, path, Answer.NOT_TRIED, str(error))
        return _told(write, path, Answer.REFUSED, str(error))
    return _told(write, path, Answer.ACCEPTED, "")


def _send(cluster: Cluster, write: Write) -> None:
    match write.verb:
        case "create":
            cluster.create(write.path, write.body)
        case "update":
            cluster.replace(write.path, write.body)
        case "delete":
            cluster.delete(write.path)
        case _ if isinstance(write.body, list):
            cluster.json_patch(write.path, write.body)
        case _:
            cluster.merge_patch(write.path, write.body)


def _told(write: Write, path: str, answer: Answer, message: str) -> Tried:
    at = parse(path)
    kinds = {plural: kind for kind, plural in PLURALS.items()}
    return Tried(
        verb=write.verb,
        kind=str(write.body["kind"])
        if write.verb == "create"
        else kinds.get(at.plural, at.plural),
        api_version=at.api_version,
        namespace=at.namespace or "",
        name=at.name or "",
        answer=answer,
        message=message,
    )
