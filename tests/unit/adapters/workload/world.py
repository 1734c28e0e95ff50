"""A cluster in memory with a managed Deployment in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.unit.kube.manifests import deployment, template

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._adapters.workload import DeploymentWorkload
from progressive._kube.workload.primary import Selector, primary_template
from progressive._kube.workload.revision import revision
from progressive._model.release import Managed, ServiceSpec
from progressive._model.traffic import Target

SHOP = Target(namespace="shop", service="web", primary="web-primary", canary="web-canary", port=80)
MANAGED = Managed(name="web", service=ServiceSpec(name="web", port=80, target_port=8080))
APPS = "/apis/apps/v1/namespaces/shop"
WEB, PRIMARY = f"{APPS}/deployments/web", f"{APPS}/deployments/web-primary"
SERVICES = "/api/v1/namespaces/shop/services"
SELECTOR = Selector(label="app", value="web")
NOW = datetime(2026, 11, 25, tzinfo=UTC)
V1, V2 = template(image="web:1"), template(image="web:2")
OURS = {"app.kubernetes.io/managed-by": "progressive"}

Document = dict[str, Any]


def canary(*, suspend: bool) -> Document:
    """A Canary of Flagger for the target."""
    return {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": "web", "namespace": "shop", "uid": "uid-canary"},
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "suspend": suspend,
        },
    }


def primary(pods: Document = V1, *, replicas: int = 2, **meta: Any) -> Document:
    """A primary that runs these pods of a target."""
    return deployment(
        name="web-primary",
        select={"app": "web-primary"},
        replicas=replicas,
        pods=primary_template(pods, SELECTOR),
        meta=meta,
    )


def promoted(pods: Document = V1, **more: Any) -> Document:
    """A primary that a release of ours left behind."""
    marks = {"progressive.dev/revision": revision(pods)}
    return primary(pods, labels=OURS, annotations=marks, **more)


def service(name: str, app: str, **meta: Any) -> Document:
    """A service of the user."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "shop", **meta},
        "spec": {"selector": {"app": app}, "ports": [{"name": "http", "port": 80}]},
    }


def world(*objects: Document, **options: Any) -> tuple[MemoryCluster, DeploymentWorkload]:
    """A cluster with these objects, in which nothing waits for real time."""
    cluster = MemoryCluster(objects, now=lambda: NOW, patient=False, **options)
    return cluster, DeploymentWorkload(cluster, MANAGED, clock=lambda: NOW)


def target(pods: Document = V1, **more: Any) -> Document:
    return deployment(pods=pods, **more)


def written(cluster: MemoryCluster) -> list[tuple[str, str]]:
    return [(one.verb, one.path.removeprefix(APPS)) for one in cluster.log]


def put(cluster: MemoryCluster, manifest: Document) -> None:
    """Another writer, for `MemoryCluster.on`."""
    cluster.put(manifest)


def live(*objects: Document) -> tuple[MemoryCluster, DeploymentWorkload]:
    """A cluster whose watches wait for what happens."""
    cluster = MemoryCluster(objects)
    return cluster, DeploymentWorkload(cluster, MANAGED, stale=timedelta(hours=1))
