"""The small shop: an HTTP server in one version, good or bad.

Floor 5, a program of its own: ``python -m progressive._demo.app --port 8080 --version v1``.
Every answer says in the header ``x-version`` who gave it, so users can tell what they got.
"""

from __future__ import annotations

import argparse
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Shop(ThreadingHTTPServer):
    """
    One version of the shop, on the loopback.

    Args:
        port: To listen on.
        version: What it calls itself.
        errors: Share of requests that get a 500, 0 to 1; spread evenly, so that few requests
            show it already.
        delay: Seconds that every answer takes.
    """

    daemon_threads = True
    request_queue_size = 128  # a shift opens many connections at once; 5 is what a server has

    def __init__(self, port: int, *, version: str, errors: float, delay: float) -> None:
        self.version, self.errors, self.delay = version, errors, delay
        self._asked, self._guard = 0, threading.Lock()
        super().__init__(("127.0.0.1", port), _Answer)

    def next_fails(self) -> bool:
        """Whether the next request is one of the failing ones."""
        with self._guard:
            before, self._asked = self._asked, self._asked + 1
        return int((before + 1) * self.errors) > int(before * self.errors)


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one packet
    timeout = 60

    def do_GET(self) -> None:
        shop = self.server
        assert isinstance(shop, Shop)
        if self.path == "/ready":
            self._say(200, "ready\n", shop.version)
            return
        time.sleep(shop.delay)
        if shop.next_fails():
            self._say(500, f"{shop.version}: something broke\n", shop.version)
        else:
            self._say(200, f"{shop.version}: welcome to the shop\n", shop.version)

    def _say(self, status: int, text: str, version: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("content-type", "text/plain")
        self.send_header("content-length", str(len(body)))
        self.send_header("x-version", version)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Silent: the demo's own words are on the terminal."""


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(prog="progressive demo's shop")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--errors", type=float, default=0.0)
    parser.add_argument("--delay", type=float, default=0.003)
    told = parser.parse_args()
    shop = Shop(told.port, version=told.version, errors=told.errors, delay=told.delay)
    shop.serve_forever()


if __name__ == "__main__":
    main()
