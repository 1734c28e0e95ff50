"""Keeps people's decisions in the cluster, for a driver that lives or one that comes.

Floor 4, over `ports.Cluster`. Decisions lie in an object of their own and are only ever added,
so that a person and a driver never write over each other.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from attrs import frozen

from progressive._adapters.journal.stores import LABELS, config_map_path
from progressive._log import log
from progressive._model.events import Command, Commanded
from progressive._model.traffic import Target
from progressive.errors import ClusterError, ErrorKind, SpecError, StoreError
from progressive.ports import Closeable, Cluster, Tell, WatchStream

_KEPT = 50
"""Decisions that stay; older ones are removed when a new one comes."""

_WORDS = 1000
"""Characters of `by` and of `why` that are kept."""

_KEY = re.compile(r"^\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{8}$")

_ATTEMPTS = 4


@frozen(kw_only=True)
class Decision:
    """
    What a person decided.

    Attributes:
        id: Unique; ids sort by time.
        command: What is to be done.
        by, why: Who, and why, in their words.
        at: When, by the clock of the machine where it was put.
    """

    id: str
    command: Command
    by: str
    why: str
    at: datetime


class ConfigMapInbox:
    """
    An `Inbox` in the cluster: one ConfigMap ``progressive-SERVICE-inbox`` beside the target.

    Args:
        now: Time of day, for ids and events.

    Raises:
        StoreError: The API server said no.
    """

    def __init__(
        self, cluster: Cluster, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._cluster, self._now = cluster, now

    def put(self, target: Target, command: str, *, by: str, why: str) -> str:
        """
        Append one decision, and return its id.

        Raises:
            SpecError: `command` is none of ``abort hold resume promote approve retry``.
            StoreError: It could not be written.
        """
        if command not in list(Command):
            raise SpecError("command", f"{command!r} is none of {', '.join(Command)}")
        at = self._now().astimezone(UTC)
        key = f"{at.strftime('%Y%m%dT%H%M%S.%fZ')}-{secrets.token_hex(4)}"
        told = {
            "id": key,
            "command": str(command),
            "by": by[:_WORDS],
            "why": why[:_WORDS],
            "at": at.isoformat().replace("+00:00", "Z"),
        }
        written = self._append(target, {key: json.dumps(told)})
        self._prune(target, written)
        return key

    def watch(self, target: Target, tell: Tell, *, since: datetime | None = None) -> Closeable:
        """
        Tell `Commanded` for each new decision, until closed.

        Args:
            since: What was put after this instant is new, though it is there already; it is told
                before this returns. None: what is there is old.

        Raises:
            StoreError: The inbox cannot be read.
        """
        before: tuple[Decision, ...] = ()
        try:
            stream = self._cluster.watch(config_map_path(target), name=_name(target))
            for kind, manifest in stream:
                # read here and not in the thread: what is put from now on is surely new
                if kind == "SYNCED":
                    break
                before = _read(manifest)
        except ClusterError as error:
            raise StoreError(
                f"the inbox of {target} cannot be followed: {error}",
                error.kind,
                error.retry_after,
            ) from error
        for decision in before:
            if since is not None and decision.at > since:
                tell(self._event(decision))
        seen = {one.id for one in before}
        return _Watching(stream, target, seen, lambda decision: tell(self._event(decision)))

    def decisions(self, target: Target, *, after: datetime) -> tuple[Decision, ...]:
        """
        Decisions put later than `after`, in order, for somebody who only looks.

        Raises:
            StoreError: The inbox cannot be read.
        """
        try:
            manifest = self._cluster.get(config_map_path(target, _name(target)))
        except ClusterError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return ()
            raise StoreError(
                f"the inbox of {target} cannot be read: {error}", error.kind, error.retry_after
            ) from error
        return tuple(one for one in _read(manifest) if one.at > after)

    def _event(self, decision: Decision) -> Commanded:
        # the instant is ours: events of a run never go backwards, other machines' clocks may
        return Commanded(
            at=self._now(),
            command=decision.command,
            by=decision.by,
            why=decision.why,
            id=decision.id,
        )

    def _append(self, target: Target, data: dict[str, str]) -> dict[str, Any]:
        path = config_map_path(target, _name(target))
        failure: ClusterError | None = None
        for _ in range(_ATTEMPTS):
            # adding the same key again does no harm, so a lost answer is no matter
            try:
                return self._cluster.merge_patch(path, {"data": data})
            except ClusterError as error:
                failure = error
            if failure.kind is ErrorKind.NOT_FOUND:
                try:
                    return self._cluster.create(config_map_path(target), _made(target, data))
                except ClusterError as error:
                    failure = error
            if not failure.transient:
                break
        assert failure is not None
        raise StoreError(
            f"the decision for {target} cannot be written: {failure}",
            failure.kind,
            failure.retry_after,
        ) from failure

    def _prune(self, target: Target, manifest: Mapping[str, Any]) -> None:
        old = sorted(key for key in manifest.get("data") or {} if _KEY.match(key))[:-_KEPT]
        if not old:
            return
        path = config_map_path(target, _name(target))
        try:
            self._cluster.merge_patch(path, {"data": dict.fromkeys(old)})
        except ClusterError as error:
            # the decision itself is stored; the next one prunes again
            log.debug("the inbox of %s was not pruned: %s", target, error)


class _Watching:
    """A thread that follows the inbox."""

    def __init__(
        self,
        stream: WatchStream,
        target: Target,
        seen: set[str],
        tell: Callable[[Decision], None],
    ) -> None:
        self._stream, self._target, self._tell = stream, target, tell
        self._seen = seen
        thread = threading.Thread(
            target=self._follow, name=f"progressive-inbox {target}", daemon=True
        )
        thread.start()

    def close(self) -> None:
        """Stop; safe to call twice."""
        self._stream.close()

    def _follow(self) -> None:
        try:
            for kind, manifest in self._stream:
                if kind in ("ADDED", "MODIFIED"):
                    self._tell_new(_read(manifest))
        except ClusterError as error:
            log.warning(
                "decisions for %s cannot be seen from now on, only signals reach this run: %s",
                self._target,
                error,
            )

    def _tell_new(self, decisions: tuple[Decision, ...]) -> None:
        for decision in decisions:
            if decision.id not in self._seen:
                self._seen.add(decision.id)
                self._tell(decision)


def _name(target: Target) -> str:
    return f"progressive-{target.service}-inbox"


def _made(target: Target, data: dict[str, str]) -> dict[str, Any]:
    meta = {"name": _name(target), "namespace": target.namespace, "labels": LABELS}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def _read(manifest: Mapping[str, Any]) -> tuple[Decision, ...]:
    found = []
    for key, text in sorted((manifest.get("data") or {}).items()):
        try:
            told = json.loads(text)
            decision = Decision(
                id=key,
                command=Command(told["command"]),
                by=str(told.get("by", "")),
                why=str(told.get("why", "")),
                at=datetime.fromisoformat(str(told["at"]).replace("Z", "+00:00")),
            )
            decision.at.astimezone(UTC)
        except (ValueError, KeyError, TypeError, AttributeError):
            log.warning("the decision %r in an inbox cannot be read and is passed over", key)
            continue
        found.append(decision)
    return tuple(found)
