"""A cluster in memory for what documents and examples show, in which pods become ready at once.

In the namespace ``shop`` there are two existing workloads behind a VirtualService, for releases
composed by hand; in ``default`` the Deployment of the classic document, for releases that manage
their workload. Time passes at once, too: a Runner that names no clock gets a virtual one.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

import progressive
from progressive import aio
from progressive._release import connect
from progressive._release.outside import detach
from progressive.clusters import KubernetesCluster
from progressive.testing import MemoryCluster, VirtualClock

_APPS = "/apis/apps/v1/namespaces"


def two_workloads(name: str, namespace: str = "shop") -> list[dict[str, Any]]:
    """Services of both sides with a ready endpoint each, and a route to the primary."""
    sides = (f"{name}-primary", f"{name}-canary")
    weighted = [
        {"destination": {"host": side}, "weight": weight}
        for side, weight in zip(sides, (100, 0), strict=True)
    ]
    route = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"hosts": [name], "http": [{"name": "main", "route": weighted}]},
    }
    services = [_service(one, namespace) for one in (name, *sides)]
    return [route, *services, *(_endpoints(one, namespace) for one in sides)]


def classic_target() -> dict[str, Any]:
    """The Deployment of the classic document, as a team wrote it."""
    labels = {"app": "my-app"}
    container = {
        "name": "web",
        "image": "registry/web:41",
        "ports": [{"name": "http", "containerPort": 8080}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "my-app", "namespace": "default"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def _service(name: str, namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 80}]},
    }


def _endpoints(
    name: str, namespace: str, addresses: Sequence[str] = ("192.0.2.1",)
) -> dict[str, Any]:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{name}-1",
            "namespace": namespace,
            "labels": {"kubernetes.io/service-name": name},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [one], "conditions": {"ready": True}} for one in addresses],
        "ports": [],
    }


def ready_at_once(cluster: MemoryCluster) -> MemoryCluster:
    """Play the controllers: what a write asks of a Deployment is so after it."""

    def roll_out() -> None:
        for one in cluster.objects():
            if one["kind"] == "Deployment" and not _is_rolled_out(one):
                cluster.put(_rolled_out(one), manager="kube-controller-manager")
        for one in cluster.objects():
            if one["kind"] == "Service" and (slice_ := _served(one, cluster.objects())):
                cluster.put(slice_, manager="kube-controller-manager")

    for verb in ("create", "patch", "update"):
        path = re.escape(f"{_APPS}/") + "|/services"
        cluster.on(roll_out, verb=verb, path=path, times=None, after=True)
    roll_out()
    return cluster


def _served(service: Mapping[str, Any], objects: Sequence[Any]) -> dict[str, Any] | None:
    """The endpoints that a Service should have now; None: those that it has."""
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    wanted = service["spec"]["selector"].items()
    near = [one for one in objects if one["metadata"].get("namespace") == namespace]
    deployments = [one for one in near if one["kind"] == "Deployment"]
    if not deployments:  # what serves there is not told
        return None
    addresses = [
        f"192.0.2.{10 * number + pod}"
        for number, one in enumerate(deployments)
        if wanted <= one["spec"]["template"]["metadata"]["labels"].items()
        for pod in range(one["spec"].get("replicas", 1))
    ]
    made = _endpoints(name, namespace, addresses)
    known = [one["endpoints"] for one in near if one["metadata"]["name"] == f"{name}-1"]
    return None if known == [made["endpoints"]] else made


def _rolled_out(one: Mapping[str, Any]) -> dict[str, Any]:
    replicas = one["spec"].get("replicas", 1)
    return {
        **one,
        "status": {
            "observedGeneration": one["metadata"]["generation"],
            "replicas": replicas,
            "updatedReplicas": replicas,
            "readyReplicas": replicas,
            "availableReplicas": replicas,
        },
    }


def _is_rolled_out(one: Mapping[str, Any]) -> bool:
    return bool(dict(one).get("status") == _rolled_out(one)["status"])


def shop() -> MemoryCluster:
    """The cluster that snippets and examples find."""
    routes = [one for name in ("web", "cart") for one in two_workloads(name)]
    return ready_at_once(MemoryCluster([*routes, classic_target()]))


def install(monkeypatch: pytest.MonkeyPatch, cluster: MemoryCluster, metrics_server: str) -> None:
    """Let a program find this cluster and this metrics server, and let time pass at once."""

    def found(**_: Any) -> MemoryCluster:
        return cluster

    monkeypatch.setattr(KubernetesCluster, "from_environment", found)
    for variable in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(variable, metrics_server)
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PROGRESSIVE_METRICS_SERVER", "http://prometheus:9090")
    for place, name in ((progressive, "Runner"), (connect, "Runner"), (aio, "AsyncRunner")):
        monkeypatch.setattr(place, name, _in_no_time(getattr(place, name)))
    patient = functools.partial(detach.Detaching, pause=lambda _: None)
    monkeypatch.setattr(detach, "Detaching", patient)


def _in_no_time(runner: Any) -> Any:
    """The same runner, whose default clock does not wait."""

    @functools.wraps(runner, updated=())
    def make(*args: Any, clock: Any = None, **named: Any) -> Any:
        return runner(*args, clock=clock or VirtualClock(datetime.now(UTC)), **named)

    return make


def change_image(cluster: MemoryCluster, image: str) -> None:
    """What a team does: the target of the classic document gets another image."""
    target = cluster.get(f"{_APPS}/default/deployments/my-app")
    target["spec"]["template"]["spec"]["containers"][0]["image"] = image
    cluster.put(target, manager="kubectl")
