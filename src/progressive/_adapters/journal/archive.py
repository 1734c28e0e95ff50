"""Keeps the journals of runs that are over in the cluster, ten of each target.

Floor 4, over `ports.Cluster`; the half of `stores.py` that looks back, and knows nothing of what
a journal says. Texts stay as they are and are not compressed: ten of them fit into a ConfigMap,
and whoever has nothing but kubectl can read them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from progressive._kube.marks import MANAGED_BY, MANAGER
from progressive._kube.paths import object_path
from progressive._log import log
from progressive._model.traffic import Target
from progressive.errors import ClusterError, ErrorKind, StoreError
from progressive.ports import RUNS_KEPT, Cluster, Kept

_LARGEST = 88 * 1024
"""Bytes of one run. Ten have 880 KiB, and an eleventh before the oldest goes still fits into the
1 MiB of a ConfigMap. Runs are cut to 60 KiB before; only people's words can make one longer."""

_KEY = "run-"
_PREFIX, _SUFFIX = "progressive-", "-history"

_PAGE = 50
"""ConfigMaps in one answer of a list: a history may have 880 KiB."""


class Archive:
    """
    The ConfigMap ``progressive-SERVICE-history`` of each target: a key for each run.

    Raises:
        StoreError: The API server said no; a text above 88 KiB is refused.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def keep(
        self, target: Target, run: str, text: str, *, known: Sequence[str]
    ) -> tuple[str, ...]:
        """
        Put one aside, and drop what is beyond ten.

        Args:
            known: What is thought to be kept already; right, it saves a request.

        Returns:
            What is kept now.
        """
        if (size := len(text.encode())) > _LARGEST:
            raise StoreError(
                f"the journal of {run} has {size // 1024} KiB; 88 KiB are kept of a run",
                ErrorKind.INVALID,
            )
        name = name_of(run)
        change = {**dict.fromkeys(map(_key, _beyond(known, name))), _key(name): text}
        try:
            written = self._write(target, change, there=bool(known))
        except ClusterError as error:
            raise _refused(target, "written", error) from error
        kept = _names(written)
        if over := _beyond(kept, name):
            self._drop(target, over)
        return tuple(one for one in kept if one not in over)

    def kept(self, target: Target) -> tuple[Kept, ...]:
        """What was put aside, newest first."""
        try:
            return _kept_in(self._cluster.get(_path(target, named=True)))
        except ClusterError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return ()
            raise _refused(target, "read", error) from error

    def _write(self, target: Target, change: dict[str, Any], *, there: bool) -> dict[str, Any]:
        """One request when `there` is right, and two when it is not."""
        data = {key: text for key, text in change.items() if text is not None}
        meta = {
            "name": f"{_PREFIX}{target.service}{_SUFFIX}",
            "namespace": target.namespace,
            "labels": {MANAGED_BY: MANAGER},
        }
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}
        for patched in (there, not there, there):
            try:
                if patched:
                    return self._cluster.merge_patch(_path(target, named=True), {"data": change})
                return self._cluster.create(_path(target), body)
            except ClusterError as error:
                # deleted, or made, since the journal was told of it: the other way then
                if error.kind is not (ErrorKind.NOT_FOUND if patched else ErrorKind.CONFLICT):
                    raise
                last = error
        raise last

    def _drop(self, target: Target, names: Sequence[str]) -> None:
        change = {"data": dict.fromkeys(map(_key, names))}
        try:
            self._cluster.merge_patch(_path(target, named=True), change)
        except ClusterError as error:
            # what had to be kept is kept; the next run drops them
            log.debug("old runs of %s were not dropped: %s", target, error)


@frozen(kw_only=True)
class Journals:
    """
    All journals of one service.

    Attributes:
        present: Of the present or last run; None: there is none.
        kept: Of those before it, newest first.
    """

    namespace: str
    service: str
    present: str | None
    kept: tuple[Kept, ...]


def journals_in(cluster: Cluster, namespace: str | None) -> tuple[Journals, ...]:
    """
    The journals of every service in a namespace; None: in all of them.

    Raises:
        StoreError: The API server said no.
    """
    present: dict[tuple[str, str], str] = {}
    kept: dict[tuple[str, str], tuple[Kept, ...]] = {}
    for manifest in _config_maps(cluster, namespace):
        meta, data = manifest["metadata"], manifest.get("data") or {}
        place = str(meta.get("namespace") or namespace)
        service = str(meta["name"]).removeprefix(_PREFIX)
        # by what is in them: a service `web-history` has a journal of that name
        if "journal" in data:
            present[place, service] = data["journal"]
        if found := _kept_in(manifest):
            kept[place, service.removesuffix(_SUFFIX)] = found
    return tuple(
        Journals(
            namespace=place,
            service=service,
            present=present.get((place, service)),
            kept=kept.get((place, service), ()),
        )
        for place, service in sorted({*present, *kept})
    )


def _config_maps(cluster: Cluster, namespace: str | None) -> Iterator[dict[str, Any]]:
    path = object_path("v1", "ConfigMap", namespace=namespace)
    query = {"labelSelector": f"{MANAGED_BY}={MANAGER}", "limit": str(_PAGE)}
    try:
        while True:
            page = cluster.get(path, query=query)
            yield from page.get("items") or ()
            following = (page.get("metadata") or {}).get("continue")
            if not following:
                return
            query = {**query, "continue": following}
    except ClusterError as error:
        where = "all namespaces" if namespace is None else f"namespace {namespace}"
        raise StoreError(
            f"the journals of {where} cannot be listed: {error}", error.kind, error.retry_after
        ) from error


def name_of(run: str) -> str:
    """A run's id as a key or a file name; one that cannot be either is hashed."""
    if re.fullmatch(r"[A-Za-z0-9][-._A-Za-z0-9]{0,99}", run):
        return run
    return hashlib.sha256(run.encode()).hexdigest()[:16]


def _key(name: str) -> str:
    return f"{_KEY}{name}"


def _beyond(names: Sequence[str], newest: str) -> list[str]:
    """The oldest beyond ten; never the one that was just put aside, whatever its clock said."""
    return sorted({*names} - {newest})[: 1 - RUNS_KEPT]


def _names(manifest: Mapping[str, Any]) -> list[str]:
    keys = sorted(manifest.get("data") or {})
    return [key.removeprefix(_KEY) for key in keys if key.startswith(_KEY)]


def _kept_in(manifest: Mapping[str, Any]) -> tuple[Kept, ...]:
    data = manifest.get("data") or {}
    names = reversed(_names(manifest))
    return tuple(Kept(run=name, text=data[_key(name)]) for name in names)


def _path(target: Target, *, named: bool = False) -> str:
    name = f"{_PREFIX}{target.service}{_SUFFIX}" if named else None
    return object_path("v1", "ConfigMap", namespace=target.namespace, name=name)


def _refused(target: Target, what: str, error: ClusterError) -> StoreError:
    return StoreError(
        f"the history of {target} cannot be {what}: {error}", error.kind, error.retry_after
    )
