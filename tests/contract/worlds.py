"""A release in the objects of every built-in router, for the contract of routers.

The same objects go into a cluster in memory and into a real API server.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from attrs import frozen
from tests.unit.mesh import app_mesh, gateway_api, linkerd_objects, manifests, plain
from tests.unit.mesh.proxies.worlds import PROXIES

from progressive._model.traffic import Match, Target, TextMatch

SIDES = ("web-primary", "web-canary")

MATCHED = Match(headers={"x-release": TextMatch(exact="next")})

Objects = list[dict[str, Any]]


@frozen(kw_only=True)
class World:
    """
    A route of one router.

    Attributes:
        router: Its registered name.
        made: The routing objects, given the weights of primary, canary and a third destination
            (None: it is not there).
        definitions: Files of `tests/realparts/manifests/crds`; what every API server serves, or
            the tests' own always does, needs none.
        third: Whether the route can hold a third destination.
        grain: As in the contract.
        matched: As in the contract.
        mirrored: As in the contract.
        lacks: As in the contract.
        served: Whether it goes to the real API server as well: a share of pods needs pods, and
            one shape for each kind of object is enough there.
    """

    router: str
    made: Callable[[Any, Any, Any], Objects]
    definitions: tuple[str, ...] = ()
    third: bool = True
    grain: float = 0.0
    matched: Match = MATCHED
    mirrored: float = 10.0
    lacks: frozenset[str] = frozenset()
    served: bool = True


def _istio(primary: Any, canary: Any, third: Any) -> Objects:
    rule = manifests.both(primary, canary, name="main", timeout="15s")
    if third is not None:
        rule["route"].append(manifests.destination("audit", third))
    asked = {"headers": {"x-qa": {"exact": "1"}}}
    qa = {"name": "qa", "match": [asked], "route": [manifests.destination("audit")]}
    return [manifests.route(qa, rule)]


def _gateway_api(primary: Any, canary: Any, third: Any) -> Objects:
    others = [] if third is None else [gateway_api.backend("audit", third)]
    shared = gateway_api.rule(primary, canary, *others, timeouts={"request": "15s"})
    path = {"path": {"type": "PathPrefix", "value": "/static"}}
    return [
        gateway_api.route(
            {"matches": [path], "backendRefs": [gateway_api.backend("files")]}, shared
        )
    ]


def _linkerd(primary: Any, canary: Any, third: Any) -> Objects:
    shared = linkerd_objects.shared(primary, canary)
    if third is not None:
        shared["backendRefs"].append(linkerd_objects.backend("audit", third))
    return [linkerd_objects.mesh_route(shared)]


def _smi(primary: Any, canary: Any, third: Any) -> Objects:
    backends = [("web-canary", canary), ("web-primary", primary)]
    if third is not None:
        backends.append(("audit", third))
    return [linkerd_objects.traffic_split(*backends)]


def _app_mesh(primary: Any, canary: Any, third: Any) -> Objects:
    others = [] if third is None else [app_mesh.node("audit", third)]
    other = app_mesh.http(
        "static",
        5,
        match={"prefix": "/static"},
        action={"weightedTargets": [app_mesh.node("files", 1)]},
    )
    route = app_mesh.http(**app_mesh.both(primary, canary, *others))
    return [app_mesh.service(), app_mesh.router(other, route)]


def _replicas(primary: Any, canary: Any, third: Any) -> Objects:
    return plain.pods(primary, canary)


def _nginx(primary: Any, canary: Any, third: Any) -> Objects:
    return [plain.main()]


def _proxy(name: str, *definitions: str, **more: Any) -> World:
    router = name.partition("-")[0]
    return World(router=router, made=PROXIES[name].made, definitions=definitions, **more)


_NOT_SEEN = frozenset({"match", "mirror", "sticky"})
"""A rule for plain TCP sees no requests."""

WORLDS = {
    "istio": World(router="istio", made=_istio),
    "gateway-api": World(router="gateway-api", made=_gateway_api, definitions=("gateway-api",)),
    "linkerd": World(
        router="linkerd", made=_linkerd, definitions=("gateway-api", "linkerd", "smi-linkerd")
    ),
    "smi": World(router="smi", made=_smi, definitions=("smi-linkerd",)),
    "app-mesh": World(router="app-mesh", made=_app_mesh, definitions=("app-mesh",)),
    "kubernetes": World(
        router="kubernetes", made=_replicas, third=False, grain=0.01, served=False
    ),
    "nginx": World(router="nginx", made=_nginx, third=False),
    "contour": _proxy("contour", "contour"),
    "contour-tcp": _proxy("contour-tcp", "contour", lacks=_NOT_SEEN, served=False),
    "traefik": _proxy("traefik", "traefik", lacks=frozenset({"mirror"})),
    "traefik-mirroring": _proxy("traefik-mirroring", "traefik"),
    "traefik-ingress-route": _proxy(
        "traefik-ingress-route", "traefik", lacks=frozenset({"mirror", "sticky"})
    ),
    "traefik-tcp": _proxy("traefik-tcp", "traefik", lacks=_NOT_SEEN, served=False),
    "kuma": _proxy("kuma", "kuma"),
    "kuma-tags": _proxy("kuma-tags", "kuma", served=False),
    "kuma-names": _proxy("kuma-names", "kuma", served=False),
    "kuma-tcp": _proxy("kuma-tcp", "kuma", lacks=_NOT_SEEN, served=False),
    "gloo": _proxy("gloo", "gloo"),
    "skipper": _proxy("skipper", lacks=frozenset({"match"})),
    "skipper-route-group": _proxy("skipper-route-group", "skipper"),
    "skipper-default-backends": _proxy(
        "skipper-default-backends", "skipper", lacks=frozenset({"match"}), served=False
    ),
    "apisix": _proxy("apisix", "apisix"),
    "knative": _proxy("knative", "knative"),
}


def objects_of(world: World, namespace: str, *weights: Any) -> Objects:
    """
    The routing objects of a release, and its services with ready endpoints.

    Where the endpoints themselves are the split there are none: a file's replicas stand for them.
    """
    made = world.made(*weights)
    known = {(one["kind"], one["metadata"]["name"]) for one in made}
    for name in SIDES:
        if ("Service", name) not in known:
            made.append(manifests.service(name, 80))
        if world.router != "kubernetes":
            made.append(manifests.endpoints(name, True))
    found = json.loads(json.dumps(made).replace('"shop"', json.dumps(namespace)))
    for one in found:
        one["metadata"]["namespace"] = namespace
    return list(found)


def target_in(namespace: str) -> Target:
    """The release of those objects."""
    return Target(
        namespace=namespace, service="web", primary="web-primary", canary="web-canary", port=80
    )


def beside(objects: Sequence[Mapping[str, Any]], known: Sequence[str]) -> dict[str, Any]:
    """
    The objects of some names without what belongs to the sides of the release.

    Entries that name a side are left out, with their weights; so what is left must stay.

    Args:
        known: ``Kind/name`` of the objects that were there at first; ours are not looked at.
    """
    found = {}
    for one in objects:
        name = f"{one['kind']}/{one['metadata']['name']}"
        if name in known and one["kind"] != "EndpointSlice":
            # another served version says the same
            left_out = ("apiVersion", "metadata", "status")
            body = {key: value for key, value in one.items() if key not in left_out}
            if one["kind"] == "Deployment":
                body["spec"] = {**body["spec"], "replicas": None}
            meta = one["metadata"]
            kept = {key: meta.get(key) or {} for key in ("labels", "annotations")}
            found[name] = _without_sides(deepcopy({**body, **kept}))
    return found


def names_of(objects: Sequence[Mapping[str, Any]]) -> list[str]:
    """``Kind/name`` of objects."""
    return [f"{one['kind']}/{one['metadata']['name']}" for one in objects]


def _without_sides(value: Any) -> Any:
    if isinstance(value, Mapping):
        kept = {
            key: _without_sides(one)
            for key, one in value.items()
            if not str(key).startswith("progressive.dev/") and not _names_side(one)
        }
        return {key: one for key, one in kept.items() if one not in ({}, [])}
    if isinstance(value, list):
        return [_without_sides(one) for one in value if not _names_side(one)]
    return value


def _names_side(value: Any) -> bool:
    """Whether a text, or something of an entry that is no list, names a side."""
    if isinstance(value, str):
        return any(side in value for side in SIDES)
    if not isinstance(value, Mapping):
        return False
    # Knative's canary is whatever is newest
    return "latestRevision" in value or any(_names_side(one) for one in value.values())
