"""Plans on a real API server: they write nothing, and what they say is so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.realparts.api import Document
from tests.realparts.control_plane import ControlPlane
from tests.unit.documents.classic import classic, document_of, read

from progressive._adapters.cluster.client import KubernetesCluster
from progressive._adapters.mesh.routers.istio import IstioRouter
from progressive._adapters.workload import DeploymentWorkload
from progressive._kube.paths import path_of
from progressive._model.events import Readiness
from progressive._model.traffic import Side, Split
from progressive._release.known import cluster_lookup
from progressive._release.preview.plan import plan

pytestmark = [pytest.mark.real, pytest.mark.apart]

READING = {"get", "list", "watch"}


@pytest.fixture
def cluster(control_plane: ControlPlane, namespace: str) -> KubernetesCluster:
    """The cluster of a user with all rights, in a namespace with the target."""
    control_plane.api.create(_target(namespace))
    return KubernetesCluster.from_environment(
        control_plane.kubeconfig("progressive", namespace=namespace)
    )


def _target(namespace: str) -> Document:
    containers = [{"name": "my-app", "image": "registry.example.com/my-app:1"}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "my-app", "namespace": namespace},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "my-app"}},
            "template": {
                "metadata": {"labels": {"app": "my-app"}},
                "spec": {"containers": containers, "terminationGracePeriodSeconds": 60},
            },
        },
    }


def _document(namespace: str) -> dict[str, Any]:
    document = classic()
    document["metadata"]["namespace"] = namespace
    return document


def test_a_plan_of_a_real_cluster_only_reads(
    control_plane: ControlPlane, cluster: KubernetesCluster, namespace: str
) -> None:
    """It is asked for in a review, with rights that write nothing."""
    mark = control_plane.mark()
    answer = plan(read(_document(namespace), lookup=cluster_lookup(cluster)), cluster)
    asked = control_plane.requests("progressive", since=mark)

    assert answer["valid"], answer
    assert 5 == len(answer["creates"])
    assert asked
    assert {verb for verb, _ in asked} <= READING


def test_the_rights_of_a_plan_are_enough(
    control_plane: ControlPlane, cluster: KubernetesCluster, namespace: str
) -> None:
    """A Role made of them carries a first deploy and a shift, which make what was planned."""
    document = document_of(_document(namespace))
    answer = plan(read(_document(namespace)), cluster)
    control_plane.grant("restricted", namespace, answer["rbac"])
    limited = KubernetesCluster.from_environment(
        control_plane.kubeconfig("restricted", namespace=namespace)
    )
    assert document.managed is not None
    router = IstioRouter(limited)
    workload = DeploymentWorkload(limited, document.managed, router=router)
    target, until = document.target, datetime.now(UTC) + timedelta(seconds=60)

    workload.prepare(target)
    assert Readiness.READY is workload.readiness(target, Side.PRIMARY, until).readiness
    workload.point(target)
    workload.scale(target, up=False)
    workload.mark(target)
    hold = limited.lock().acquire(target, "run", lambda _: None)
    limited.store().save(target, "{}", None)
    hold.close()
    workload.scale(target, up=True)
    assert Readiness.READY is workload.readiness(target, Side.CANARY, until).readiness
    assert router.shift(target, Split(canary=10)).shows(Split(canary=10))
    router.reset(target)

    stored = [control_plane.api.get(path_of(one)) for one in answer["creates"]]
    assert [_selected(one) for one in answer["creates"]] == [_selected(one) for one in stored]
    again = plan(read(_document(namespace)), cluster)
    assert ([], []) == (again["creates"], again["patches"])


def _selected(manifest: Document) -> Any:
    """What decides where traffic goes, and that no defaulting of the server touches."""
    spec = manifest["spec"]
    return manifest["kind"], spec.get("selector"), spec.get("hosts")
