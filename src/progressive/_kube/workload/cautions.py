"""Says what a user should know about a Deployment before it is released.

Floor 3, pure. Warnings alone: nothing here stops a release.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from progressive._kube.marks import Manifest, named
from progressive._kube.workload.primary import Selector

_DEFAULT_GRACE = 30
"""`terminationGracePeriodSeconds` where a pod names none (Kubernetes)."""


def cautions(
    target: Manifest, *, selector: Selector, drain: timedelta | None = None
) -> tuple[str, ...]:
    """
    What is strange about a target, a sentence each.

    Args:
        drain: How long requests in flight are given before the canary is scaled down; None: not
            known, so nothing is said about it.
    """
    return tuple(_cautions(target, selector, drain))


def configs_of(template: Mapping[str, Any]) -> tuple[str, ...]:
    """The ConfigMaps and Secrets that such pods read, as ``configmap/NAME``, sorted."""
    spec = template.get("spec") or {}
    found = set(_of_volumes(spec.get("volumes") or ()))
    for part in ("initContainers", "containers"):
        for container in spec.get(part) or ():
            found.update(_of_container(container))
    return tuple(sorted(found))


def _cautions(target: Manifest, selector: Selector, drain: timedelta | None) -> Iterator[str]:
    spec = target["spec"]["template"].get("spec") or {}
    who = named("Deployment", target)
    grace = spec.get("terminationGracePeriodSeconds", _DEFAULT_GRACE)
    if drain is not None and grace < drain.total_seconds():
        yield (
            f"{who} gives its pods {grace} s to end, less than the {drain.total_seconds():g} s of "
            "the drain: streams that are open longer are cut "
            "(terminationGracePeriodSeconds of the pods)"
        )
    if configs := configs_of(target["spec"]["template"]):
        yield (
            f"{who} reads {', '.join(configs)}: both sides read the same, and a change in them "
            "alone is not noticed as a new version yet"
        )
    if target["spec"].get("paused"):
        yield f"the rollout of {who} is paused: its new version will not come up"
    if target["spec"].get("strategy", {}).get("type") == "Recreate":
        yield (
            f"{who} has the strategy Recreate, and so has its primary: at promotion the primary "
            "is down for a moment, while the canary serves alone"
        )
    if _follows_itself(spec, selector):
        yield (
            f"{who} must run near its own pods (podAffinity on {selector.label}="
            f"{selector.value}); this is not rewritten for the primary, which therefore needs "
            "pods of the target to be scheduled at all"
        )


def _follows_itself(spec: Mapping[str, Any], selector: Selector) -> bool:
    near = (spec.get("affinity") or {}).get("podAffinity") or {}
    return any(
        ((term.get("labelSelector") or {}).get("matchLabels") or {}).get(selector.label)
        == selector.value
        for term in near.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
    )


def _of_volumes(volumes: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for volume in volumes:
        if name := (volume.get("configMap") or {}).get("name"):
            yield f"configmap/{name}"
        if name := (volume.get("secret") or {}).get("secretName"):
            yield f"secret/{name}"
        for source in (volume.get("projected") or {}).get("sources") or ():
            yield from _references(source, "configMap", "secret")


def _of_container(container: Mapping[str, Any]) -> Iterator[str]:
    for variable in container.get("env") or ():
        yield from _references(variable.get("valueFrom") or {}, "configMapKeyRef", "secretKeyRef")
    for source in container.get("envFrom") or ():
        yield from _references(source, "configMapRef", "secretRef")


def _references(source: Mapping[str, Any], config_map: str, secret: str) -> Iterator[str]:
    if name := (source.get(config_map) or {}).get("name"):
        yield f"configmap/{name}"
    if name := (source.get(secret) or {}).get("name"):
        yield f"secret/{name}"
