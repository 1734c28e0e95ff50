"""A route of the Gateway API in a cluster, and the router that steers it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.realparts import definitions
from tests.realparts.api import Document
from tests.realparts.control_plane import ControlPlane
from tests.unit.mesh.gateway_api import route, rule

from progressive.clusters import KubernetesCluster
from progressive.routers import GatewayApiRouter

GROUP = "gateway.networking.k8s.io"


@pytest.fixture
def served(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    """The standard channel, as its authors publish it."""
    control_plane.install("gateway-api")
    yield control_plane
    definitions.install(control_plane.api, definitions.of("gateway-api"))


@pytest.fixture
def router(served: ControlPlane) -> Iterator[GatewayApiRouter]:
    cluster = KubernetesCluster.from_environment(served.kubeconfig())
    yield GatewayApiRouter(cluster)
    cluster.close()


def stored(plane: ControlPlane, manifest: Document) -> Document:
    return plane.api.get(plane.api.path_of(manifest))


def made(plane: ControlPlane, namespace: str, *rules: Any, **more: Any) -> Document:
    """A route in the cluster."""
    manifest = route(*(rules or (rule(),)), **more)
    version = more.get("version", "v1")
    manifest["apiVersion"] = f"{GROUP}/{version}"
    manifest["spec"].pop("version", None)
    manifest["metadata"] = {"name": manifest["metadata"]["name"], "namespace": namespace}
    return plane.api.create(manifest)
