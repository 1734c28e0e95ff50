"""The VirtualService that a managed release starts with, as Flagger makes it.

Floor 3, pure. Asked by `codec.py`; the router adds the owner and creates it.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from progressive._mesh.istio.layout import VIRTUAL_SERVICE
from progressive._mesh.istio.subsets import name_of
from progressive._mesh.rules.made import made, refuse_tcp
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Side, Target
from progressive.errors import Unsupported

_COPIED = ("match", "rewrite", "timeout", "retries", "corsPolicy", "headers")
"""Fields of a document's `spec.service` that have the same shape in an http rule."""


def virtual_service(target: Target, service: ServiceSpec) -> dict[str, Any]:
    """
    All traffic to the primary, the canary beside it with weight 0.

    The apex is added to the hosts unless it is there or ``*`` is; no gateways: the mesh only.

    Raises:
        Unsupported: The service speaks plain TCP, or the sides are subsets.
    """
    refuse_tcp(target, service, VIRTUAL_SERVICE)
    if target.subsets is not None:
        raise Unsupported(f"{target}: a route of subset style is not made; make it yourself")
    hosts = list(service.hosts)
    if "*" not in hosts and service.name not in hosts:
        hosts.append(service.name)
    rule: dict[str, Any] = {
        key: deepcopy(service.routing[key]) for key in _COPIED if service.routing.get(key)
    }
    rule["route"] = [
        _destination(target, service, Side.PRIMARY, 100),
        _destination(target, service, Side.CANARY, 0),
    ]
    spec = {"hosts": hosts, "gateways": list(service.gateways) or ["mesh"], "http": [rule]}
    return made(VIRTUAL_SERVICE, target, service, spec)


def subset_route(target: Target) -> dict[str, Any]:
    """
    A VirtualService of subset style as short as it can be; the canary has weight.

    Raises:
        Unsupported: The sides are services.
    """
    host = target.service
    route = [
        {"destination": {"host": host, "subset": name_of(side, target)}, "weight": weight}
        for side, weight in ((Side.PRIMARY, 90), (Side.CANARY, 10))
    ]
    service = ServiceSpec(name=host, port=target.port or 80)
    spec = {"hosts": [host], "http": [{"route": route}]}
    return made(VIRTUAL_SERVICE, target, service, spec)


def _destination(target: Target, service: ServiceSpec, side: Side, weight: int) -> dict[str, Any]:
    # the port is always named: without it a service that gets a second port loses its route
    port = target.port or service.port
    return {
        "destination": {"host": target.on(side), "port": {"number": port}},
        "weight": weight,
    }
