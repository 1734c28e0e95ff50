"""Tells a run when its target gets another template or loses its pods, and shows it as it is.

Floor 4. One thread and one watch beside the run; started by the workload adapters.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from progressive._adapters.workload.objects import deployment_path
from progressive._kube.workload.readiness import lost
from progressive._kube.workload.revision import revision_of
from progressive._log import log
from progressive._model.events import CanaryLost, TargetMoved
from progressive.errors import AdapterError
from progressive.ports import Cluster, Tell, WatchStream

_PAUSE = 5.0
"""Seconds before a watch that the cluster refused is tried again."""
_PATIENCE = 2.0
"""Seconds that `close()` waits for the thread; it is a daemon, so a late one does no harm."""


class TargetWatch:
    """
    Follows one Deployment until it is closed.

    Tells `TargetMoved` once for each template, and `CanaryLost` once for each loss: when none of
    its pods is ready any more (L23). A driver that goes on after another is told of a loss that
    it finds, too.

    Args:
        known: The revision that the run knows; None: the first that is seen.
        begin: The Deployment as it was read a moment ago, if it was.
        now: What the told events carry as their instant.

    Raises:
        AdapterError: The cluster refuses the watch at once. A refusal that comes later is logged;
            a cluster that only cannot be asked is asked again.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        namespace: str,
        name: str,
        known: str | None,
        tell: Tell,
        now: Callable[[], datetime],
        begin: dict[str, Any] | None = None,
    ) -> None:
        self._cluster, self._namespace, self._name = cluster, namespace, name
        self._known, self._tell, self._now = known, tell, now
        self._serves = True  # what is found without a ready pod was lost before we looked
        self._closed = threading.Event()
        self._turn = threading.Condition()
        self._stream: WatchStream | None = None
        self._latest: dict[str, Any] | None = None
        try:
            self._stream = self._open(begin)
        except AdapterError as error:
            if not error.transient:
                raise
        self._thread = threading.Thread(
            target=self._follow, name=f"progressive-target-{name}", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop; safe from any thread, and twice."""
        self._closed.set()
        with self._turn:
            self._turn.notify_all()
            if self._stream is not None:
                self._stream.close()
        if threading.current_thread() is not self._thread:
            self._thread.join(_PATIENCE)

    @property
    def follows(self) -> bool:
        """Whether there is a stream; one whose connection is being renewed counts."""
        return self._stream is not None and not self._closed.is_set()

    def latest(self, *, generation: int) -> dict[str, Any] | None:
        """
        The Deployment as it was last shown; None: not (yet, or any more), or nothing is followed.

        Args:
            generation: An older one is not shown: a write of ours came after it.
        """
        with self._turn:
            return self._shown(generation)

    def wait(
        self, good: Callable[[dict[str, Any]], bool], *, generation: int, seconds: float
    ) -> dict[str, Any] | None:
        """The Deployment once it is as wanted; None: not in time, or nothing is followed."""

        def seen() -> bool:
            shown = self._shown(generation)
            return not self.follows or (shown is not None and good(shown))

        with self._turn:
            found = self._turn.wait_for(seen, max(0.0, seconds))
            return self._shown(generation) if found else None

    def _shown(self, generation: int) -> dict[str, Any] | None:
        latest = self._latest if self.follows else None
        if latest is None or latest["metadata"].get("generation", 0) < generation:
            return None
        return latest

    def _show(self, manifest: dict[str, Any] | None) -> None:
        with self._turn:
            self._latest = manifest
            self._turn.notify_all()

    def _open(self, known: dict[str, Any] | None = None) -> WatchStream:
        path = deployment_path(self._namespace)
        return self._cluster.watch(path, name=self._name, known=known)

    def _follow(self) -> None:
        while not self._closed.is_set():
            try:
                self._read(self._next_stream())
            except AdapterError as error:
                if self._closed.is_set():
                    return
                where = f"{self._namespace}/{self._name}"
                log.warning("cannot follow %s: %s", where, error)
                if not error.transient:
                    return
            finally:
                with self._turn:
                    self._stream, self._latest = None, None
                    self._turn.notify_all()
            self._closed.wait(_PAUSE)

    def _next_stream(self) -> WatchStream:
        with self._turn:
            if self._stream is not None:
                return self._stream
        stream = self._open()  # not with the turn held: close() must not wait for an answer
        with self._turn:
            self._stream = stream
            if self._closed.is_set():
                stream.close()
        return stream

    def _read(self, stream: WatchStream) -> None:
        for kind, manifest in stream:
            if kind == "SYNCED":
                continue
            self._show(None if kind == "DELETED" else manifest)
            if kind == "DELETED":
                # it has no revision to move to, and its pods are about to go
                self._look_for_loss(f"Deployment {self._namespace}/{self._name} does not exist")
                continue
            self._look_for_move(revision_of(manifest))
            self._look_for_loss(lost(manifest))

    def _look_for_move(self, seen: str) -> None:
        if self._known is not None and seen != self._known and not self._closed.is_set():
            self._tell(TargetMoved(at=self._now(), revision=seen))
        self._known = seen

    def _look_for_loss(self, message: str | None) -> None:
        """What was scaled to zero, or has not been ready since, has nothing to lose."""
        if message and self._serves and not self._closed.is_set():
            self._tell(CanaryLost(at=self._now(), message=message))
        self._serves = message is None
