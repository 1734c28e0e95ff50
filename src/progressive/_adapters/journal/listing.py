"""Lists the journals of a namespace, or of all namespaces.

Floor 4, over `ports.Cluster`. Nothing is read of what they say; `stores.py` keeps one at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import frozen

from progressive._adapters.journal.stores import KEY, LABELS
from progressive._kube.paths import object_path
from progressive.errors import ClusterError, StoreError
from progressive.ports import Cluster

_PAGE = 50
"""Journals a request: one has up to 64 KiB."""


@frozen(kw_only=True)
class Kept:
    """
    A journal as it lies in the cluster.

    Attributes:
        namespace, name: Of its ConfigMap.
        text: What the machine wrote.
    """

    namespace: str
    name: str
    text: str


def list_journals(cluster: Cluster, namespace: str | None) -> list[Kept]:
    """
    Every journal of a namespace, by name; None: of all namespaces.

    Raises:
        StoreError: The API server said no.
    """
    try:
        found = list(_journals(cluster, namespace))
    except ClusterError as error:
        where = "all namespaces" if namespace is None else f"namespace {namespace}"
        raise StoreError(
            f"the journals of {where} cannot be listed: {error}", error.kind, error.retry_after
        ) from error
    return sorted(found, key=lambda one: (one.namespace, one.name))


def _journals(cluster: Cluster, namespace: str | None) -> Iterator[Kept]:
    for one in _pages(cluster, namespace):
        text = (one.get("data") or {}).get(KEY)
        if text is not None:  # the decisions of people lie in objects with the same label
            meta = one["metadata"]
            place = str(meta.get("namespace", "default"))
            yield Kept(namespace=place, name=str(meta["name"]), text=text)


def _pages(cluster: Cluster, namespace: str | None) -> Iterator[dict[str, Any]]:
    query = {
        "labelSelector": ",".join(f"{key}={value}" for key, value in LABELS.items()),
        "limit": str(_PAGE),
    }
    path = object_path("v1", "ConfigMap", namespace=namespace)
    while True:
        listed = cluster.get(path, query=query)
        yield from listed.get("items") or ()
        following = (listed.get("metadata") or {}).get("continue")
        if not following:
            return
        query = {**query, "continue": following}
