"""A cluster whose process dies at a chosen write: before it is sent, or once it is answered.

It may also fall asleep before one, as a process does whose machine is suspended: between what it
has read and what it writes then lies whatever others did meanwhile.

Used by `driver.py`. Everything of a run passes here, its journal, its Lease and the way home
included, so every write of a release can be the last one of its process.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from progressive.clusters import KubernetesCluster
from progressive.ports import Inbox, Lock, Store, WatchStream
from progressive.stores import ConfigMapInbox, ConfigMapStore, LeaseLock

Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True)
class Doom:
    """
    At which write the process dies.

    Attributes:
        what: Its kind, as `what_is_written` says; empty: writes of every kind are counted.
        nth: Counted from 1, from the start of the process.
        when: ``before`` it is sent, or ``after`` it is answered; ``asleep``: it is not killed
            but stopped before, until somebody wakes it.
    """

    nth: int
    when: str
    what: str = ""


class Record:
    """What happened, a JSON object a line; each line is on the disk before anything goes on."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, kind: str, **told: Any) -> None:
        """Add a line."""
        line = {"kind": kind, "at": time.monotonic(), "pid": os.getpid(), **told}
        os.write(self._file, (json.dumps(line) + "\n").encode())
        os.fsync(self._file)


class Fate:
    """Counts the writes of this process, and ends it at the chosen one."""

    def __init__(self, record: Record, doom: Doom | None) -> None:
        self._record, self._doom = record, doom
        self._counts: Counter[str] = Counter()
        self._turn = threading.Lock()

    def meet(self, what: str, act: Callable[[], Answer]) -> Answer:
        """Carry one write out, unless the process ends before it."""
        with self._turn:
            self._counts[what] += 1
            self._counts[""] += 1
            doom = self._doom
            doomed = doom is not None and self._counts[doom.what] == doom.nth
            doomed = doomed and doom is not None and doom.what in ("", what)
        if doomed and doom is not None and doom.when == "before":
            self._die(what, "before")
        if doomed and doom is not None and doom.when == "asleep":
            doomed = False
            self._record.write("sleeps", what=what)
            os.kill(os.getpid(), signal.SIGSTOP)
            self._record.write("wakes", what=what)
        try:
            answer = act()
        finally:
            if doomed:
                self._die(what, "after")
        self._record.write("write", what=what)
        return answer

    def _die(self, what: str, when: str) -> None:
        self._record.write("dies", what=what, when=when)
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)  # the signal is on its way


class MortalCluster:
    """
    A `Cluster` whose writes meet their fate.

    Args:
        cluster: The real one.
        lease: How long a Lease of this process lasts.
    """

    def __init__(self, cluster: KubernetesCluster, fate: Fate, *, lease: timedelta) -> None:
        self._cluster, self._fate, self._lease = cluster, fate, lease

    @property
    def namespace(self) -> str:
        """Of the configuration."""
        return self._cluster.namespace

    def urgent(self) -> MortalCluster:
        """The same in a hurry; its writes are counted as well."""
        return MortalCluster(self._cluster.urgent(), self._fate, lease=self._lease)

    def get(self, path: str, *, query: dict[str, str] | None = None) -> dict[str, Any]:
        """Read."""
        return self._cluster.get(path, query=query)

    def watch(
        self,
        path: str,
        *,
        name: str | None = None,
        labels: str | None = None,
        until: datetime | None = None,
        known: dict[str, Any] | None = None,
    ) -> WatchStream:
        """Follow."""
        return self._cluster.watch(path, name=name, labels=labels, until=until, known=known)

    def served(self, group: str, plural: str | None = None) -> tuple[str, ...]:
        """Versions of a group."""
        return self._cluster.served(group, plural)

    def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Create, and meet one's fate."""
        what = what_is_written(path, body, made=True)
        return self._fate.meet(what, lambda: self._cluster.create(path, body))

    def json_patch(self, path: str, patch: list[dict[str, Any]]) -> dict[str, Any]:
        """Patch, and meet one's fate."""
        what = what_is_written(path, patch)
        return self._fate.meet(what, lambda: self._cluster.json_patch(path, patch))

    def merge_patch(self, path: str, patch: dict[str, Any]) -> dict[str, Any]:
        """Patch, and meet one's fate."""
        what = what_is_written(path, patch)
        return self._fate.meet(what, lambda: self._cluster.merge_patch(path, patch))

    def replace(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Replace, and meet one's fate."""
        what = what_is_written(path, body)
        return self._fate.meet(what, lambda: self._cluster.replace(path, body))

    def delete(self, path: str, *, version: str | None = None) -> None:
        """Delete, and meet one's fate."""
        self._fate.meet("delete", lambda: self._cluster.delete(path, version=version))

    def store(self) -> Store:
        """Journals, written through here."""
        return ConfigMapStore(self)

    def lock(self) -> Lock:
        """Leases, written through here."""
        return LeaseLock(self, duration=self._lease, renew_every=self._lease / 3)

    def inbox(self) -> Inbox:
        """Decisions, written through here."""
        return ConfigMapInbox(self)


_DRIVER = "progressive.dev~1driver"


def what_is_written(path: str, body: Any, *, made: bool = False) -> str:
    """Of what kind a write is, in the words of the published table."""
    kind = path.split("/namespaces/")[-1].split("/")[1]
    match kind:
        case "leases":
            return _lease(body)
        case "configmaps":
            return "decision" if path.endswith("-inbox") else "journal"
        case "virtualservices":
            return "route made" if made else _route(body)
        case "controllerrevisions":
            return "template kept"
        case "services":
            return "service"
        case "deployments":
            return "primary made" if made else _deployment(path, body)
    return kind


def _lease(body: dict[str, Any]) -> str:
    spec = body.get("spec", {})
    if spec.get("holderIdentity"):
        return "Lease taken"
    return "Lease freed" if "holderIdentity" in spec else "Lease renewed"


def _route(body: Any) -> str:
    """The weights, or nothing but the fence: who may write them."""
    edits = [one for one in body if one["op"] != "test"]
    fences = [one for one in edits if str(one["path"]).endswith(_DRIVER)]
    if fences and len(fences) == len(edits):
        return "fence ended" if fences[0]["op"] == "remove" else "fence"
    return "route"


def _deployment(path: str, body: Any) -> str:
    paths = [str(one["path"]) for one in body if one["op"] != "test"]
    if "/spec/replicas" in paths:
        return "scale"
    if any(one.endswith(_DRIVER) for one in paths):
        return "fence"
    if any(one.startswith("/spec/template") for one in paths):
        return "promote" if path.endswith("-primary") else "image"
    return "mark"
