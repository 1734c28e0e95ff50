"""The ways to an application that a router can steer, and the scenes of `traffic.py` on them.

Each road is a mesh's own kinds of objects, the gateway that follows them, and a router's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from tests.real.stage.backends import deployment, service
from tests.real.stage.backends import route as virtual_service
from tests.real.stage.traffic import CONDITIONS, Scene
from tests.realparts.answering import Answering
from tests.realparts.api import Document
from tests.realparts.contour import Contour
from tests.realparts.gateway import Destination, EnvoyGateway
from tests.realparts.mesh import Mesh
from tests.realparts.traefik import Traefik

from progressive import plugins
from progressive._adapters.envoy.router import EnvoyRouter
from progressive._demo.stage import Stage, Version
from progressive._model.traffic import Target
from progressive.clusters import KubernetesCluster
from progressive.metrics import PrometheusMetrics

Box = Mesh | Contour | Traefik
"""A gateway with a controller that reads a cluster."""

GATEWAY_API = "gateway.networking.k8s.io/v1"
TRAEFIK = "traefik.io/v1alpha1"


def http_proxy(namespace: str, host: str) -> list[Document]:
    """Contour's own kind."""
    return [
        {
            "apiVersion": "projectcontour.io/v1",
            "kind": "HTTPProxy",
            "metadata": {"name": "web", "namespace": namespace},
            "spec": {
                "virtualhost": {"fqdn": host},
                "routes": [
                    {
                        "services": [
                            {"name": "web-primary", "port": 80, "weight": 100},
                            {"name": "web-canary", "port": 80, "weight": 0},
                        ]
                    }
                ],
            },
        }
    ]


def http_route(namespace: str, host: str, *, parent: tuple[str, str]) -> list[Document]:
    """The Gateway API's, below a Gateway (namespace and name)."""
    return [
        {
            "apiVersion": GATEWAY_API,
            "kind": "HTTPRoute",
            "metadata": {"name": "web", "namespace": namespace},
            "spec": {
                "hostnames": [host],
                "parentRefs": [{"namespace": parent[0], "name": parent[1]}],
                "rules": [
                    {
                        "backendRefs": [
                            {"name": "web-primary", "port": 80, "weight": 100},
                            {"name": "web-canary", "port": 80, "weight": 0},
                        ]
                    }
                ],
            },
        }
    ]


def traefik_service(namespace: str, host: str) -> list[Document]:
    """Traefik's own kinds: the weights are in one, room for a mirror around it, and the host."""
    about = {"name": "web", "namespace": namespace}
    mirroring = {"kind": "TraefikService", "name": "web"}
    return [
        {
            "apiVersion": TRAEFIK,
            "kind": "TraefikService",
            "metadata": about,
            "spec": {
                "weighted": {
                    "services": [
                        {"name": "web-primary", "port": 80, "weight": 100},
                        {"name": "web-canary", "port": 80, "weight": 0},
                    ]
                }
            },
        },
        {
            "apiVersion": TRAEFIK,
            "kind": "TraefikService",
            "metadata": {**about, "name": "web-mirrored"},
            "spec": {"mirroring": mirroring},
        },
        {
            "apiVersion": TRAEFIK,
            "kind": "IngressRoute",
            "metadata": about,
            "spec": {
                "entryPoints": ["web"],
                "routes": [
                    {
                        "kind": "Rule",
                        "match": f"Host(`{host}`)",
                        "services": [{"kind": "TraefikService", "name": "web-mirrored"}],
                    }
                ],
            },
        },
    ]


@dataclass(frozen=True, kw_only=True)
class Road:
    """
    How users get to an application.

    Attributes:
        router: The name by which documents ask for the router.
        objects: Makes the routing objects for a namespace and a host, all on the primary.
        conditions: Of `CONDITIONS`, those that the mesh can express.
        mirror: A share that the gateway can mirror, in percent; None: it cannot.
    """

    router: str
    objects: Callable[[str, str], list[Document]]
    conditions: frozenset[str] = field(default=frozenset(CONDITIONS))
    mirror: float | None = 50.0


