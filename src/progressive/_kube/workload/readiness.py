"""Decides from a Deployment's status whether it can take traffic.

Floor 3, pure. Asked by the workload adapter for each change that a watch shows.

Flagger's rules (reference: its `IsPrimaryReady` and `IsCanaryReady`), with three corrections: a
side that is scaled to zero is never ready, percentages are rounded up and not down, and at least
one replica must be available whatever the percentage.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from progressive._kube.marks import Manifest, metadata
from progressive._kube.shown import secrets_of
from progressive._model.events import Readiness
from progressive._redaction import redacted
from progressive.ports import Asked


def readiness(deployment: Manifest, *, percent: int) -> Asked:
    """
    How a Deployment stands.

    Args:
        percent: Share of its replicas that must be available, 0 to 100.

    Returns:
        ``stuck`` only where Kubernetes itself has given up, by the Deployment's own
        ``progressDeadlineSeconds``. It never does for pods that were only scaled up (their
        template was rolled out at zero replicas before), so a deadline of the caller is needed
        beside it.
    """
    spec, status = deployment["spec"], deployment.get("status") or {}
    name = metadata(deployment)["name"]
    generation = metadata(deployment).get("generation", 0)
    if status.get("observedGeneration", 0) < generation:
        return _waiting(f"{name}: the Deployment controller has not seen its last change yet")
    wanted = int(spec.get("replicas", 1))
    if wanted == 0:
        return _waiting(f"{name}: scaled to 0 replicas")
    progress = _condition(status, "Progressing")
    if progress.get("reason") == "ProgressDeadlineExceeded":
        words = progress.get("message") or "its progress deadline has passed"
        return Asked(
            readiness=Readiness.STUCK, message=f"{name}: {words} ({_counts(spec, status)})"
        )
    paused = "; its rollout is paused" if spec.get("paused") else ""
    updated = int(status.get("updatedReplicas", 0))
    if updated < wanted:
        why = f"{paused}{_why(deployment)}"
        return _waiting(f"{name}: {updated} of {wanted} replicas are of the new template{why}")
    pods = int(status.get("replicas", 0))
    if pods > updated:
        old = f"{pods - updated} of {pods} pods are still of the old template"
        return _waiting(f"{name}: {old}{paused}")
    available = int(status.get("availableReplicas", 0))
    if available < 1 or available * 100 < wanted * percent:
        share = "" if percent == 100 else f", {percent} % are enough"
        words = f"{name}: {available} of {wanted} replicas are available{share}{_why(deployment)}"
        return _waiting(words)
    return Asked(
        readiness=Readiness.READY,
        message=f"{name}: {available} of {wanted} replicas are available",
    )


def lost(deployment: Manifest) -> str | None:
    """
    Why a Deployment serves nobody, in words with numbers; None: it has a ready pod.

    Empty where nothing is lost: it is scaled to zero, or the Deployment controller has not seen
    it yet. Pods count as the endpoints of a service do: ready, for however short a time
    (``minReadySeconds`` is for promotions).
    """
    wanted = int(deployment["spec"].get("replicas", 1))
    status = deployment.get("status") or {}
    if wanted == 0 or not status.get("observedGeneration"):
        return ""
    if int(status.get("readyReplicas") or 0) > 0:
        return None
    name = metadata(deployment)["name"]
    return f"{name}: 0 of {wanted} replicas are ready{_why(status)}"


def _waiting(message: str) -> Asked:
    return Asked(readiness=Readiness.WAITING, message=message)


def _counts(spec: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    return (
        f"{status.get('availableReplicas', 0)} of {spec.get('replicas', 1)} replicas are available"
    )


def _why(deployment: Manifest) -> str:
    """A ReplicaSet that cannot make pods (a quota, an admission) says why here alone."""
    failure = _condition(deployment.get("status") or {}, "ReplicaFailure")
    # an admission may quote the pod, with its variables
    words = redacted(str(failure.get("message") or ""), secrets_of(deployment))
    return f" ({words})" if words else ""


def _condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    for one in status.get("conditions") or ():
        if one.get("type") == kind:
            found: Mapping[str, Any] = one
            return found
    return {}
