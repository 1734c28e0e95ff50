"""Objects that each codec understands, to be broken and to be timed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen
from tests.unit.mesh import app_mesh, gateway_api, linkerd_objects, plain
from tests.unit.mesh.manifests import both, endpoints, route, service
from tests.unit.mesh.proxies.worlds import lively

from progressive._mesh.codec import MeshCodec
from progressive._mesh.istio.codec import IstioCodec
from progressive._mesh.kubernetes.codec import KubernetesCodec
from progressive._mesh.linkerd.codec import LinkerdCodec
from progressive._mesh.nginx.codec import NginxCodec
from progressive._mesh.smi.codec import SmiCodec
from progressive._model.traffic import Target

TARGET = Target(namespace="shop", service="web", primary="web-primary", canary="web-canary")


@frozen
class World:
    """A codec, objects that it understands, and where their definitions are."""

    codec: MeshCodec
    objects: Sequence[dict[str, Any]]
    definitions: str | None = None


AROUND = (
    *(service(one, 80) for one in ("web-primary", "web-canary")),
    *(endpoints(one, True) for one in ("web-primary", "web-canary")),
)

WORLDS = {
    **{
        name: World(one.codec, [*objects, *AROUND], one.definitions)
        for name, one, objects in lively()
    },
    "smi": World(SmiCodec(), [*linkerd_objects.broken_soon("split"), *AROUND], "smi-linkerd"),
    "linkerd": World(
        LinkerdCodec(), [*linkerd_objects.broken_soon("route"), *AROUND], "gateway-api"
    ),
    "linkerd-policy": World(
        LinkerdCodec(), [*linkerd_objects.broken_soon("policy", "split"), *AROUND], "linkerd"
    ),
    "gateway-api": World(
        gateway_api.CODEC,
        [
            gateway_api.route(
                gateway_api.rule(
                    90,
                    5,
                    gateway_api.backend("audit", 5),
                    name="main",
                    filters=[
                        {
                            "type": "RequestMirror",
                            "requestMirror": {
                                "backendRef": gateway_api.backend("web-canary"),
                                "fraction": {"numerator": 1, "denominator": 8},
                            },
                        },
                        {"type": "ResponseHeaderModifier", "responseHeaderModifier": {}},
                    ],
                    timeouts={"request": "10s"},
                ),
                {"name": "other", "backendRefs": [gateway_api.backend("other")]},
                {
                    "name": "progressive-sticky",
                    "matches": [
                        {
                            **gateway_api.ROOT,
                            "headers": [
                                {
                                    "type": "RegularExpression",
                                    "name": "Cookie",
                                    "value": r"(.*;\s*)?web=abcdefghij(;.*)?",
                                }
                            ],
                        }
                    ],
                    "backendRefs": [gateway_api.backend("web-canary", 100)],
                },
            ),
            gateway_api.grant(),
            *AROUND,
        ],
        "gateway-api",
    ),
    "gateway-api-grpc": World(
        gateway_api.CODEC,
        [
            gateway_api.route(
                gateway_api.rule(None, None, matches=[{"method": {"service": "shop.Cart"}}]),
                {
                    "matches": [{"headers": [{"name": "x-user", "value": "old"}]}],
                    "backendRefs": [gateway_api.backend("web-canary", 100)],
                },
                kind="GRPCRoute",
                parentRefs=[gateway_api.MESH],
                meta_annotations={"progressive.dev/managed-rules": "1"},
            ),
            *AROUND,
        ],
        "gateway-api",
    ),
    "gateway-api-sessions": World(
        gateway_api.CODEC,
        [
            gateway_api.route(
                gateway_api.rule(70, 30, sessionPersistence={"type": "Cookie"}),
                meta_annotations={
                    "progressive.dev/withdrawn-0": '{"place": 1, "backend": {"name": "web"}}'
                },
            ),
            *AROUND,
        ],
        "gateway-api-experimental",
    ),
    "app-mesh": World(
        app_mesh.CODEC,
        [
            app_mesh.service(),
            app_mesh.router(
                app_mesh.http(
                    "main",
                    20,
                    match={"prefix": "/", "headers": [{"name": "x-a", "match": {"exact": "1"}}]},
                    **app_mesh.both(90, 5, app_mesh.node("third", 5)),
                ),
                app_mesh.http(
                    "tcp",
                    None,
                    "tcpRoute",
                    action={"weightedTargets": [app_mesh.node("third", 1, port=9000)]},
                ),
                app_mesh.http(
                    "progressive-match",
                    9,
                    action={"weightedTargets": [app_mesh.node("web-canary", 100)]},
                ),
            ),
            app_mesh.virtual_node("web-canary", arn=app_mesh.ARN),
            app_mesh.virtual_node("other", host="web-primary.shop.svc.cluster.local"),
            *(service(one, 80) for one in ("web-primary", "web-canary")),
            *(endpoints(one, True) for one in ("web-primary", "web-canary")),
        ],
        "app-mesh",
    ),
    "istio": World(
        IstioCodec(),
        [
            route(
                {
                    "name": "progressive-match",
                    "match": [{"headers": {"x-user": {"exact": "old"}}}],
                    "route": [{"destination": {"host": "web-canary"}, "weight": 100}],
                },
                both(
                    90,
                    10,
                    name="main",
                    match=[{"uri": {"prefix": "/"}, "headers": {"x-a": {"exact": "1"}}}],
                    mirror={"host": "web-canary"},
                    mirrorPercentage={"value": 5},
                ),
                {"name": "other", "route": [{"destination": {"host": "other"}}]},
            ),
            {
                "apiVersion": "networking.istio.io/v1",
                "kind": "DestinationRule",
                "metadata": {"name": "web", "namespace": "shop"},
                "spec": {"host": "web", "subsets": [{"name": "stable", "labels": {"v": "1"}}]},
            },
            *AROUND,
        ],
    ),
    "kubernetes, a selector": World(
        KubernetesCodec(),
        [
            *plain.services(plain.labels("primary"), sessionAffinity="ClientIP"),
            *(endpoints(one, True) for one in ("web-primary", "web-canary")),
        ],
    ),
    "kubernetes, replicas": World(
        KubernetesCodec(),
        [
            *plain.pods(8, 2),
            plain.deployment("web-legacy", 2, plain.labels("legacy")),
            plain.autoscaler("web-primary"),
            *(endpoints(one, True, False) for one in ("web-primary", "web-canary")),
        ],
    ),
    "nginx": World(
        NginxCodec(),
        [
            plain.main(),
            plain.canary(weight="20", weight_total="200", by_header="x", by_cookie="y"),
            plain.ingress("other", plain.path("other")),
            *(endpoints(one, True) for one in ("web-primary", "web-canary")),
        ],
    ),
    "nginx, no canary yet": World(NginxCodec(), [plain.main()]),
}
