"""The made-up cluster on which a release is played, as short as it can be.

Floor 5, pure. Used by `needs.py` and its neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from attrs import evolve

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._kube.marks import MADE_FROM, REVISION
from progressive._kube.rivals import AUTOSCALERS
from progressive._model.release import Document, Managed, ServiceSpec
from progressive._model.traffic import Target
from progressive._release.preview.rehearsal import MakeRouter

Manifest = dict[str, Any]


def managed_of(document: Document) -> Managed:
    assert document.managed is not None, "without one, standing_in makes one up"
    return document.managed


def simplified(document: Document) -> Document:
    """The same release with a service that every mesh can make a route for, and with rounds."""
    managed, plan = managed_of(document), document.plan
    service = ServiceSpec(name=managed.service.name, port=managed.service.port)
    plan = evolve(
        plan, skip_analysis=False, allow_no_checks=True, weights=plan.weights or (plan.total,)
    )
    return evolve(document, managed=evolve(managed, service=service), plan=plan)


def standing_in(document: Document) -> Document:
    """The same release with a managed workload, made up where it has none."""
    service = ServiceSpec(name=document.target.service, port=document.target.port or 80)
    name = document.target.service
    return simplified(evolve(document, managed=Managed(name=name, service=service)))


def made_up_target(document: Document, target: Target) -> Manifest:
    managed = managed_of(document)
    labels = {"app": "made-up"}
    return {
        "apiVersion": managed.api_version,
        "kind": managed.kind,
        "metadata": {"name": managed.name, "namespace": target.namespace},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "made-up", "image": "made-up"}]},
            },
        },
    }


def made_up_worlds(make: MakeRouter | None, target: Target) -> Sequence[list[Manifest]]:
    """What a router does not make itself, as short as it can be; a managed release's first."""
    made_up = getattr(make(MemoryCluster()), "made_up", None) if make is not None else None
    return made_up(target) if callable(made_up) else ([],)


def made_up_service(name: str, target: Target) -> Manifest:
    """A Service of a release, as short as it can be."""
    port = {"name": "http", "port": target.port or 80}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": target.namespace},
        "spec": {"selector": {"app": name}, "ports": [port]},
    }


def made_up_autoscaler(kind: str, name: str, managed: Managed, target: Target) -> Manifest:
    api_version = next(version for version, one in AUTOSCALERS if one == kind)
    scaled = {"apiVersion": managed.api_version, "kind": managed.kind, "name": managed.primary}
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": target.namespace},
        "spec": {"scaleTargetRef": scaled},
    }


def half_done(manifest: Mapping[str, Any], document: Document) -> Manifest:
    """The primary made from an older template, every service pointing somewhere else."""
    changed = deepcopy(dict(manifest))
    managed = managed_of(document)
    if (changed["kind"], changed["metadata"]["name"]) == (managed.kind, managed.primary):
        marks = changed["metadata"].setdefault("annotations", {})
        marks.pop(REVISION, None)
        marks[MADE_FROM] = "0"
    if changed["kind"] == "Service":
        changed["spec"]["selector"] = {"app": "another"}
    return changed
