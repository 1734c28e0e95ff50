"""For each proxy the objects of a release, as short as a test can say them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from attrs import frozen
from tests.unit.mesh.mutations import carried_out

from progressive._mesh.proxies.apisix import ApisixCodec
from progressive._mesh.proxies.contour import ContourCodec
from progressive._mesh.proxies.gloo import GlooCodec
from progressive._mesh.proxies.knative import KnativeCodec
from progressive._mesh.proxies.kuma import KumaCodec
from progressive._mesh.proxies.skipper import SkipperCodec
from progressive._mesh.rules.codec import RuleCodec
from progressive._mesh.traefik.codec import TraefikCodec
from progressive._model.traffic import Match, Split, Target, TextMatch
from progressive.errors import Unsupported

TARGET = Target(
    namespace="shop", service="web", primary="web-primary", canary="web-canary", port=80
)

Entry = dict[str, Any]
"""One destination of a rule."""


@frozen
class Proxy:
    """
    A kind of routing object.

    Attributes:
        codec: Its codec.
        made: The objects, given the weights of primary, canary and a third destination; None:
            the key is absent, and a third destination is not there at all.
        missing: What a destination without a weight has beside one with a weight.
        equal: Whether an object without any weight shares equally.
        definitions: The CRDs of its kinds; None: there are none of this shape.
    """

    codec: RuleCodec
    made: Callable[[Any, Any, Any], list[dict[str, Any]]]
    missing: int = 0
    equal: bool = False
    definitions: str | None = None


def thing(
    api_version: str, kind: str, spec: Any, name: str = "web", **meta: Any
) -> dict[str, Any]:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop", "resourceVersion": "7", **meta},
        "spec": spec,
    }


def entries(
    one: Callable[[str], Entry], weights: Sequence[Any], key: str = "weight"
) -> list[Entry]:
    names = ("web-primary", "web-canary", "audit")
    found = []
    for name, weight in zip(names, weights, strict=True):
        if name == "audit" and weight is None:
            continue
        found.append(one(name) if weight is None else {**one(name), key: weight})
    return found


def _named(name: str) -> Entry:
    return {"name": name, "port": 80}


def http_proxy(*weights: Any) -> list[dict[str, Any]]:
    routes = [
        {"conditions": [{"prefix": "/static"}], "services": [{"name": "files", "port": 80}]},
        {
            "conditions": [{"prefix": "/"}],
            "timeoutPolicy": {"response": "15s"},
            "services": entries(_named, weights),
        },
    ]
    spec = {"virtualhost": {"fqdn": "web.example.com"}, "routes": routes}
    return [thing("projectcontour.io/v1", "HTTPProxy", spec)]


def tcp_proxy(*weights: Any) -> list[dict[str, Any]]:
    spec = {
        "virtualhost": {"fqdn": "web.example.com", "tls": {"passthrough": True}},
        "tcpproxy": {"services": entries(_named, weights)},
    }
    return [thing("projectcontour.io/v1", "HTTPProxy", spec)]


def traefik_service(*weights: Any) -> list[dict[str, Any]]:
    spec = {"weighted": {"services": entries(_named, weights)}}
    route = {
        "match": "Host(`web.example.com`)",
        "kind": "Rule",
        "services": [{"kind": "TraefikService", "name": "web"}],
    }
    return [
        thing("traefik.io/v1alpha1", "TraefikService", spec),
        thing("traefik.io/v1alpha1", "IngressRoute", {"routes": [route]}, name="edge"),
    ]


def mirrored_service(*weights: Any) -> list[dict[str, Any]]:
    service, edge = traefik_service(*weights)
    edge["spec"]["routes"][0]["services"][0]["name"] = "copied"
    mirroring = {
        "kind": "TraefikService",
        "name": "web",
        "mirrors": [{**_named("log"), "percent": 5}],
    }
    copied = thing(
        "traefik.io/v1alpha1", "TraefikService", {"mirroring": mirroring}, name="copied"
    )
    return [service, copied, edge]


def ingress_route(*weights: Any) -> list[dict[str, Any]]:
    routes = [
        {"match": "Host(`web.example.com`)", "kind": "Rule", "services": entries(_named, weights)},
        {"match": "PathPrefix(`/x`)", "kind": "Rule", "services": [_named("x")]},
    ]
    return [
        thing("traefik.io/v1alpha1", "IngressRoute", {"entryPoints": ["web"], "routes": routes})
    ]


def ingress_route_tcp(*weights: Any) -> list[dict[str, Any]]:
    routes = [{"match": "HostSNI(`web.example.com`)", "services": entries(_named, weights)}]
    return [thing("traefik.io/v1alpha1", "IngressRouteTCP", {"routes": routes})]


def _labelled(name: str) -> Entry:
    return {"kind": "MeshService", "labels": {"kuma.io/display-name": name}, "port": 80}


def _tagged(name: str) -> Entry:
    return {"kind": "MeshService", "name": f"{name}_shop_svc_80"}


def _by_name(name: str) -> Entry:
    return {"kind": "MeshService", "name": name, "namespace": "shop", "port": 80}


def _called(entry: Entry) -> Entry:
    return {key: one for key, one in entry.items() if key != "port"}


def mesh_http_route(
    *weights: Any, one: Callable[[str], Entry] = _labelled
) -> list[dict[str, Any]]:
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "default": {
            "backendRefs": entries(one, weights),
            "filters": [
                {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x-in"]}}
            ],
        },
    }
    spec = {
        "targetRef": {"kind": "Mesh"},
        "to": [{"targetRef": _called(one("web")), "rules": [rule]}],
    }
    return [thing("kuma.io/v1alpha1", "MeshHTTPRoute", spec, labels={"kuma.io/mesh": "default"})]


def old_mesh_http_route(*weights: Any) -> list[dict[str, Any]]:
    return mesh_http_route(*weights, one=_tagged)


def named_mesh_http_route(*weights: Any) -> list[dict[str, Any]]:
    return mesh_http_route(*weights, one=_by_name)


def mesh_tcp_route(*weights: Any) -> list[dict[str, Any]]:
    rule = {"default": {"backendRefs": entries(_labelled, weights)}}
    spec = {"to": [{"targetRef": _called(_labelled("web")), "rules": [rule]}]}
    return [thing("kuma.io/v1alpha1", "MeshTCPRoute", spec)]


def _upstream(name: str) -> Entry:
    return {"destination": {"upstream": {"name": name, "namespace": "shop"}}}


def route_table(*weights: Any) -> list[dict[str, Any]]:
    route = {
        "name": "main",
        "matchers": [{"prefix": "/"}],
        "options": {"timeout": "15s"},
        "routeAction": {"multi": {"destinations": entries(_upstream, weights)}},
    }
    return [thing("gateway.solo.io/v1", "RouteTable", {"routes": [route]})]


def ingress(*weights: Any) -> list[dict[str, Any]]:
    names = ["web-primary", "web-canary", *(["audit"] if weights[2] is not None else [])]
    paths = [
        {
            "path": "/",
            "pathType": "Prefix",
            "backend": {"service": {"name": name, "port": {"number": 80}}},
        }
        for name in names
    ]
    stored = {
        name: weight
        for name, weight in zip(("web-primary", "web-canary", "audit"), weights, strict=True)
        if weight is not None
    }
    notes = {"zalando.org/skipper-predicate": 'Header("x", "y")'}
    if stored:
        notes["zalando.org/backend-weights"] = json.dumps(
            stored, sort_keys=True, separators=(",", ":")
        )
    rules = [{"host": "web.example.com", "http": {"paths": paths}}]
    return [thing("networking.k8s.io/v1", "Ingress", {"rules": rules}, annotations=notes)]


def _backend(name: str) -> Entry:
    return {"backendName": f"to-{name}"}


def route_group(*weights: Any) -> list[dict[str, Any]]:
    backends = [
        {"name": f"to-{name}", "type": "service", "serviceName": name, "servicePort": 80}
        for name in ("web-primary", "web-canary", "audit")
    ]
    spec = {
        "hosts": ["web.example.com"],
        "backends": backends,
        "routes": [{"pathSubtree": "/", "backends": entries(_backend, weights)}],
    }
    return [thing("zalando.org/v1", "RouteGroup", spec)]


def default_route_group(*weights: Any) -> list[dict[str, Any]]:
    (group,) = route_group(*weights)
    shared = group["spec"]["routes"][0].pop("backends")
    group["spec"]["defaultBackends"] = shared
    return [group]


def _service(name: str) -> Entry:
    return {"serviceName": name, "servicePort": 80}


def apisix_route(*weights: Any) -> list[dict[str, Any]]:
    rule = {
        "name": "main",
        "priority": 5,
        "match": {"hosts": ["web.example.com"], "paths": ["/*"]},
        "backends": entries(_service, weights),
    }
    spec = {"ingressClassName": "apisix", "http": [rule]}
    return [thing("apisix.apache.org/v2", "ApisixRoute", spec)]


def _revision(name: str) -> Entry:
    return (
        {"latestRevision": True, "tag": "next"} if name == "web-canary" else {"revisionName": name}
    )


def knative_service(*weights: Any) -> list[dict[str, Any]]:
    spec = {
        "template": {"spec": {"containers": [{"image": "registry.example.com/web:2"}]}},
        "traffic": entries(_revision, weights, "percent"),
    }
    service = thing("serving.knative.dev/v1", "Service", spec)
    return [{**service, "status": {"latestReadyRevisionName": "web-canary"}}]


PROXIES = {
    "contour": Proxy(ContourCodec(), http_proxy, 0, True, "contour"),
    "contour-tcp": Proxy(ContourCodec(), tcp_proxy, 0, True, "contour"),
    "traefik": Proxy(TraefikCodec(), traefik_service, 1, True, "traefik"),
    "traefik-mirroring": Proxy(TraefikCodec(), mirrored_service, 1, True, "traefik"),
    "traefik-ingress-route": Proxy(TraefikCodec(), ingress_route, 1, True, "traefik"),
    "traefik-tcp": Proxy(TraefikCodec(), ingress_route_tcp, 1, True, "traefik"),
    "kuma": Proxy(KumaCodec(), mesh_http_route, 1, True, "kuma"),
    "kuma-tags": Proxy(KumaCodec(), old_mesh_http_route, 1, True),
    "kuma-names": Proxy(KumaCodec(), named_mesh_http_route, 1, True),
    "kuma-tcp": Proxy(KumaCodec(), mesh_tcp_route, 1, True, "kuma"),
    "gloo": Proxy(GlooCodec(), route_table, 0, False, "gloo"),
    "skipper": Proxy(SkipperCodec(), ingress, 0, True),
    "skipper-route-group": Proxy(SkipperCodec(), route_group, 0, True, "skipper"),
    "skipper-default-backends": Proxy(SkipperCodec(), default_route_group, 0, True, "skipper"),
    "apisix": Proxy(ApisixCodec(), apisix_route, 100, True, "apisix"),
    "knative": Proxy(KnativeCodec(), knative_service, 0, False, "knative"),
}
"""Every kind of object of every proxy, in every shape that it has."""


def lively() -> Iterator[tuple[str, Proxy, list[dict[str, Any]]]]:
    """Each proxy with a third destination, and with all of a release that it can express."""
    match = [Match(headers={"x-user": TextMatch(exact="old")})]
    for name, proxy in PROXIES.items():
        objects = proxy.made(85, 10, 5)
        for split in (Split(canary=10, mirror=5), Split(canary=40, mirror=5, match=match)):
            try:
                objects = carried_out(objects, proxy.codec.write(objects, TARGET, split))
            except Unsupported:
                continue
        yield name, proxy, objects
