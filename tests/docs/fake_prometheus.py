"""A Prometheus on the loopback that has good news about everything, as a proxy for its name.

Documents say ``http://prometheus:9090``; with this server as HTTP proxy of the environment that
name needs no resolving, and the real client library asks.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

_RANGE = re.compile(r"\[(\d+(?:\.\d+)?)(ms|s|m|h)\]")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_BUCKETS = ("50", "100", "250", "500", "1000", "+Inf")
_EVERY = 5.0
"""Seconds between two scrapes."""

_PER_SECOND = 10.0


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Answer a question in the address."""
        self._answer(parse_qs(urlsplit(self.path).query))

    def do_POST(self) -> None:
        """Answer a question in the body."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self._answer(parse_qs(body.decode()))

    def _answer(self, asked: dict[str, list[str]]) -> None:
        query = asked.get("query", [""])[0]
        at = float(asked.get("time", [str(time.time())])[0])
        self.server.asked.append(query)
        found = self.server.values.get(query)
        data: dict[str, Any]
        if found is None and (window := _RANGE.search(query)) is not None:
            length = float(window[1]) * _SECONDS[window[2]]
            series = _series(query, at, length, self.server.told["status"])
            data = {"resultType": "matrix", "result": series}
        else:
            value = [at, str(1.0 if found is None else found)]
            data = {"resultType": "vector", "result": [{"metric": {}, "value": value}]}
        text = json.dumps({"status": "success", "data": data}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the console."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []
        self.values: dict[str, float] = {}
        self.told = {"status": "200"}


def _series(query: str, at: float, length: float, status: str) -> list[dict[str, Any]]:
    """Counters that grow steadily; every request is answered with `status`, within 50 ms."""
    first = at - length + 0.1
    times = [first + number * _EVERY for number in range(int(length / _EVERY) + 1)]
    times = [one for one in times if one <= at] or [first]
    values = [[one, str(one * _PER_SECOND)] for one in (*times, at)]
    labels = {"reporter": "destination", "response_code": status, "grpc_response_status": ""}
    labels["response_flags"] = "-"
    if "_bucket" in query:
        return [{"metric": {**labels, "le": le}, "values": values} for le in _BUCKETS]
    return [{"metric": labels, "values": values}]


class FakePrometheus:
    """
    The server.

    Attributes:
        url: Its address, and that of the proxy.
        values: Query → number, for answers other than 1.
        asked: Every query, in order.
    """

    def __init__(self, server: _Server) -> None:
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        self.values, self.asked = server.values, server.asked
        self._told = server.told

    @property
    def status(self) -> str:
        """HTTP status of every request that the counters have counted."""
        return self._told["status"]

    @status.setter
    def status(self, status: str) -> None:
        self._told["status"] = status


@contextmanager
def fake_prometheus() -> Iterator[FakePrometheus]:
    """Start the server for the length of a block."""
    server = _Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield FakePrometheus(server)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)
