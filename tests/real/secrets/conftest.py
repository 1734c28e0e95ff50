"""A world of secrets, and its metrics server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.real.secrets.world import Telling, World
from tests.realparts.control_plane import ControlPlane


@pytest.fixture
def telling() -> Iterator[Telling]:
    """The metrics server, on the loopback."""
    server = Telling()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, body = server.answer(dict(self.headers.items()), self.path)
            raw = body.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: Any) -> None:
            """Tests tell what matters."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.port = http.server_address[1]
    thread = threading.Thread(target=http.serve_forever, args=(0.05,))
    thread.start()
    yield server
    http.shutdown()
    http.server_close()
    thread.join(10)


@pytest.fixture
def world(control_plane: ControlPlane, telling: Telling, namespace: str, tmp_path: Path) -> World:
    """An application that nobody has released yet."""
    return World(control_plane, telling, namespace, tmp_path)
