"""Where objects live in the Kubernetes API.

Floor 3, pure. Only the kinds that this project touches are known; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PLURALS = {
    "ConfigMap": "configmaps",
    "Secret": "secrets",
    "Service": "services",
    "Pod": "pods",
    "Namespace": "namespaces",
    "Event": "events",
    "Deployment": "deployments",
    "ReplicaSet": "replicasets",
    "ControllerRevision": "controllerrevisions",
    "Lease": "leases",
    "EndpointSlice": "endpointslices",
    "HorizontalPodAutoscaler": "horizontalpodautoscalers",
    "ScaledObject": "scaledobjects",
    "Canary": "canaries",
    "MetricTemplate": "metrictemplates",
    "AlertProvider": "alertproviders",
    "VirtualService": "virtualservices",
    "DestinationRule": "destinationrules",
    "SelfSubjectAccessReview": "selfsubjectaccessreviews",
    "SelfSubjectRulesReview": "selfsubjectrulesreviews",
    "SelfSubjectReview": "selfsubjectreviews",
}
"""Kind to plural; a kind that is missing here is not touched."""

CLUSTER_WIDE = frozenset(
    {"Namespace", "SelfSubjectAccessReview", "SelfSubjectRulesReview", "SelfSubjectReview"}
)
"""Kinds without a namespace."""


def root(api_version: str) -> str:
    """``/api/v1``, or ``/apis/GROUP/VERSION``."""
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def object_path(
    api_version: str, kind: str, *, namespace: str | None = None, name: str | None = None
) -> str:
    """
    The path of an object, or of its collection when `name` is None.

    Without `namespace` it is the collection over all namespaces (or a cluster-wide kind).

    Raises:
        KeyError: `kind` is not in `PLURALS`.
    """
    place = "" if namespace is None or kind in CLUSTER_WIDE else f"/namespaces/{namespace}"
    return f"{root(api_version)}{place}/{PLURALS[kind]}" + (f"/{name}" if name else "")


def path_of(manifest: Mapping[str, Any], *, namespace: str = "default") -> str:
    """The path of this object; `namespace` counts where the object names none."""
    meta = manifest["metadata"]
    return object_path(
        manifest["apiVersion"],
        manifest["kind"],
        namespace=meta.get("namespace", namespace),
        name=meta["name"],
    )
