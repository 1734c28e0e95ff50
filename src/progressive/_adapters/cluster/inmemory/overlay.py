"""Looks objects up on the shelf, and below it in another cluster.

Floor 4. The reading half of the memory cluster: what was written here hides what is below.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from progressive._adapters.cluster import refusals
from progressive._adapters.cluster.address import Address
from progressive._adapters.cluster.inmemory.selectors import fields_match, labels_match
from progressive.errors import ClusterError, ErrorKind

if TYPE_CHECKING:
    from progressive._adapters.cluster.inmemory.shelf import Manifest, Shelf
    from progressive.ports import Cluster


class Overlay:
    """
    Objects of a shelf over a cluster.

    Args:
        exact: Objects answer in the API version that they came in, not in the one asked for.
    """

    def __init__(self, shelf: Shelf, below: Cluster | None, *, exact: bool) -> None:
        self._shelf, self._below, self._exact = shelf, below, exact

    def find(self, at: Address) -> Manifest | None:
        """The object, or None; never to be changed in place."""
        own = self._shelf.objects.get(at.key)
        if own is not None:
            return self.in_version(at, own)
        if self._below is None or at.key in self._shelf.gone:
            return None
        try:
            return self._below.get(at.path)
        except ClusterError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return None
            raise

    def found(self, at: Address) -> Manifest:
        """
        The object.

        Raises:
            ClusterError: There is none (kind ``not-found``).
        """
        found = self.find(at)
        if found is None:
            raise refusals.not_found(at)
        return found

    def in_version(self, at: Address, manifest: Manifest) -> Manifest:
        """The object as a request in the version of `at` is answered."""
        if self._exact or manifest["apiVersion"] == at.api_version:
            return manifest
        return {**manifest, "apiVersion": at.api_version}

    def listed(self, at: Address, query: Mapping[str, str]) -> Manifest:
        """The collection, in the order of names as etcd has it."""
        found: dict[tuple[str, str, str, str], Manifest] = {}
        kind = ""
        if self._below is not None:
            # asked as narrowly as here: whoever may list one name may not list them all
            narrow = {key: value for key, value in query.items() if value}
            answer = self._below.get(at.path, query=narrow or None)
            kind = answer.get("kind", "")
            for one in answer.get("items", []):
                meta = one["metadata"]
                key = at.named(meta["name"], meta.get("namespace")).key
                if key not in self._shelf.gone:
                    found[key] = one
        for key, one in self._shelf.objects.items():
            if key[:2] == (at.group, at.plural) and at.namespace in (None, key[2]):
                found[key] = self.in_version(at, one)
        labels, fields = query.get("labelSelector", ""), query.get("fieldSelector", "")
        items: list[Any] = [
            one
            for _, one in sorted(found.items(), key=lambda item: item[0])
            if labels_match(labels, one["metadata"].get("labels") or {})
            and fields_match(fields, one)
        ]
        if not kind:
            kind = f"{items[0]['kind']}List" if items else "List"
        version = {"resourceVersion": self._shelf.version}
        return {"apiVersion": at.api_version, "kind": kind, "metadata": version, "items": items}
