"""With whom the routing objects go that a release makes beside its first one.

Floor 4: reads a cluster. A canary Ingress or a route for matched requests is made when the first
weight is written, perhaps by another process than the one that made the release; so its owner is
looked for then, and only then. Used by `router.py` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from progressive._kube.marks import owner_reference
from progressive._kube.paths import object_path
from progressive._model.traffic import Side, Target
from progressive.errors import ClusterError
from progressive.ports import Cluster


class Owners:
    """
    The owners of releases, as far as they are known.

    Args:
        cluster: Where they are looked for; None: nowhere, for a file says nothing of uids.
    """

    def __init__(self, cluster: Callable[[], Cluster | None]) -> None:
        self._cluster = cluster
        self._known: dict[Target, Mapping[str, Any] | None] = {}

    def remember(self, target: Target, owner: Mapping[str, Any] | None) -> None:
        """Whom somebody who knows has named; None: nobody."""
        if owner is not None:
            self._known[target] = owner

    def of(self, target: Target) -> Mapping[str, Any] | None:
        """
        The owner reference for an object of this release; None: it belongs to nobody.

        The Canary if it is in the cluster, else the Deployment behind the canary's service
        (L21). What cannot be read owns nothing: that is no reason not to route.
        """
        cluster = self._cluster()
        if target not in self._known and cluster is not None:
            self._known[target] = next(_found(cluster, target), None)
        return self._known.get(target)


def _found(cluster: Cluster, target: Target) -> Iterator[Mapping[str, Any]]:
    names = [("flagger.app/v1beta1", "Canary", name) for name in target.owner_names]
    names.append(("apps/v1", "Deployment", target.workload(Side.CANARY)))
    for api_version, kind, name in names:
        try:
            one = cluster.get(
                object_path(api_version, kind, namespace=target.namespace, name=name)
            )
        except ClusterError:
            continue
        yield owner_reference({"apiVersion": api_version, "kind": kind, **one})
