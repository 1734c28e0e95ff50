"""Reads who answers for a service: the ready addresses of its EndpointSlices.

Floor 4, over `ports.Cluster`. Routers ask for both sides of a release (`_adapters/mesh`); this is
for those who give traffic to a service that is no side, or that must know one side alone.
"""

from __future__ import annotations

from progressive._kube.paths import object_path
from progressive.ports import Cluster

_SERVICE = "kubernetes.io/service-name"


def ready_addresses(cluster: Cluster, namespace: str, service: str) -> frozenset[str]:
    """
    The addresses that take traffic for a service now.

    Raises:
        ClusterError: The EndpointSlices cannot be listed.
    """
    path = object_path("discovery.k8s.io/v1", "EndpointSlice", namespace=namespace)
    listed = cluster.get(path, query={"labelSelector": f"{_SERVICE}={service}"})
    found: set[str] = set()
    for one in listed.get("items") or ():
        for endpoint in one.get("endpoints") or ():
            conditions = endpoint.get("conditions") or {}
            # discovery/v1: a ready condition that is absent is to be read as ready
            if conditions.get("ready") is not False and conditions.get("terminating") is not True:
                found.update(endpoint.get("addresses") or ())
    return frozenset(found)
