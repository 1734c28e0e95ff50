"""Keeps journals in the cluster.

Floor 4, over `ports.Cluster`; knows nothing of what a journal says. `folder.py` keeps them in
files; the journal of a run without either lives in the process (`_run/memory.py`).
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from attrs import frozen

from progressive._kube.paths import object_path
from progressive._model.traffic import Target
from progressive.errors import ClusterError, ErrorKind, StoreConflict, StoreError
from progressive.ports import Cluster, Saved

LABELS = {"app.kubernetes.io/managed-by": "progressive"}
"""On every object that a run keeps for itself."""

KEY = "journal"
"""Key of a ConfigMap under which its journal lies."""
_SEQUENCE, _SCHEMA = "progressive.dev/saves", "progressive.dev/schema"

_LARGEST = 900 * 1024
"""Bytes: the API server refuses a ConfigMap above 1 MiB, and etcd one above 1.5 MiB."""

_ATTEMPTS = 5


@runtime_checkable
class Hurrying(Protocol):
    """A cluster that can also be asked with one short attempt."""

    def urgent(self) -> Cluster:
        """The same cluster in a hurry."""


def in_a_hurry(cluster: Cluster) -> Cluster:
    """The cluster with one short attempt for each request, where it can do that."""
    return cluster.urgent() if isinstance(cluster, Hurrying) else cluster


def config_map_path(target: Target, name: str | None = None) -> str:
    """Path of a ConfigMap beside the target; without `name`, of all of them."""
    return object_path("v1", "ConfigMap", namespace=target.namespace, name=name)


def journal_name(target: Target) -> str:
    """Name of the ConfigMap that holds the target's journal."""
    return f"progressive-{target.service}"


def version_of(sequence: int, text: str) -> str:
    """The version of a journal: how often it was saved, and what it says."""
    return f"{sequence}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


@frozen(kw_only=True)
class _Found:
    """A journal's object; without a journal in it, `version` is None."""

    resource_version: str
    version: str | None
    sequence: int
    text: str


class ConfigMapStore:
    """
    A `Store` in the cluster: one ConfigMap ``progressive-SERVICE`` in the target's namespace.

    What others write beside the journal, labels or other keys, stays and is no conflict. A
    journal that somebody deleted is made again by the next save: its run still drives, and
    without it nobody could resume.

    Raises:
        StoreError: The API server said no; a journal above 900 KiB is refused.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._seen: dict[str, _Found] = {}
        self._in_doubt: dict[str, set[str]] = {}
        self._guard = threading.Lock()

    def load(self, target: Target) -> Saved | None:
        """The journal; None: there is none."""
        found = self._read(self._cluster, target)
        if found is None or found.version is None:
            return None
        return Saved(text=found.text, version=found.version)

    def save(
        self, target: Target, text: str, expected: str | None, *, urgent: bool = False
    ) -> str:
        """
        Replace the journal and return its new version.

        Args:
            expected: Version that is replaced; None: there was no journal.
            urgent: One short attempt.

        Raises:
            StoreConflict: Another journal stands there.
            StoreError: It is too large, or the API server said no.
        """
        size = len(text.encode())
        if size > _LARGEST:
            raise StoreError(
                f"the journal of {target} has {size // 1024} KiB; a ConfigMap holds 900 KiB",
                ErrorKind.INVALID,
            )
        cluster = in_a_hurry(self._cluster) if urgent else self._cluster
        with self._guard:
            found = self._seen.get(str(target))
        if found is None or found.version != expected:
            found = self._read(cluster, target) if expected is not None else None
        for _ in range(_ATTEMPTS):
            self._check(target, found, expected)
            sequence = _sequence_of(expected) + 1
            try:
                written = self._write(cluster, target, found, sequence, text)
            except ClusterError as error:
                if error.kind not in (ErrorKind.CONFLICT, ErrorKind.NOT_FOUND):
                    if error.kind is ErrorKind.UNAVAILABLE:
                        # it may be stored all the same, even later: that is no other driver
                        self._doubt(target).add(version_of(sequence, text))
                    raise _refused(target, "saved", error) from error
                if error.kind is ErrorKind.NOT_FOUND and found is None:
                    raise _refused(target, "saved", error) from error
                found = self._read(cluster, target)
                if found is not None and found.version == version_of(sequence, text):
                    return found.version  # an attempt whose answer was lost had stored it
                continue
            self._doubt(target).clear()
            return self._remember(target, written).version or ""
        raise StoreError(f"the journal of {target} is being changed by others all the time")

    def _check(self, target: Target, found: _Found | None, expected: str | None) -> None:
        known = (None, expected, *self._doubt(target))
        if found is not None and found.version not in known:
            raise StoreConflict(
                f"the journal of {target} was saved by another driver "
                f"(version {found.version}, expected {expected or 'none'})"
            )

    def _doubt(self, target: Target) -> set[str]:
        """Versions that this store wrote without an answer."""
        return self._in_doubt.setdefault(str(target), set())

    def _write(
        self, cluster: Cluster, target: Target, found: _Found | None, sequence: int, text: str
    ) -> dict[str, Any]:
        notes = {_SEQUENCE: str(sequence), _SCHEMA: "1"}
        meta: dict[str, Any] = {"annotations": notes, "labels": LABELS}
        if found is None:
            body = {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": journal_name(target), "namespace": target.namespace, **meta},
                "data": {KEY: text},
            }
            return cluster.create(config_map_path(target), body)
        meta["resourceVersion"] = found.resource_version
        path = config_map_path(target, journal_name(target))
        return cluster.merge_patch(path, {"metadata": meta, "data": {KEY: text}})

    def _read(self, cluster: Cluster, target: Target) -> _Found | None:
        try:
            return self._remember(
                target, cluster.get(config_map_path(target, journal_name(target)))
            )
        except ClusterError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                with self._guard:
                    self._seen.pop(str(target), None)
                return None
            raise _refused(target, "read", error) from error

    def _remember(self, target: Target, manifest: dict[str, Any]) -> _Found:
        meta = manifest["metadata"]
        text = (manifest.get("data") or {}).get(KEY)
        told = str((meta.get("annotations") or {}).get(_SEQUENCE, ""))
        sequence = int(told) if told.isdecimal() else 0
        found = _Found(
            resource_version=str(meta.get("resourceVersion", "")),
            version=None if text is None else version_of(sequence, text),
            sequence=sequence,
            text=text or "",
        )
        with self._guard:
            self._seen[str(target)] = found
        return found


def follow(cluster: Cluster, target: Target, *, until: datetime) -> Iterator[str]:
    """
    The journal as it is and as it is saved, until an instant; nothing while there is none.

    Raises:
        StoreError: The API server said no.
    """
    path = config_map_path(target)
    try:
        stream = cluster.watch(path, name=journal_name(target), until=until)
        try:
            for _, manifest in stream:
                if (text := (manifest.get("data") or {}).get(KEY)) is not None:
                    yield text
        finally:
            stream.close()
    except ClusterError as error:
        raise _refused(target, "followed", error) from error


def _sequence_of(version: str | None) -> int:
    number = (version or "").partition("-")[0]
    return int(number) if number.isdecimal() else 0


def _refused(target: Target, what: str, error: ClusterError) -> StoreError:
    return StoreError(
        f"the journal of {target} cannot be {what}: {error}", error.kind, error.retry_after
    )
