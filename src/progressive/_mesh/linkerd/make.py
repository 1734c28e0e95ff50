"""The route that a managed release starts with, and what would take its requests.

Floor 3, pure. Asked by `codec.py`; the router adds the owner and creates it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from progressive._mesh.access import inner, sequence
from progressive._mesh.codec import Manifest, ResourceRef, namespace_of, ref_of
from progressive._mesh.gateway_api.claims import takes_all
from progressive._mesh.gateway_api.kinds import GRPC_ROUTE
from progressive._mesh.gateway_api.make import http_route
from progressive._mesh.linkerd.layouts import MeshRouteLayout
from progressive._mesh.linkerd.parents import service_parents
from progressive._mesh.rules.find import Finder
from progressive._mesh.rules.layout import Rule
from progressive._mesh.smi.layout import splits_apex
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Target
from progressive.errors import Unsupported

_PLAIN = frozenset({"name", "matches", "backendRefs"})

_CARRIED = frozenset({"match", "headers"})
"""Fields of a document's `spec.service` that Linkerd follows in a route; time limits it reads from
annotations alone, and a rewrite or a mirror would freeze the route."""


def mesh_route(target: Target, service: ServiceSpec) -> dict[str, Any]:
    """
    An HTTPRoute, for gRPC a GRPCRoute, whose parent is the apex.

    Raises:
        Unsupported: The service has no cluster IP or speaks plain TCP, or the document asks for
            what Linkerd would not follow in such a route.
    """
    if service.headless:
        raise Unsupported(f"{target}: Linkerd follows no route of a headless service")
    asked = [key for key, value in service.routing.items() if value and key not in _CARRIED]
    asked += [key for key in ("hosts", "gateways") if getattr(service, key)]
    grpc = (service.app_protocol or "").lower() == "grpc"
    if grpc and service.routing.get("match"):
        asked.append("match")
    if asked:
        raise Unsupported(
            f"{target}: Linkerd would not follow {', '.join(sorted(asked))} in the route that is "
            "made; leave it out, or make the route yourself"
        )
    made = http_route(target, service)
    if grpc:
        made["kind"] = GRPC_ROUTE.kind
        made["apiVersion"] = GRPC_ROUTE.api_version(GRPC_ROUTE.versions[0])
        # it has no paths; without matches it takes every method
        del made["spec"]["rules"][0]["matches"]
    return made


def rivals(
    finder: Finder, objects: Sequence[Manifest], manifest: Manifest, target: Target
) -> Iterator[ResourceRef]:
    """
    The objects that take the requests of a new route from it.

    A kind that comes before its own, an older route for every request, and a TrafficSplit of the
    apex, whose ServiceProfile overrides all routes.
    """
    own = finder.layout_of(manifest)
    rank = own.rank if isinstance(own, MeshRouteLayout) else 0
    for other in finder.routing(objects):
        layout, ref = finder.layout_of(other), ref_of(other, target)
        if ref == ref_of(manifest, target):
            continue
        if not isinstance(layout, MeshRouteLayout):
            if splits_apex(other, target):
                yield ref
            continue
        same = namespace_of(other, target) == namespace_of(manifest, target)
        parents = service_parents(manifest, target)
        if not same or not any(
            one.overlaps(mine) for one in service_parents(other, target) for mine in parents
        ):
            continue
        everything = any(takes_all(rule.body) for rule in layout.rules(other, target))
        if layout.rank > rank or (layout.rank == rank and everything):
            yield ref


def is_plain(finder: Finder, manifest: Manifest, target: Target) -> bool:
    """
    Whether a route only shares the apex, for every request, among the two sides.

    Filters, timeouts and further parents would be lost with it, and so would the refusal of
    requests that no rule matches.
    """
    apex = (target.namespace, target.service)
    listed = sequence(inner(manifest, "spec", "parentRefs"))
    parents = service_parents(manifest, target)
    if len(parents) != len(listed) or inner(manifest, "spec", "hostnames"):
        return False
    rules = [one for one in finder.rules_of(manifest, target) if not one.managed]
    return (
        all((one.namespace, one.name) == apex for one in parents)
        and len(rules) == 1
        and _shares(rules[0])
    )


def _shares(rule: Rule) -> bool:
    plain = set(rule.body) <= _PLAIN and takes_all(rule.body)
    return plain and all(
        one.side is not None and not one.body.get("filters") for one in rule.destinations
    )
