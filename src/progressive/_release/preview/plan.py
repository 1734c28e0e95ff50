"""What a release would do, before it does: the answer of `progressive plan`.

Floor 5. The document's part comes from `_documents/`, the cluster's part from a rehearsal of the
real adapters on a copy (`rehearsal.py`). Nothing is written. Values that may be secrets are not in
it, only how long they are: `_kube/shown.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from attrs import evolve

from progressive._adapters.cluster.address import parse
from progressive._adapters.cluster.inmemory.record import Write
from progressive._adapters.workload.objects import refusals
from progressive._adapters.workload.others import owner, refuse_autoscaler
from progressive._documents.findings import Findings, Rule
from progressive._documents.flagger.differences import differs_from_flagger
from progressive._documents.reading import Reading
from progressive._kube.paths import object_path
from progressive._kube.shown import shown, shown_patch
from progressive._kube.workload.primary import selector_of
from progressive._model.release import Document, Problem, Severity
from progressive._model.traffic import Target
from progressive._release.preview.rehearsal import MakeRouter, Rehearsal, rbac, router_of
from progressive.errors import (
    AdapterError,
    ClusterError,
    ErrorKind,
    ForeignController,
    PluginError,
    VersionNotServed,
)
from progressive.ports import Cluster

Answer = dict[str, Any]


def refusal(problems: Iterable[Problem]) -> Answer:
    """The answer for a document that is not valid."""
    return {"valid": False, "problems": [_problem(one) for one in problems]}


def plan(reading: Reading, cluster: Cluster, *, make_router: MakeRouter | None = None) -> Answer:
    """
    The whole answer, with the keys that `progressive plan -o json` promises.

    Args:
        cluster: Read, never written; a `MemoryCluster` for an offline plan.
        make_router: Makes the router for a cluster; None: the registered one of the document.

    Raises:
        ClusterError: The cluster cannot be asked (kind ``unavailable``).
    """
    document = reading.document
    if document is None:
        return refusal(reading.problems)
    target = document.target
    if document.namespace is None:
        target = evolve(target, namespace=cluster.namespace)
    findings = Findings()
    answer = _of_document(document)
    if document.managed is not None:
        try:
            make_router = make_router or router_of(document)
            rehearsal = Rehearsal(document, target, cluster, make_router)
        except PluginError as error:
            findings.error("spec.provider", str(error), Rule.CLUSTER)
        else:
            answer.update(_of_cluster(document, target, rehearsal, findings))
    known = _still_true(reading.problems, answer.pop("route_stands", False))
    problems = (*findings.problems, *known)
    if findings.failed:
        return refusal(problems)
    return {"valid": True, "problems": [_problem(one) for one in problems], **answer}


def _of_document(document: Document) -> Answer:
    plan = document.plan
    weights = () if plan.skip_analysis else plan.weights
    return {
        "strategy": "canary",
        "weights": list(weights),
        "rounds": len(weights),
        "expected_duration_s": plan.expected_duration.total_seconds(),
        "creates": [],
        "patches": [],
        "rbac": [],
        "differs_from_flagger": list(differs_from_flagger(document)),
    }


def _of_cluster(
    document: Document, target: Target, rehearsal: Rehearsal, findings: Findings
) -> Answer:
    if not _target_is_sound(document, target, rehearsal, findings):
        return {}
    situation = rehearsal.workload.situation(target)
    for words in rehearsal.workload.warnings(target, drain=document.plan.drain_time):
        findings.warn("spec.targetRef", words, Rule.TARGET)
    stands = _route_stands(rehearsal, target)
    if rehearsal.router is None:
        words = f"what the router {document.router} writes, and its rights, are not shown here"
        findings.warn("spec.provider", words, Rule.CLUSTER)
    if situation.promoted is None:
        acts = rehearsal.first_deploy()
    elif situation.promoted != situation.revision:
        acts = rehearsal.start()
    else:
        acts = iter(())
    suspended = document.plan.suspended
    for path, act in () if suspended else acts:
        if not _did(act, path, findings):
            return {}
    writes = rehearsal.writes()
    rehearsal.rest()
    if stands:
        _warn_of_route(document, findings)
    return {
        "creates": [shown(one.body) for one in writes if one.verb == "create"],
        "patches": [_patch(one, rehearsal) for one in writes if one.verb in ("patch", "update")],
        "rbac": rbac(rehearsal.rights()),
        "route_stands": stands,
    }


def _target_is_sound(
    document: Document, target: Target, rehearsal: Rehearsal, findings: Findings
) -> bool:
    """Look at the target from every side, so that all its faults are told at once."""
    managed, copy, path = document.managed, rehearsal.copy, "spec.targetRef"
    if managed is None:
        return False
    at = object_path(
        managed.api_version, managed.kind, namespace=target.namespace, name=managed.name
    )
    try:
        deployment = copy.get(at)
    except ClusterError as error:
        if error.kind is ErrorKind.NOT_FOUND:
            words = f"{managed.kind} {target.namespace}/{managed.name} does not exist"
            findings.error(path, words, Rule.NOT_FOUND)
            return False
        return _told(error, path, findings)

    def select() -> None:
        with refusals():
            selector_of(deployment)

    looks: tuple[Callable[[], object], ...] = (
        select,
        lambda: refuse_autoscaler(copy, deployment),
        lambda: owner(copy, deployment),
    )
    sound = [_did(look, path, findings, also=True) for look in looks]
    return all(sound) and _did(lambda: rehearsal.workload.situation(target), path, findings)


def _did(act: Callable[[], object], path: str, findings: Findings, *, also: bool = False) -> bool:
    """Whether an act went well; else its fault has been told."""
    try:
        act()
    except AdapterError as error:
        return _told(error, path, findings, also=also)
    return True


def _told(error: AdapterError, path: str, findings: Findings, *, also: bool = False) -> bool:
    """Turn what the cluster said into a problem; what may go away by itself is raised."""
    if error.kind is ErrorKind.UNAVAILABLE:
        raise error
    rule = Rule.CLUSTER
    if isinstance(error, ForeignController):
        rule = Rule.OWNED
    elif isinstance(error, VersionNotServed):
        path = "spec.provider"
    elif error.kind is ErrorKind.FORBIDDEN:
        rule = Rule.RIGHTS
    findings.error(path, str(error), rule, also=also)
    return False


def _route_stands(rehearsal: Rehearsal, target: Target) -> bool:
    if rehearsal.router is None:
        return False
    try:
        rehearsal.router.current(target)
    except AdapterError as error:
        if error.kind is ErrorKind.UNAVAILABLE:
            raise
        return False
    return True


def _warn_of_route(document: Document, findings: Findings) -> None:
    service = document.managed.service if document.managed is not None else None
    if service is None:
        return
    asked = {"hosts": service.hosts, "gateways": service.gateways, **service.routing}
    given = [name for name, value in asked.items() if value]
    if given:
        words = (
            f"the route exists already, so {', '.join(given)} from this document do not reach it: "
            "only weights change"
        )
        findings.warn("spec.service", words)


def _still_true(problems: Iterable[Problem], route_stands: bool) -> list[Problem]:
    """Without what was said about a route that would be made, if there is one already."""
    return [one for one in problems if not (route_stands and one.id == Rule.MESH_ONLY.value)]


def _patch(write: Write, rehearsal: Rehearsal) -> Answer:
    at = parse(write.path)
    kind = str(rehearsal.copy.get(at.path).get("kind", at.plural))
    return {
        "ref": {
            "apiVersion": at.api_version,
            "kind": kind,
            "namespace": at.namespace,
            "name": at.name,
        },
        "patch": shown_patch(write.body, kind=kind),
    }


def _problem(problem: Problem) -> Answer:
    told: Answer = {
        "id": problem.id,
        "severity": Severity(problem.severity).value,
        "path": problem.path,
        "message": problem.message,
    }
    return told if problem.document is None else {**told, "document": problem.document}
