"""Speaks to a real Kubernetes API, in plain dicts.

Floor 4. Says what each verb of `ports.Cluster` is on the wire, and which of them may be sent
twice; `link.py` sends, `retry.py` repeats, `watch.py` follows, `environment.py` finds.
"""

from __future__ import annotations

import os
import threading
from datetime import datetime
from typing import Any

from progressive._adapters.cluster import refusals
from progressive._adapters.cluster.address import parse
from progressive._adapters.cluster.environment import find
from progressive._adapters.cluster.link import Link, Request
from progressive._adapters.cluster.retry import URGENT, Policy, persistently
from progressive._adapters.cluster.watch import KubernetesWatch
from progressive.errors import ClusterError, ErrorKind
from progressive.ports import Inbox, Lock, Store

_WRITER = "progressive"
_JSON_PATCH, _MERGE_PATCH = "application/json-patch+json", "application/merge-patch+json"


class KubernetesCluster:
    """
    A `Cluster` behind the network; threads may share it.

    Args:
        link: The connection.
        policy: How patient requests are.
        dry_run: Writes are checked and answered by the server, but not stored.

    Made by `from_environment()`.
    """

    def __init__(self, link: Link, *, policy: Policy | None = None, dry_run: bool = False) -> None:
        self._link, self._policy, self._dry = link, policy or Policy(), dry_run
        self._served: dict[str, tuple[str, ...]] = {}
        self._resources: dict[str, frozenset[str]] = {}
        self._discovering = threading.Lock()

    @classmethod
    def from_environment(
        cls,
        kubeconfig: str | os.PathLike[str] | None = None,
        *,
        context: str | None = None,
        namespace: str | None = None,
        dry_run: bool = False,
    ) -> KubernetesCluster:
        """
        The cluster that kubectl would speak to.

        Args:
            kubeconfig: A file; default: ``KUBECONFIG``, ``~/.kube/config``, or the pod's own.
            context: Name of a context; default: the current one.
            namespace: Default: that of the context.

        Raises:
            ClusterError: There is no configuration, or it cannot be used (kind ``unavailable``).
        """
        return cls(Link(find(kubeconfig, context, namespace)), dry_run=dry_run)

    def __repr__(self) -> str:
        return f"<KubernetesCluster {self._link.server}>"

    @property
    def namespace(self) -> str:
        """The namespace of the configuration, for documents that name none."""
        return self._link.environment.namespace

    @property
    def server(self) -> str:
        """Root address of the API server."""
        return self._link.server

    def urgent(self) -> KubernetesCluster:
        """The same cluster with one short attempt for each request: the way home waits for it."""
        return KubernetesCluster(self._link, policy=URGENT, dry_run=self._dry)

    @property
    def dry_run(self) -> bool:
        """Whether writes are checked alone: nothing that was written can be waited for."""
        return self._dry

    def rehearsal(self) -> KubernetesCluster:
        """The same cluster, where the server checks writes and stores none (``dryRun=All``)."""
        return KubernetesCluster(self._link, policy=self._policy, dry_run=True)

    def close(self) -> None:
        """Drop idle connections."""
        self._link.close()

    # reading

    def get(self, path: str, *, query: dict[str, str] | None = None) -> dict[str, Any]:
        """
        Read one object, or one list; items of a list carry their apiVersion and kind.

        Raises:
            ClusterError: As the server says.
        """
        return named(self._send("GET", path, query=query, safe=True))

    def served(self, group: str, plural: str | None = None) -> tuple[str, ...]:
        """
        Versions of an API group, the server's preferred one first; asked once, then remembered.

        Args:
            group: Empty: the core group.
            plural: Only versions that serve this resource; there may be none.

        Raises:
            ClusterError: The group is not installed (kind ``not-found``).
        """
        with self._discovering:
            if group not in self._served:
                self._served[group] = self._versions(group)
            versions = self._served[group]
            if plural is None:
                return versions
            return tuple(one for one in versions if plural in self._plurals(group, one))

    def watch(
        self,
        path: str,
        *,
        name: str | None = None,
        labels: str | None = None,
        until: datetime | None = None,
        known: dict[str, Any] | None = None,
    ) -> KubernetesWatch:
        """
        Follow a collection, one object of it (`name`), or those with `labels`.

        Args:
            known: The object `name` as it was read or written before: no first listing is asked.

        Raises:
            ClusterError: The first listing failed. From the stream: a later request was refused
                for good; a server that is away is waited for.
        """
        stream = KubernetesWatch(
            self._link, self._policy, path, name=name, labels=labels, until=until, known=known
        )
        stream.begin()
        return stream

    # writing

    def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """
        Create an object in the collection `path`.

        Raises:
            ClusterError: As the server says; reason ``AlreadyExists`` also when an attempt
                whose answer was lost had created it.
        """
        # a second arrival is refused by name; a made-up name would be made up twice
        safe = bool((body.get("metadata") or {}).get("name"))
        return self._send("POST", path, body=body, safe=safe)

    def json_patch(self, path: str, patch: list[dict[str, Any]]) -> dict[str, Any]:
        """
        One RFC 6902 patch.

        Raises:
            ClusterError: As the server says; a failed ``test`` is of kind ``conflict``.
        """
        tests = [one for one in patch if one.get("op") == "test"]
        safe = any(one.get("path") == "/metadata/resourceVersion" for one in tests)
        return self._send(
            "PATCH", path, body=patch, content=_JSON_PATCH, safe=safe, tested=bool(tests)
        )

    def merge_patch(self, path: str, patch: dict[str, Any]) -> dict[str, Any]:
        """
        One RFC 7386 patch; with ``metadata.resourceVersion`` in it a conflict is noticed.

        Raises:
            ClusterError: As the server says.
        """
        safe = bool((patch.get("metadata") or {}).get("resourceVersion"))
        return self._send("PATCH", path, body=patch, content=_MERGE_PATCH, safe=safe)

    def replace(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """
        Replace an object; its ``metadata.resourceVersion`` must be the present one.

        Raises:
            ClusterError: As the server says.
        """
        if not (body.get("metadata") or {}).get("resourceVersion"):
            # for some kinds the server would overwrite whatever stands there
            raise refusals.version_missing(parse(path))
        return self._send("PUT", path, body=body, safe=True)

    def delete(self, path: str, *, version: str | None = None) -> None:
        """
        Delete an object, and what it owns in the background; one that is not there is fine.

        Args:
            version: The resource version that it must have; None: whatever it has become.

        Raises:
            ClusterError: As the server says.
        """
        body: dict[str, Any] = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "propagationPolicy": "Background",
        }
        if version is not None:
            body["preconditions"] = {"resourceVersion": version}
        if self._dry:
            body["dryRun"] = ["All"]  # beside a body the server does not look at the query
        try:
            self._send("DELETE", path, body=body, safe=True)
        except ClusterError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise

    # the places of a run

    def store(self) -> Store:
        """The journal's place in this cluster."""
        from progressive._adapters.journal.stores import ConfigMapStore

        return ConfigMapStore(self)

    def lock(self) -> Lock:
        """The Leases of this cluster."""
        from progressive._adapters.lease.locks import LeaseLock

        return LeaseLock(self)

    def inbox(self) -> Inbox:
        """The decisions of people, in this cluster."""
        from progressive._adapters.journal.inbox import ConfigMapInbox

        return ConfigMapInbox(self)

    def _send(
        self,
        method: str,
        path: str,
        *,
        safe: bool,
        query: dict[str, str] | None = None,
        body: Any = None,
        content: str = "application/json",
        tested: bool = False,
    ) -> dict[str, Any]:
        query = dict(query or {})
        if method in ("POST", "PUT", "PATCH"):
            query |= {"fieldManager": _WRITER, "fieldValidation": "Strict"}
        if method in ("POST", "PUT", "PATCH") and self._dry:
            query["dryRun"] = "All"
        request = Request(
            method=method,
            path=path,
            query=query,
            body=body,
            content=content,
            connect=self._policy.connect,
            read=self._policy.read if method == "GET" else self._policy.write,
            tested=tested,
        )
        return persistently(
            lambda: self._link.ask(request), policy=self._policy, safe=safe, what=str(request)
        )

    def _versions(self, group: str) -> tuple[str, ...]:
        if not group:
            return tuple(self._send("GET", "/api", safe=True).get("versions") or ())
        try:
            told = self._send("GET", f"/apis/{group}", safe=True)
        except ClusterError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                raise refusals.group_absent(group) from error
            raise
        versions = [one["version"] for one in told.get("versions") or ()]
        preferred = (told.get("preferredVersion") or {}).get("version")
        return tuple(sorted(versions, key=lambda one: one != preferred))

    def _plurals(self, group: str, version: str) -> frozenset[str]:
        path = f"/apis/{group}/{version}" if group else f"/api/{version}"
        if path not in self._resources:
            told = self._send("GET", path, safe=True)
            names = (one["name"] for one in told.get("resources") or ())
            self._resources[path] = frozenset(name for name in names if "/" not in name)
        return self._resources[path]


def named(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer, with apiVersion and kind in each item: lists of built-in kinds lack them."""
    kind = str(answer.get("kind", ""))
    if not kind.endswith("List") or not isinstance(answer.get("items"), list):
        return answer
    version = answer.get("apiVersion")
    answer["items"] = [
        {"apiVersion": version, "kind": kind.removesuffix("List"), **item}
        for item in answer["items"]
    ]
    return answer
