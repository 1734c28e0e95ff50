"""The `scale` subresource of workloads.

Floor 4, but pure; asked by the memory cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any


def scale_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The Scale object of a workload."""
    meta = manifest["metadata"]
    selector = (manifest.get("spec", {}).get("selector") or {}).get("matchLabels") or {}
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: meta[key] for key in kept if key in meta},
        "spec": {"replicas": manifest.get("spec", {}).get("replicas", 1)},
        "status": {
            "replicas": (manifest.get("status") or {}).get("replicas", 0),
            "selector": ",".join(f"{key}={value}" for key, value in sorted(selector.items())),
        },
    }


def scaled(manifest: Mapping[str, Any], scale: Mapping[str, Any]) -> dict[str, Any]:
    """The workload with the replicas and the resource version that the Scale names."""
    new = deepcopy(dict(manifest))
    new.setdefault("spec", {})["replicas"] = (scale.get("spec") or {}).get("replicas", 0)
    version = (scale.get("metadata") or {}).get("resourceVersion")
    if version is not None:
        new["metadata"]["resourceVersion"] = version
    return new
