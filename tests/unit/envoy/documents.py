"""Route documents for the tests of the plain Envoy router."""

from __future__ import annotations

import json
from typing import Any

from progressive._model.traffic import RouteRef, Target

KIND = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
TARGET = Target(namespace="shop", service="web", primary="web-v1", canary="web-v2")


def naming(*refs: RouteRef) -> Target:
    """The target of these tests, with named rules."""
    return Target(namespace="shop", service="web", primary="web-v1", canary="web-v2", routes=refs)


def route(weights: dict[str, object], name: str = "main") -> dict[str, Any]:
    """A route to clusters; a weight of None leaves the key out."""
    clusters = [
        {"name": cluster} if weight is None else {"name": cluster, "weight": weight}
        for cluster, weight in weights.items()
    ]
    return {
        "name": name,
        "match": {"prefix": "/"},
        "route": {"weighted_clusters": {"clusters": clusters}},
    }


def document(*routes: dict[str, Any], name: str = "shop") -> dict[str, Any]:
    """A discovery response with one configuration, all routes in one virtual host."""
    host = {"name": "all", "domains": ["*"], "routes": list(routes)}
    return {"resources": [{"@type": KIND, "name": name, "virtual_hosts": [host]}]}


def text(*routes: dict[str, Any], name: str = "shop") -> str:
    """The same as it stands in a file."""
    return json.dumps(document(*routes, name=name), indent=2) + "\n"
