"""A release in memory, in a cluster whose controllers act at once: pods, and who serves what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from tests.unit.kube.manifests import deployment, rolled_out

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._adapters.mesh.routers.istio import IstioRouter
from progressive._adapters.workload import DeploymentWorkload
from progressive._release.connect import Connection
from progressive._release.load import load
from progressive.ports import MetricsProvider
from progressive.testing import Scenario, World

DOCUMENT: dict[str, Any] = {
    "apiVersion": "flagger.app/v1beta1",
    "kind": "Canary",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "service": {"port": 80, "targetPort": 8080},
        "analysis": {
            "interval": "30s",
            "threshold": 1,
            "maxWeight": 20,
            "stepWeight": 20,
            "metrics": [{"name": "good", "query": "vector(1)", "thresholdRange": {"max": 2}}],
        },
    },
}


class Killed(BaseException):
    """The process is gone: nothing of it goes on."""


class Controllers:
    """
    What Kubernetes does after each write: Deployments roll out, services get endpoints.

    Attributes:
        unserved: What was seen at a moment when nobody served the apex or the route's primary.
    """

    def __init__(self, cluster: MemoryCluster) -> None:
        self._cluster = cluster
        self.unserved: list[str] = []
        self.watched = False
        for verb in ("create", "patch", "update", "delete"):
            cluster.on(self.act, verb=verb, path="/deployments|/services", times=None, after=True)
        self.act()

    def act(self) -> None:
        found = self._cluster.objects()
        for one in found:
            if one["kind"] == "Deployment":
                done = rolled_out(one)
                if done["status"] != one.get("status"):
                    self._cluster.put(done, manager="kube-controller-manager")
        services = {one["metadata"]["name"]: one for one in found if one["kind"] == "Service"}
        for name, service in services.items():
            addresses = self._serving(service, found)
            self._cluster.put(_slice(name, addresses), manager="kube-controller-manager")
            if self.watched and name in ("web", "web-primary") and not addresses:
                self.unserved.append(f"{name} selects {service['spec']['selector']}")

    def _serving(self, service: dict[str, Any], found: Any) -> list[str]:
        wanted = service["spec"].get("selector") or {}
        addresses = []
        for one in found:
            if one["kind"] != "Deployment":
                continue
            labels = one["spec"]["template"]["metadata"]["labels"]
            if wanted.items() <= labels.items():
                name = one["metadata"]["name"]
                addresses += [f"{name}-{at}" for at in range(one["spec"].get("replicas", 1))]
        return addresses


def _slice(name: str, addresses: list[str]) -> dict[str, Any]:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{name}-1",
            "namespace": "shop",
            "labels": {"kubernetes.io/service-name": name},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [one], "conditions": {"ready": True}} for one in addresses],
        "ports": [],
    }


def connection(cluster: MemoryCluster, folder: Path, **spec: Any) -> Connection:
    """A release of the Deployment `web`; `spec` adds to its document's."""
    file = folder / "canary.yaml"
    file.write_text(yaml.safe_dump({**DOCUMENT, "spec": {**DOCUMENT["spec"], **spec}}))
    document = load(file).document
    assert document.managed is not None
    router = IstioRouter(cluster, pause=lambda _: None)
    metrics: MetricsProvider = World(Scenario())
    return Connection(
        document=document,
        target=document.target,
        cluster=cluster,
        router=router,
        metrics=metrics,
        workload=DeploymentWorkload(cluster, document.managed, router=router),
    )


def released(folder: Path, *objects: dict[str, Any], **spec: Any) -> tuple[MemoryCluster, Any]:
    """A cluster in which `web` was deployed by a release once, and its controllers."""
    served = {"networking.istio.io": ("v1",)}
    cluster = MemoryCluster([deployment(), *objects], served=served, patient=False)
    controllers = Controllers(cluster)
    made = connection(cluster, folder, **spec)
    workload, target = made.workload, made.target
    workload.prepare(target)
    workload.point(target)
    workload.scale(target, up=False)
    workload.mark(target)
    return cluster, controllers
