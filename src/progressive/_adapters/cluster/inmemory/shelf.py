"""Keeps objects as the API server keeps them.

Floor 4, but pure apart from the clock that it is given. Decides resource versions, generations
and who wrote what; `memory.py` puts the verbs, the log and the watches around it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import datetime
from typing import Any

from progressive._adapters.cluster import refusals
from progressive._adapters.cluster.address import Address
from progressive._adapters.cluster.inmemory.ownership import record_write
from progressive._kube.patch import same

Manifest = dict[str, Any]
Key = tuple[str, str, str, str]
Changed = Callable[[str, Address, Manifest], None]

_KEPT = ("uid", "creationTimestamp", "deletionTimestamp", "generation", "selfLink")
_WITHOUT_STATUS_SUBRESOURCE = frozenset(
    {
        "trafficsplits",
        "serviceprofiles",
        "traefikservices",
        "ingressroutes",
        "meshes",
    }
)
"""Their CRDs have none (see the mesh reference): a status in a write is stored."""

_UNCOUNTED_GROUPS = frozenset({"", "coordination.k8s.io", "rbac.authorization.k8s.io"})
"""Groups whose objects carry no `metadata.generation`."""


class Shelf:
    """
    Objects by address.

    Args:
        changed: Called with ``ADDED MODIFIED DELETED``, the address and the object.
        now: The clock for time stamps.
        exact: Objects get no uid, time stamp or managed fields that they did not bring.
    """

    def __init__(self, changed: Changed, now: Callable[[], datetime], *, exact: bool) -> None:
        self._changed, self._now, self._exact = changed, now, exact
        self.objects: dict[Key, Manifest] = {}
        self.gone: set[Key] = set()
        self._version, self._made = 1000, 0

    def load(self, at: Address, manifest: Mapping[str, Any], *, manager: str) -> Manifest:
        """Put an object there as it is, status included."""
        new = deepcopy(dict(manifest))
        meta = new["metadata"] = dict(new.get("metadata") or {})
        self._count(meta)
        if not self._exact:
            if at.namespace is not None:
                meta["namespace"] = at.namespace
            meta.setdefault("resourceVersion", self._next_version())
            self._birth(at, new, manager)
        self.objects[at.key] = new
        self.gone.discard(at.key)
        return new

    def create(self, at: Address, body: Mapping[str, Any], *, manager: str) -> Manifest:
        """Store a new object; the caller has seen that its place is free."""
        new = deepcopy(dict(body))
        meta = new["metadata"] = dict(new.get("metadata") or {})
        meta["name"] = at.name
        if at.namespace is not None:
            meta["namespace"] = at.namespace
        for key in (*_KEPT, "managedFields"):
            meta.pop(key, None)
        if at.plural not in _WITHOUT_STATUS_SUBRESOURCE:
            new.pop("status", None)
        meta["resourceVersion"] = self._next_version()
        if not self._exact:
            self._birth(at, new, manager)
        self.objects[at.key] = new
        self.gone.discard(at.key)
        self._changed("ADDED", at, new)
        return new

    def update(
        self, at: Address, old: Manifest, body: Mapping[str, Any], *, manager: str
    ) -> tuple[Manifest, bool]:
        """
        Store a changed object; a change that is none stores nothing.

        Returns:
            The object as it stands, and whether anything changed.

        Raises:
            ClusterError: The resource version is old, or what may not change does.
        """
        new = deepcopy(dict(body))
        meta = new["metadata"] = dict(new.get("metadata") or {})
        before = old["metadata"]
        self._count(before)
        wanted = meta.get("resourceVersion")
        if wanted is not None and wanted != before.get("resourceVersion"):
            raise refusals.modified(at)
        self._guard(at, old, new)
        for key in (*_KEPT, "resourceVersion", "managedFields"):
            meta.pop(key, None)
            if key in before:
                meta[key] = deepcopy(before[key])
        self._settle_status(at, old, new)
        if same(old, new):
            return old, False
        if "generation" in meta and _counted(new) != _counted(old):
            meta["generation"] += 1
        meta["resourceVersion"] = self._next_version()
        if not self._exact:
            record_write(old, new, manager=manager, at=self._stamp(), subresource=at.subresource)
        if meta.get("deletionTimestamp") and not meta.get("finalizers"):
            self.drop(at, new)
            return new, True
        self.objects[at.key] = new
        self._changed("MODIFIED", at, new)
        return new, True

    def delete(self, at: Address, old: Manifest) -> None:
        """Remove an object, or mark it while finalizers hold it."""
        if old["metadata"].get("finalizers"):
            if old["metadata"].get("deletionTimestamp"):
                return
            new = deepcopy(old)
            new["metadata"]["deletionTimestamp"] = self._stamp()
            new["metadata"]["resourceVersion"] = self._next_version()
            self.objects[at.key] = new
            self._changed("MODIFIED", at, new)
            return
        self.drop(at, old)

    def drop(self, at: Address, old: Manifest) -> None:
        """Remove an object at once."""
        last = deepcopy(old)
        last["metadata"]["resourceVersion"] = self._next_version()
        self.objects.pop(at.key, None)
        self.gone.add(at.key)
        self._changed("DELETED", at, last)

    @property
    def version(self) -> str:
        """Resource version of the newest write."""
        return str(self._version)

    def _birth(self, at: Address, new: Manifest, manager: str) -> None:
        meta = new["metadata"]
        self._made += 1
        # numbered, not random: a test's failure can be repeated
        meta.setdefault("uid", f"00000000-0000-4000-8000-{self._made:012d}")
        meta.setdefault("creationTimestamp", self._stamp())
        if at.group not in _UNCOUNTED_GROUPS:
            meta.setdefault("generation", 1)
        if "managedFields" not in meta:
            record_write(None, new, manager=manager, at=self._stamp())

    def _guard(self, at: Address, old: Manifest, new: Manifest) -> None:
        before, meta = old["metadata"], new["metadata"]
        if meta.get("name", at.name) != at.name:
            raise refusals.invalid(
                at, f"the name of the object ({meta['name']}) does not match the name on the URL "
                f"({at.name})", status=400,
            )  # fmt: skip
        meta["name"] = at.name
        if at.namespace is not None and (not self._exact or "namespace" in before):
            if meta.get("namespace", at.namespace) != at.namespace:
                raise refusals.invalid(
                    at, "the namespace of the provided object does not match the namespace sent "
                    "on the request", status=400,
                )  # fmt: skip
            meta["namespace"] = at.namespace
        if meta.get("uid", before.get("uid")) != before.get("uid"):
            raise refusals.modified(at)
        selector = old.get("spec", {}).get("selector") if at.group == "apps" else None
        if selector is not None and not same(selector, new.get("spec", {}).get("selector")):
            raise refusals.invalid(at, "spec.selector: Invalid value: field is immutable")

    def _settle_status(self, at: Address, old: Manifest, new: Manifest) -> None:
        status = new.pop("status", None)
        if at.subresource == "status":
            metadata = new["metadata"]
            new.clear()
            new.update(deepcopy(old))
            new["metadata"] = metadata
        elif at.plural not in _WITHOUT_STATUS_SUBRESOURCE:
            status = deepcopy(old.get("status"))
        new.pop("status", None)
        if status is not None:
            new["status"] = status

    def _count(self, meta: Mapping[str, Any]) -> None:
        # versions that came from elsewhere must never be met again
        if str(meta.get("resourceVersion", "")).isdecimal():
            self._version = max(self._version, int(meta["resourceVersion"]))

    def _next_version(self) -> str:
        self._version += 1
        return str(self._version)

    def _stamp(self) -> str:
        return self._now().strftime("%Y-%m-%dT%H:%M:%SZ")


def _counted(manifest: Manifest) -> Manifest:
    """What moves the generation: all but metadata and status."""
    return {k: v for k, v in manifest.items() if k not in ("metadata", "status", "apiVersion")}
