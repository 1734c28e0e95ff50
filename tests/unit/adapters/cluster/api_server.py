"""A small server that answers as a test says, over real HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from progressive.clusters import KubernetesCluster

MAP = "/api/v1/namespaces/shop/configmaps/web"
GUARD = {"op": "test", "path": "/metadata/resourceVersion", "value": "1"}
LOST = None
"""An answer that never comes: the connection is closed instead."""

Reply = tuple[int, dict[str, str], Any] | None


def status(code: int, reason: str, message: str, **details: Any) -> Reply:
    body = {"kind": "Status", "reason": reason, "message": message, "details": details}
    return code, {}, body


BUSY: Reply = (429, {"Retry-After": "3"}, {"kind": "Status", "message": "too many requests"})
BROKEN = status(503, "ServiceUnavailable", "etcd has no leader")
FINE: Reply = (200, {}, {"kind": "ConfigMap", "metadata": {"name": "web"}})


class Server:
    """Answers what a test tells it to, in order, and remembers what was asked."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def answer(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(size)) if size else None
                outer.asked.append((self.command, self.path, dict(self.headers), body))
                reply = outer.replies.pop(0) if outer.replies else FINE
                if reply is None:
                    self.close_connection = True
                    return
                code, headers, told = reply
                text = told.encode() if isinstance(told, str) else json.dumps(told).encode()
                self.send_response(code)
                for name, value in {**headers, "Content-Length": str(len(text))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(10)


Make = Callable[[str], KubernetesCluster]
