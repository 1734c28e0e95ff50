"""Manifests as an API server stores them, for tests of what is derived from them."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def template(
    *, image: str = "registry.example.com/web:1", labels: dict[str, str] | None = None, **spec: Any
) -> Document:
    """A pod template; `spec` adds to the pod's."""
    return {
        "metadata": {"labels": labels or {"app": "web"}},
        "spec": {
            "containers": [
                {"name": "web", "image": image, "ports": [{"name": "http", "containerPort": 8080}]}
            ],
            **spec,
        },
    }


def deployment(
    *,
    name: str = "web",
    namespace: str = "shop",
    replicas: int = 3,
    select: dict[str, str] | None = None,
    pods: Document | None = None,
    meta: Document | None = None,
    **spec: Any,
) -> Document:
    """A Deployment; `meta` and `spec` add to its own."""
    select = select or {"app": "web"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}", **(meta or {})},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": select},
            "template": pods or template(labels=dict(select)),
            **spec,
        },
    }


def rolled_out(manifest: Document, **status: Any) -> Document:
    """The same with a status in which everything is ready, apart from what `status` says."""
    replicas = manifest["spec"].get("replicas", 1)
    generation = manifest["metadata"].get("generation", 1)
    return {
        **manifest,
        "metadata": {**manifest["metadata"], "generation": generation},
        "status": {
            "observedGeneration": generation,
            "replicas": replicas,
            "updatedReplicas": replicas,
            "readyReplicas": status.get("availableReplicas", replicas),
            "availableReplicas": replicas,
            **status,
        },
    }


def exceeded(message: str = 'ReplicaSet "web-1" has timed out progressing.') -> list[Document]:
    """Conditions of a Deployment that Kubernetes has given up."""
    return [
        {
            "type": "Progressing",
            "status": "False",
            "reason": "ProgressDeadlineExceeded",
            "message": message,
        }
    ]


REFERENCE = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web-primary"}


def hpa(**spec: Any) -> Document:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"scaleTargetRef": REFERENCE, "maxReplicas": 10, **spec},
    }


def keda(**spec: Any) -> Document:
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"scaleTargetRef": {"name": "web-primary"}, "triggers": [], **spec},
    }
