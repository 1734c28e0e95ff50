"""Keeps the analysed template, so that it can be promoted whatever the target has become.

Floor 4. In ControllerRevisions that the primary owns, as Kubernetes keeps the history of a
StatefulSet: never in the journal, for a template may hold secrets, and who may read Deployments
is not who may read ConfigMaps. `_kube/workload/revision.py` says how they look.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from progressive._adapters.workload.objects import Document, create_or_read, find
from progressive._kube.marks import MANAGED_BY, MANAGER, owner_reference
from progressive._kube.paths import object_path
from progressive._kube.workload.primary import rollout_settings
from progressive._kube.workload.revision import (
    KEPT,
    revision_of,
    stored_for,
    stored_name,
    stored_revision,
    template_of,
)
from progressive.ports import Cluster


def keep(cluster: Cluster, target: Document, primary: Document) -> None:
    """Store the target's present template, and remove all but the newest; repeatable."""
    namespace = target["metadata"]["namespace"]
    listed = cluster.get(_path(namespace), query={"labelSelector": f"{MANAGED_BY}={MANAGER}"}).get(
        "items"
    )
    kept = stored_for(listed or (), primary)
    name = stored_name(target["metadata"]["name"], revision_of(target))
    if any(one["metadata"]["name"] == name for one in kept):
        return
    wanted = stored_revision(
        target,
        data=kept_of(target),
        number=1 + max((int(one.get("revision", 0)) for one in kept), default=0),
        owner=owner_reference({"apiVersion": "apps/v1", "kind": "Deployment", **primary}),
    )
    found, made = create_or_read(cluster, wanted)
    if not made and not stored_for([found], primary):
        # left by a primary that was deleted: it goes with that one, perhaps in a moment
        cluster.delete(_path(namespace, name))
        create_or_read(cluster, wanted)
    for old in kept[KEPT - 1 :]:
        cluster.delete(_path(namespace, old["metadata"]["name"]))


def kept_of(target: Document) -> dict[str, Any]:
    """What is kept of a target: its template, and how it wants to be rolled out."""
    return {"template": target["spec"]["template"], "rollout": rollout_settings(target)}


def recall(
    cluster: Cluster, namespace: str, target: str, revision: str
) -> Mapping[str, Any] | None:
    """What was kept of that revision (see `kept_of`); None when it is not there any more."""
    found = find(cluster, _path(namespace, stored_name(target, revision)))
    return None if found is None else template_of(found, revision)


def forget(cluster: Cluster, primary: Document) -> None:
    """Remove every template that was kept for this primary."""
    namespace = primary["metadata"]["namespace"]
    listed = cluster.get(_path(namespace), query={"labelSelector": f"{MANAGED_BY}={MANAGER}"})
    for one in stored_for(listed.get("items") or (), primary):
        cluster.delete(_path(namespace, one["metadata"]["name"]))


def _path(namespace: str, name: str | None = None) -> str:
    return object_path("apps/v1", "ControllerRevision", namespace=namespace, name=name)
