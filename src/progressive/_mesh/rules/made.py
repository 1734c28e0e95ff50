"""What every routing object that a release makes is like: its metadata, and what it cannot carry.

Floor 3, pure. Used by the modules that make objects; the router adds the owner and creates them.
"""

from __future__ import annotations

from typing import Any

from progressive._mesh.codec import ObjectKind
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Target
from progressive.errors import Unsupported


def made(
    kind: ObjectKind, target: Target, service: ServiceSpec, spec: dict[str, Any]
) -> dict[str, Any]:
    """An object named after the apex, with the labels and annotations of the document."""
    apex = service.metadata.get("apex") or {}
    metadata: dict[str, Any] = {
        "name": target.service,
        "namespace": target.namespace,
        "labels": {**apex.get("labels", {}), "app.kubernetes.io/managed-by": "progressive"},
    }
    if apex.get("annotations"):
        metadata["annotations"] = dict(apex["annotations"])
    return {
        "apiVersion": kind.api_version(kind.versions[0]),
        "kind": kind.kind,
        "metadata": metadata,
        "spec": spec,
    }


def refuse_tcp(target: Target, service: ServiceSpec, kind: ObjectKind) -> None:
    """
    Do nothing when the service speaks HTTP.

    Raises:
        Unsupported: It speaks plain TCP.
    """
    if (service.app_protocol or "").lower() == "tcp":
        raise Unsupported(
            f"{target}: a route for plain TCP is not made yet; make the {kind.kind} yourself"
        )


def refuse_fields(target: Target, service: ServiceSpec, kind: ObjectKind, *known: str) -> None:
    """
    Do nothing when the object can carry all that the document says of the route.

    Args:
        known: Fields of `spec.service` that it can carry.

    Raises:
        Unsupported: There is more: nothing is left out in silence.
    """
    others = sorted(key for key, one in service.routing.items() if one and key not in known)
    if others:
        raise Unsupported(
            f"{target}: a {kind.kind} that is made cannot carry {', '.join(others)} of "
            f"spec.service; make the {kind.kind} yourself, with {target.primary} and "
            f"{target.canary}, or leave them out"
        )
