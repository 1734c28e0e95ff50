"""Recognises who else moves a Deployment: its autoscalers, and Flagger.

Floor 3, pure. The workload adapter lists the objects, and refuses with the words of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from progressive._kube.marks import Manifest, metadata

AUTOSCALERS = (
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("keda.sh/v1alpha1", "ScaledObject"),
)
"""Kinds that write the replicas of a Deployment."""

CANARIES = ("flagger.app/v1beta1", "Canary")


def scaling(listed: Iterable[Manifest], target: Manifest) -> Manifest | None:
    """The first autoscaler that writes the replicas of this target."""
    return next((one for one in listed if _names(one, "scaleTargetRef", target)), None)


def driving(listed: Iterable[Manifest], target: Manifest) -> tuple[Manifest, ...]:
    """The Canaries of Flagger whose target this is."""
    return tuple(one for one in listed if _names(one, "targetRef", target))


def is_suspended(canary: Manifest) -> bool:
    """Whether Flagger leaves this Canary alone."""
    return bool((canary.get("spec") or {}).get("suspend"))


def _names(one: Manifest, key: str, target: Manifest) -> bool:
    """A reference without a kind means a Deployment (KEDA's default); versions do not count."""
    told = (one.get("spec") or {}).get(key)
    if not isinstance(told, Mapping) or told.get("name") != metadata(target)["name"]:
        return False
    group = _group(told.get("apiVersion") or target["apiVersion"])
    return (told.get("kind") or "Deployment", group) == (
        target["kind"],
        _group(target["apiVersion"]),
    )


def _group(api_version: Any) -> str:
    return str(api_version).partition("/")[0]
