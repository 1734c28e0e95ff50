"""What a document may name beyond itself: routers, and objects of the cluster.

Floor 5. Asked wherever a document is read with more than its file at hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from progressive._documents.sources import Lookup
from progressive._kube.paths import object_path
from progressive.errors import ClusterError, ErrorKind
from progressive.ports import Cluster


def router_names() -> frozenset[str]:
    """Routers that can be had, those of installed plugins included; none is loaded."""
    from importlib.metadata import entry_points

    from progressive import plugins

    installed = (one.name for one in entry_points(group=plugins.ROUTER_GROUP))
    return frozenset({*plugins.ROUTERS, *installed})


def cluster_lookup(cluster: Cluster) -> Lookup:
    """Finds MetricTemplates and AlertProviders in a cluster; one without Flagger has none."""

    def lookup(kind: str, namespace: str, name: str) -> Mapping[str, Any] | None:
        path = object_path("flagger.app/v1beta1", kind, namespace=namespace, name=name)
        try:
            return cluster.get(path)
        except ClusterError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return None
            raise

    return lookup
