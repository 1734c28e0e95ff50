"""Two versions of an application as every mesh knows them: Deployments, Services, and a route.

The primary is `web-primary`, the canary `web`; both are behind the service `web`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

from tests.realparts.api import Document
from tests.realparts.control_plane import ControlPlane
from tests.realparts.load import Counts
from tests.realparts.mesh import Mesh
from tests.realparts.process import wait_for

from progressive._model.traffic import RouteRef, Target


def deployment(namespace: str, name: str, *, image: str = "web:1", **annotations: str) -> Document:
    """Two pods; annotations of the pods as keywords, `_` for `-` (`never_ready="true"`)."""
    wanted = {f"tests/{key.replace('_', '-')}": value for key, value in annotations.items()}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}, "annotations": wanted},
                "spec": {"containers": [{"name": "web", "image": image}]},
            },
        },
    }


def rolled_out(found: Document) -> bool:
    """Seen by its controller, and the pods of the newest template are all there is."""
    status = found["status"]
    wanted = (found["metadata"]["generation"], *[found["spec"]["replicas"]] * 3)
    counts = [status.get(key) for key in ("updatedReplicas", "availableReplicas", "replicas")]
    return wanted == (status.get("observedGeneration"), *counts)


def service(namespace: str, name: str, *, app: str) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "selector": {"app": app},
            "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
        },
    }


def route(namespace: str, *, canary: int) -> Document:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "hosts": ["web"],
            "gateways": [Mesh.gateway],
            "http": [
                {
                    "route": [
                        {"destination": {"host": "web-primary"}, "weight": 100 - canary},
                        {"destination": {"host": "web-canary"}, "weight": canary},
                    ]
                }
            ],
        },
    }


def shop(mesh: Mesh, namespace: str, *, canary: int, image: str = "web:2") -> str:
    """Two versions behind one route, both answering; the host that users ask."""
    api = mesh.control_plane.api
    api.create(deployment(namespace, "web-primary", image="web:1"))
    api.create(deployment(namespace, "web", image=image))
    api.create(service(namespace, "web", app="web-primary"))
    api.create(service(namespace, "web-primary", app="web-primary"))
    api.create(service(namespace, "web-canary", app="web"))
    api.apply(route(namespace, canary=canary))
    host = mesh.host(namespace, "web")
    mesh.wait_weights(host, {"web-primary": 100 - canary, "web-canary": canary})
    mesh.wait_endpoints(namespace, "web-primary", 2)
    mesh.wait_endpoints(namespace, "web-canary", 2)
    return host


def by_version(counts: Counts) -> Counter[str]:
    found: Counter[str] = Counter()
    for (version, _), number in counts.items():
        found[version] += number
    return found


def near(percent: float, *, of: int) -> Callable[[float], bool]:
    """Whether a count may come from this share: four standard deviations of a binomial."""
    mean = of * percent / 100
    spread = 4 * math.sqrt(mean * (1 - percent / 100))
    return lambda count: mean - spread <= count <= mean + spread


def target(namespace: str, *routes: RouteRef) -> Target:
    return Target(
        namespace=namespace,
        service="web",
        primary="web-primary",
        canary="web-canary",
        canary_workload="web",
        port=80,
        routes=routes,
    )


def backends(control_plane: ControlPlane, namespace: str, **canary: str) -> None:
    """Both sides with their services, the pods of the primary ready."""
    api = control_plane.api
    api.create(deployment(namespace, "web-primary"))
    api.create(deployment(namespace, "web", **canary))
    for name, app in (
        ("web", "web-primary"),
        ("web-primary", "web-primary"),
        ("web-canary", "web"),
    ):
        api.create(service(namespace, name, app=app))
    path = api.path("apps/v1", "Deployment", namespace, "web-primary")
    api.wait(path, rolled_out, "the primary is ready")
    if not canary:
        path = api.path("apps/v1", "Deployment", namespace, "web")
        api.wait(path, rolled_out, "the canary is ready")
    wanted = {"web-primary"} if canary else {"web-primary", "web-canary"}
    wait_for(lambda: wanted <= served(control_plane, namespace), f"endpoints of {wanted}")


def served(control_plane: ControlPlane, namespace: str) -> set[str]:
    """Services with a ready endpoint."""
    path = control_plane.api.path("discovery.k8s.io/v1", "EndpointSlice", namespace)
    return {
        one["metadata"]["labels"]["kubernetes.io/service-name"]
        for one in control_plane.api.get(path)["items"]
        if any(end["conditions"].get("ready") for end in one.get("endpoints") or ())
    }
