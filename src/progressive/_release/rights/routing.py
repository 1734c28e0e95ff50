"""Which rights `progressive route` needs for a document: it is played on a made-up cluster.

Floor 5. As `needs.py` does for a whole release: a read, a write and a reset are carried out, and
what they ask for is written down. Asked by `progressive rbac` for a Release of traffic alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from attrs import evolve

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._kube.rights import Right
from progressive._model.release import ServiceSpec, Traffic
from progressive._model.traffic import Target
from progressive._release.preview.rehearsal import Copy, MakeRouter, ready_slice, router_of
from progressive._release.rights.made_up import made_up_service, made_up_worlds
from progressive._release.route.live import Manner, route_live
from progressive._release.route.order import Order
from progressive.errors import AdapterError

_NOT_ROUTES = frozenset({"configmaps", "leases", "services", "endpointslices", "deployments"})

WHY: Mapping[str, str] = {
    "configmaps": "whether a run is under way",
    "leases": "who drives it",
    "services": "both sides must exist",
    "endpointslices": "no traffic goes to a side without a ready endpoint",
    "deployments": "the owner of what is made",
    "canaries": "the owner of what is made; an API that is not installed is fine",
    "destinationrules": "whether the subset of a side is known, where sides are subsets",
}
"""Resource → why a routing write needs it; all others are the routes."""


def needs_of_route(traffic: Traffic, target: Target) -> frozenset[Right]:
    """
    What one routing write needs; empty: the router acts elsewhere, and that is not known.

    Args:
        target: The address, with its true namespace.

    Raises:
        PluginError: The document's router cannot be loaded.
    """
    make = router_of(traffic)
    if make is None:
        return frozenset()
    # where its route is and what it looks like is somebody else's decision: any will do here
    plain = evolve(target, routes=(), bounds=None)
    sides = (target.primary, target.canary)
    world: list[Mapping[str, Any]] = [
        made_up_service(one, target) for one in (target.service, *sides)
    ]
    world += [ready_slice(one, target.namespace) for one in sides]
    asked: set[Right] = set()
    for beside in made_up_worlds(make, plain):
        stands = MemoryCluster([*world, *beside], namespace=target.namespace)
        asked |= _played(evolve(traffic, target=plain, namespace=target.namespace), make, stands)
    # after a conflict, or an answer that was lost, an object is read by its name
    written = {one for one in asked if one.verb in ("patch", "delete")}
    asked |= {evolve(one, verb="get") for one in written}
    makes = {one.resource for one in asked if one.verb == "create"}
    return frozenset(each for one in asked for each in _named(one, target, makes))


def _played(traffic: Traffic, make: MakeRouter, stands: MemoryCluster) -> set[Right]:
    establish = getattr(make(stands), "establish", None)
    if callable(establish):
        with suppress(AdapterError):
            service = ServiceSpec(name=traffic.target.service, port=traffic.target.port or 80)
            establish(traffic.target, service, None)
    copy = Copy(base=stands, namespace=traffic.target.namespace, patient=False)
    # all as well, for some know nothing in between
    weights = (1, traffic.wanted.total, 0)
    orders = (Order(read=True), *(Order(weight=one) for one in weights), Order(reset=True))
    for order in orders:
        with suppress(AdapterError):
            route_live(traffic, copy, order, Manner())
    return {one for one in copy.asked() if not one.group.startswith("auth")}


def _named(right: Right, target: Target, makes: set[str]) -> list[Right]:
    """The right on the routing objects that the document names or may find."""
    if right.resource in _NOT_ROUTES or not right.name:
        return [right]
    if right.resource in makes or not target.routes:
        return [evolve(right, name="")]
    return [
        evolve(right, name=one.name, namespace=one.namespace or target.namespace)
        for one in target.routes
    ]
