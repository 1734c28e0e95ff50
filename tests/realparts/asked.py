"""One request of a driver, as a proxy sees it: what it is about, and what came of it.

Used by `proxy.py`, which fills it in, and by whoever looks at the record.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
WRITES = tuple(_VERBS.values())
"""Verbs of requests that change something."""


@dataclass
class Asked:
    """
    One request of the driver.

    Attributes:
        number: The how manieth of its run, from 1.
        verb: As the API server's audit log names it: ``get list watch create patch …``.
        resource: Plural with its subresource; the path where there is no resource.
        name: Of the object; empty: a collection.
        body: What was sent.
        fault: Name of the fault that it met; empty: none.
        forwarded: Whether the server saw it.
        status: The server's answer; 0: none, or not asked.
        answer: The same, decoded; None: no JSON, or a watch.
        at: When it came, by the monotonic clock.
    """

    number: int
    method: str
    path: str
    verb: str
    resource: str
    name: str
    body: bytes = b""
    fault: str = ""
    forwarded: bool = False
    status: int = 0
    answer: Any = None
    at: float = field(default_factory=time.monotonic)

    @property
    def what(self) -> str:
        """Verb and resource: ``patch virtualservices``."""
        return f"{self.verb} {self.resource}"

    def __str__(self) -> str:
        met = f" met {self.fault}" if self.fault else ""
        return f"{self.number} {self.what} {self.name or '-'} {self.status or '-'}{met}"


def read(method: str, path: str, *, number: int = 0, body: bytes = b"") -> Asked:
    """What a request line is about."""
    parts = urlsplit(path)
    query = parse_qs(parts.query)
    if parts.path.endswith("/api/v1/query"):
        return Asked(number, method, path, "get", "query", "", body)
    words = parts.path.strip("/").split("/")
    rest = words[2:] if words[0] == "api" else words[3:] if words[0] == "apis" else []
    if len(rest) >= 3 and rest[0] == "namespaces":
        rest = rest[2:]
    name = rest[1] if len(rest) > 1 else ""
    resource = "/".join((rest[0], *rest[2:])) if rest else parts.path
    verb = _VERBS.get(method)
    if verb is None:
        verb = "watch" if "watch" in query else "get" if name or not rest else "list"
    if not name and "fieldSelector" in query:
        name = query["fieldSelector"][0].removeprefix("metadata.name=")
    return Asked(number, method, path, verb, resource, name, body)
