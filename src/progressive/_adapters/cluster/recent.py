"""Remembers the last objects of a connection that hold secrets, for the day of a refusal.

Floor 4, but touches nothing. A policy or a webhook may quote in its refusal any part of the object
as it would be stored, and a patch names little of it. Which values of an object are secrets is
said by `_kube/shown.py`; `link.py` takes them out of the refusal's words.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from progressive._kube.shown import secrets_of

_KEPT = 16
"""Objects; a release has two Deployments and a handful of kept templates."""

_HOLDERS = ("data", "stringData", "spec")


class RecentObjects:
    """The last objects that were read or written; threads may share it."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], Mapping[str, Any]] = {}
        self._turn = threading.Lock()

    def note(self, answer: Mapping[str, Any]) -> None:
        """An answer of the server; what is no single object with a spec or data is not kept."""
        meta = answer.get("metadata")
        if not isinstance(meta, Mapping) or not meta.get("name"):
            return
        if not any(isinstance(answer.get(key), Mapping) for key in _HOLDERS):
            return
        key = (str(answer.get("kind")), str(meta.get("namespace", "")), str(meta["name"]))
        with self._turn:
            self._kept.pop(key, None)
            self._kept[key] = answer
            while len(self._kept) > _KEPT:
                self._kept.pop(next(iter(self._kept)))

    def secrets(self, body: Any) -> frozenset[str]:
        """What is secret in these objects, and in the body of a request."""
        with self._turn:
            kept = tuple(self._kept.values())
        return secrets_of(body, *kept)
