"""The target of the classic document, before its first deploy and after it."""

from __future__ import annotations

from typing import Any

from tests.unit.documents.classic import classic, document_of
from tests.unit.mesh.manifests import endpoints

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._adapters.mesh.router import MeshRouter
from progressive._adapters.workload import DeploymentWorkload
from progressive._mesh.istio.codec import IstioCodec
from progressive.ports import Cluster

Answer = dict[str, Any]

DEPLOYMENT: Answer = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "my-app", "namespace": "shop", "labels": {"app": "my-app"}},
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "my-app"}},
        "template": {
            "metadata": {"labels": {"app": "my-app"}},
            "spec": {
                "terminationGracePeriodSeconds": 60,
                "containers": [{"name": "my-app", "image": "registry.example.com/my-app:2"}],
            },
        },
    },
}


def router(cluster: Cluster) -> MeshRouter:
    return MeshRouter(IstioCodec(), cluster)


def deployed(*, image: str = "registry.example.com/my-app:3") -> MemoryCluster:
    """A cluster after a first deploy of the classic document, with a new image on the target."""
    cluster = MemoryCluster([DEPLOYMENT])
    document = document_of(classic())
    assert document.managed is not None
    workload = DeploymentWorkload(cluster, document.managed, router=router(cluster))
    workload.prepare(document.target)
    cluster.put(endpoints("my-app-primary", True))
    workload.point(document.target)
    workload.scale(document.target, up=False)
    workload.mark(document.target)
    path = "/apis/apps/v1/namespaces/shop/deployments/my-app"
    place = "/spec/template/spec/containers/0/image"
    cluster.json_patch(path, [{"op": "add", "path": place, "value": image}])
    return cluster