ISTIO = Road(router="istio", objects=lambda namespace, _: [virtual_service(namespace, canary=0)])
CONTOUR = Road(router="contour", objects=http_proxy)
TRAEFIK_SERVICE = Road(router="traefik", objects=traefik_service)
GATEWAY_API_BY_CONTOUR = Road(
    router="gateway-api",
    objects=lambda namespace, host: http_route(namespace, host, parent=Contour.gateway),
    mirror=100.0,  # of a route it copies every request, whatever percentage it says
)
GATEWAY_API_BY_TRAEFIK = Road(
    router="gateway-api",
    objects=lambda namespace, host: http_route(namespace, host, parent=Traefik.gateway),
    mirror=None,  # with the filter in it every request of the route is answered with 500
)


class FileEnvoy(EnvoyGateway):
    """The Envoy of the demo's stage, which follows a file of routes."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.gateway_port, self.envoy_admin = stage.users, stage.admin

    def destination(self, cluster: str) -> Destination:
        """A cluster is all there is; no namespace, no port."""
        return Destination("", cluster, 0)

    def weights(self, host: str) -> dict[str, int]:
        """The same for every host."""
        return super().weights("*")


@contextmanager
def file_scene() -> Iterator[Scene]:
    """Two versions behind an Envoy that follows a file, without any cluster."""
    with Stage((Version(name="v1"), Version(name="v2")), leaving=Event()) as stage:
        gateway = FileEnvoy(stage)
        yield Scene(
            gateway=gateway,
            router=EnvoyRouter(stage.routes, admin=stage.admin),
            target=Target(namespace="tests", service="shop", primary="v1", canary="v2"),
            host="shop.example",
            versions=("v1", "v2"),
            stored=stage.routes.read_text,
            received=lambda: (0, 0),  # this router mirrors nothing, so there is nothing to count
        )
        gateway.session.close()


def application(road: Road, gateway: Box, pods: Answering, namespace: str) -> list[Document]:
    """
    Two versions behind one route, both answering, all users on the primary.

    Returns:
        The routing objects, as the API server has them.
    """
    api = pods.control_plane.api
    host = gateway.host(namespace, "web")
    api.create(deployment(namespace, "web-primary", image="web:1"))
    api.create(deployment(namespace, "web", image="web:2"))
    for name, app in (
        ("web", "web-primary"),
        ("web-primary", "web-primary"),
        ("web-canary", "web"),
    ):
        api.create(service(namespace, name, app=app))
    objects = [api.create(one) for one in road.objects(namespace, host)]
    gateway.wait_weights(host, {"web-primary": 100})
    for name in ("web-primary", "web-canary"):
        gateway.wait_endpoints(namespace, name, 2)
    gateway.wait_version(host, "1")
    return objects


@contextmanager
def scene(road: Road, gateway: Box, pods: Answering, namespace: str) -> Iterator[Scene]:
    """The same with the road's router, which counts in the Prometheus that scrapes the gateway."""
    api = pods.control_plane.api
    objects = application(road, gateway, pods, namespace)
    cluster = KubernetesCluster.from_environment(pods.control_plane.kubeconfig())
    metrics = PrometheusMetrics(gateway.prometheus.url, environment={})

    def stored() -> list[Any]:
        return [api.get(api.path_of(one))["spec"] for one in objects]

    def remove_canary() -> None:
        api.delete(api.path("v1", "Service", namespace, "web-canary"))

    def received() -> tuple[int, int]:
        found = pods.received(namespace)
        return found["web-primary"], found["web"]

    try:
        yield Scene(
            gateway=gateway,
            router=plugins.router(road.router)(cluster, proof=metrics),
            target=Target(
                namespace=namespace,
                service="web",
                primary="web-primary",
                canary="web-canary",
                canary_workload="web",
                port=80,
            ),
            host=gateway.host(namespace, "web"),
            stored=stored,
            received=received,
            remove_canary=remove_canary,
            conditions=road.conditions,
            mirror=road.mirror,
        )
    finally:
        metrics.close()
        cluster.close()
