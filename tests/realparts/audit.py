"""Counts what each user asked of the API server, from the server's own audit log."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Asked = tuple[str, str]
"""Verb (``get list watch create update patch delete``) and resource.

A subresource follows its resource after a slash (``deployments/scale``); what is no resource,
such as discovery, is told by its path (``/apis/apps/v1``).
"""


def count(log: Path, *, user: str, since: int = 0, namespace: str | None = None) -> Counter[Asked]:
    """
    Requests of one user.

    Args:
        log: The audit log, one JSON object a line.
        user: Whose.
        since: Where in the log to begin, in bytes; only what was written later counts.
        namespace: Only what was asked of this namespace; None: everything.
    """
    asked: Counter[Asked] = Counter()
    seen: set[str] = set()
    for event in events(log, since=since):
        about = event.get("objectRef", {})
        if _asker(event) != user or event["auditID"] in seen:
            continue  # a watch is told twice: when it begins, and when it ends
        if namespace is not None and about.get("namespace", "") != namespace:
            continue
        seen.add(event["auditID"])
        if not (what := about.get("resource", "")):
            what = event["requestURI"].partition("?")[0]
        elif "subresource" in about:
            what += f"/{about['subresource']}"
        asked[event["verb"], what] += 1
    return asked


def answers(
    log: Path, *, user: str, since: int = 0, namespace: str | None = None
) -> Iterator[tuple[str, str, int]]:
    """Verb, resource and status of everything that one user wrote, in the order of the answers."""
    for event in events(log, since=since):
        about = event.get("objectRef", {})
        if _asker(event) != user or event["verb"] in ("get", "list", "watch"):
            continue
        if namespace is None or about.get("namespace", "") == namespace:
            yield event["verb"], about.get("resource", ""), event["responseStatus"]["code"]


def events(log: Path, *, since: int = 0) -> Iterator[dict[str, Any]]:
    """What the log tells from an offset on; a line that is still being written is left out."""
    with log.open("rb") as file:
        file.seek(since)
        for line in file:
            if line.endswith(b"\n"):
                yield json.loads(line)


def _asker(event: dict[str, Any]) -> str | None:
    """Who asked; None for a request that was turned away before its user was known."""
    name: str | None = event.get("user", {}).get("username")
    return name
