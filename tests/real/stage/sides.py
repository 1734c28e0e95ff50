"""Two sides of an application without a mesh, told apart by a label of their pods.

Deployments and Services alone; `backends.py` has those of a mesh.
"""

from __future__ import annotations

import yaml
from tests.docs.snippets import ROOT, blocks
from tests.realparts.api import Document
from tests.realparts.control_plane import ControlPlane
from tests.realparts.process import wait_for

from progressive._model.traffic import Target

ROUTERS = ROOT / "docs" / "reference" / "routers"


def target(namespace: str) -> Target:
    return Target(
        namespace=namespace,
        service="web",
        primary="web-primary",
        canary="web-canary",
        port=80,
    )


def service(namespace: str, name: str, **selector: str) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": "web", **selector}, "ports": [{"port": 80}]},
    }


def deployment(namespace: str, side: str, replicas: int, **annotations: str) -> Document:
    notes = {f"tests/{key.replace('_', '-')}": value for key, value in annotations.items()}
    labels = {"app": "web", "version": side}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"web-{side}", "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, "annotations": notes},
                "spec": {"containers": [{"name": "web", "image": "web:1"}]},
            },
        },
    }


def shop(
    control_plane: ControlPlane, namespace: str, *, apex: str | None, canary: int, **notes: str
) -> None:
    """Four pods of the primary; the apex selects one side, or (None) the pods of both."""
    api = control_plane.api
    api.create(deployment(namespace, "primary", 4))
    api.create(deployment(namespace, "canary", canary, **notes))
    api.create(service(namespace, "web", **({} if apex is None else {"version": apex})))
    for side in ("primary", "canary"):
        api.create(service(namespace, f"web-{side}", version=side))
    settled(control_plane, namespace, primary=4, canary=0 if notes else canary)


def rights(page: str) -> list[Document]:
    """The rules of the Role that a page of the reference shows."""
    shown = [one for one in blocks(ROUTERS / f"{page}.md") if "kind: Role\n" in one.text]
    (role,) = [yaml.safe_load(one.text) for one in shown]
    found: list[Document] = role["rules"]
    return found


def settled(control_plane: ControlPlane, namespace: str, **ready: int) -> None:
    """Wait until so many endpoints of each side are published."""
    api = control_plane.api
    path = api.path("discovery.k8s.io/v1", "EndpointSlice", namespace)

    def published() -> bool:
        found = dict.fromkeys(ready, 0)
        for one in api.get(path)["items"]:
            side = one["metadata"]["labels"]["kubernetes.io/service-name"].removeprefix("web-")
            if side in found:
                ends = one.get("endpoints") or ()
                found[side] += sum(1 for end in ends if end["conditions"].get("ready"))
        return found == ready

    wait_for(published, f"endpoints {ready}")


def read(control_plane: ControlPlane, kind: str, namespace: str, name: str) -> Document:
    version = {"Deployment": "apps/v1", "Ingress": "networking.k8s.io/v1"}.get(kind, "v1")
    return control_plane.api.read(version, kind, namespace, name)
