"""Whether a route may name services of another namespace: ReferenceGrants.

Floor 3, pure. Asked by `codec.py` before the canary gets weight: a backend without a grant keeps
its share and answers 500. Judged only where grants can be seen; with none among the objects it
is not known whether they could be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from progressive._mesh.access import inner, mapping, sequence
from progressive._mesh.codec import Manifest, namespace_of, ref_of
from progressive._mesh.gateway_api.kinds import REFERENCE_GRANT
from progressive._model.traffic import Side, Target
from progressive.errors import PreflightFailed


def require_granted(
    objects: Sequence[Manifest], routes: Sequence[Manifest], target: Target
) -> None:
    """
    Do nothing when each route may name the services of both sides.

    Raises:
        PreflightFailed: Grants are there, and none of them lets a route name one of the two.
    """
    grants = [
        one
        for one in objects
        if REFERENCE_GRANT.holds(one) and namespace_of(one, target) == target.namespace
    ]
    for route in routes:
        namespace = namespace_of(route, target)
        if namespace == target.namespace or not grants:
            continue
        for side in Side:
            service = target.on(side)
            if not any(_permits(one, route, namespace, service) for one in grants):
                kind = route.get("kind")
                raise PreflightFailed(
                    f"{ref_of(route, target)} may not name service {target.namespace}/{service} "
                    f"({side}): no ReferenceGrant of namespace {target.namespace} lets {kind}s of "
                    f"namespace {namespace} do so, and its share would be answered with 500; add "
                    f"one with from: [{{group: {REFERENCE_GRANT.group}, kind: {kind}, namespace: "
                    f"{namespace}}}] and to: [{{group: '', kind: Service, name: {service}}}]"
                )


def _permits(grant: Manifest, route: Manifest, namespace: str, service: str) -> bool:
    origin = (str(route.get("apiVersion", "")).rpartition("/")[0], route.get("kind"), namespace)
    return any(
        (one.get("group"), one.get("kind"), one.get("namespace")) == origin
        for one in _entries(grant, "from")
    ) and any(
        (one.get("group"), one.get("kind")) == ("", "Service")
        # without a name it is meant for all of them
        and one.get("name") in (None, "", service)
        for one in _entries(grant, "to")
    )


def _entries(grant: Manifest, key: str) -> list[Mapping[str, Any]]:
    return [mapping(one) for one in sequence(inner(grant, "spec", key))]
