"""An admin page of the tests' own, which answers what it is told to."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, Any]
"""Status, and a JSON value or raw bytes."""


class Page:
    """
    Attributes:
        answer: Called with path and query; may be replaced at any time.
        asked: Every request's path and query.
        url: Where it is.
    """

    def __init__(self) -> None:
        self.answer: Callable[[str, dict[str, str]], Answer] = lambda path, query: (404, b"")
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.url = ""

    def handler(self) -> type[BaseHTTPRequestHandler]:
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {key: one[-1] for key, one in parse_qs(parts.query).items()}
                page.asked.append((parts.path, query))
                status, value = page.answer(parts.path, query)
                body = value if isinstance(value, bytes) else json.dumps(value).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                """Silent."""

        return Handler


class _Unix(ThreadingUnixStreamServer):
    daemon_threads = True

    def get_request(self) -> tuple[socket.socket, Any]:
        request, _ = super().get_request()
        return request, ("local", 0)


class _Tcp(ThreadingHTTPServer):
    daemon_threads = True


@contextmanager
def serving(unix: Path | None = None) -> Iterator[Page]:
    """A page on the loopback, or on a Unix socket."""
    page = Page()
    server: _Tcp | _Unix
    if unix is None:
        server = _Tcp(("127.0.0.1", 0), page.handler())
        page.url = f"http://127.0.0.1:{server.server_address[1]}"
    else:
        server = _Unix(str(unix), page.handler())
        page.url = f"unix://{unix}"
    thread = Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield page
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
