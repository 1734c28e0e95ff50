"""Looks for others who move the target, and for the owner of what a release makes.

Floor 4. Asked by the workload adapters before anything is written; `_kube/rivals.py` decides.
"""

from __future__ import annotations

from typing import Any

from progressive._adapters.workload.objects import Document, refused
from progressive._kube.marks import named, owner_reference
from progressive._kube.paths import object_path
from progressive._kube.rivals import AUTOSCALERS, CANARIES, driving, is_suspended, scaling
from progressive.errors import ClusterError, ErrorKind, ForeignController
from progressive.ports import Cluster

_ABSENT = (ErrorKind.NOT_FOUND, ErrorKind.FORBIDDEN)
"""An API server without a custom kind says so only to those who may list it."""


def refuse_autoscaler(cluster: Cluster, target: Document) -> tuple[Document, ...]:
    """
    Refuse a target whose replicas an autoscaler writes.

    Returns:
        All autoscalers of its namespace; those of the primary are among them.

    Raises:
        ClusterError: Kind ``invalid``, naming the autoscaler.
    """
    listed = autoscalers(cluster, target["metadata"].get("namespace", "default"))
    if (found := scaling(listed, target)) is not None:
        raise refused(
            f"{named(found['kind'], found)} scales {named('Deployment', target)}: autoscalers of "
            "the target are not supported yet, because a target at zero replicas and its "
            "autoscaler would work against each other; remove it for the release"
        )
    return listed


def autoscalers(cluster: Cluster, namespace: str) -> tuple[Document, ...]:
    """All autoscalers of a namespace, in one request for each kind."""
    found: list[Document] = []
    for api_version, kind in AUTOSCALERS:
        # a ScaledObject works through a HorizontalPodAutoscaler, so that list must be readable
        custom = kind == "ScaledObject"
        listed = _listed(cluster, api_version, kind, namespace, custom=custom)
        # a list in memory may leave these out of its items
        found += [{"apiVersion": api_version, "kind": kind, **one} for one in listed]
    return tuple(found)


def owner(cluster: Cluster, target: Document) -> dict[str, Any]:
    """
    With whom the objects of a release go: the target's Canary if there is one, else the target.

    Raises:
        ForeignController: A Canary drives this target and is not suspended.
    """
    api_version, kind = CANARIES
    namespace = target["metadata"].get("namespace", "default")
    canaries = driving(_listed(cluster, api_version, kind, namespace, custom=True), target)
    for canary in canaries:
        if not is_suspended(canary):
            meta = canary["metadata"]
            raise ForeignController(
                f"{named(kind, canary)} drives {named('Deployment', target)}, and a Flagger may "
                f"be running; suspend it first: kubectl -n {meta.get('namespace', 'default')} "
                f'patch canary {meta["name"]} --type merge -p \'{{"spec":{{"suspend":true}}}}\''
            )
    if not canaries:
        return owner_reference({"apiVersion": "apps/v1", "kind": "Deployment", **target})
    first = min(canaries, key=lambda one: str(one["metadata"]["name"]))
    return owner_reference({"apiVersion": api_version, "kind": kind, **first})


def _listed(
    cluster: Cluster, api_version: str, kind: str, namespace: str, *, custom: bool
) -> list[Document]:
    try:
        listed = cluster.get(object_path(api_version, kind, namespace=namespace))
    except ClusterError as error:
        if custom and error.kind in _ABSENT:
            return []
        raise
    return list(listed.get("items") or ())
