"""A Kubernetes API, as far as a release needs one.

Floor 3.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from progressive.ports.places import Inbox, Lock, Store


class Cluster(Protocol):
    """
    A Kubernetes API, in plain dicts; every call has a time-out.

    Paths are those of the API, such as ``/api/v1/namespaces/shop/services/web``; answers are the
    decoded JSON. Refusals are `ClusterError` with the server's words. Writes carry the field
    manager ``progressive`` and strict field validation.
    """

    @property
    def namespace(self) -> str:
        """The namespace of the configuration, for documents that name none."""

    def get(self, path: str, *, query: dict[str, str] | None = None) -> dict[str, Any]:
        """Read one object, or one list."""

    def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Create an object in the collection `path`."""

    def json_patch(self, path: str, patch: list[dict[str, Any]]) -> dict[str, Any]:
        """One RFC 6902 patch; a failed ``test`` is an error of kind ``conflict``."""

    def merge_patch(self, path: str, patch: dict[str, Any]) -> dict[str, Any]:
        """One RFC 7386 patch; with ``metadata.resourceVersion`` in it a conflict is noticed."""

    def replace(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Replace an object; its ``metadata.resourceVersion`` must be the present one."""

    def delete(self, path: str, *, version: str | None = None) -> None:
        """Delete an object; absent is fine, another `version` a ``conflict`` (None: any)."""

    def watch(
        self,
        path: str,
        *,
        name: str | None = None,
        labels: str | None = None,
        until: datetime | None = None,
        known: dict[str, Any] | None = None,
    ) -> WatchStream:
        """
        Follow a collection, one object of it (`name`), or those with `labels`.

        Survives a dropped connection and an expired resource version by itself.

        Args:
            known: The object `name` as it was read or written before; what became of it since
                is told, and a first listing may be spared.

        Raises:
            ClusterError: The first listing failed; it is made before this returns. Without one
                the stream raises.
        """

    def served(self, group: str, plural: str | None = None) -> tuple[str, ...]:
        """
        Versions of an API group, the server's preferred one first; asked once, then remembered.

        Args:
            group: Such as ``networking.istio.io``; empty: the core group.
            plural: Such as ``virtualservices``: only versions that serve it; there may be none.

        Raises:
            ClusterError: The group is not installed (kind ``not-found``).
        """

    def store(self) -> Store:
        """The journal's place in this cluster."""

    def lock(self) -> Lock:
        """The Leases of this cluster."""

    def inbox(self) -> Inbox:
        """The decisions of people, in this cluster."""


class WatchStream(Protocol):
    """Objects as they are and as they change."""

    def __iter__(self) -> WatchStream: ...

    def __next__(self) -> tuple[str, dict[str, Any]]:
        """
        The next ``(type, object)``, type one of ``ADDED MODIFIED DELETED SYNCED``.

        The first listing arrives as ``ADDED`` and is closed by one ``SYNCED`` (with an empty
        object). Ends (`StopIteration`) at `until`, and when it is closed from another thread.
        """

    def close(self) -> None:
        """End the stream; safe from any thread, and twice."""
