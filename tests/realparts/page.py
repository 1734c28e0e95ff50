"""A page of metrics that a test writes and a real Prometheus scrapes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from attrs import define
from tests.realparts.prometheus import Prometheus


@define
class Page:
    """
    What Prometheus scrapes.

    Attributes:
        text: The exposition, as it is now.
    """

    text: str = ""


@contextmanager
def scraped_page(prometheus: Prometheus) -> Iterator[Page]:
    """Serve a page of one's own and have it scraped, for the length of a block."""
    shown = Page()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            raw = shown.text.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: Any) -> None:
            """Tests tell what matters."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    # a name of its own for each page: another page of the same name is seen only after 5 s
    name = f"page-{http.server_address[1]}"
    prometheus.scrape(name, [f"127.0.0.1:{http.server_address[1]}"])
    try:
        yield shown
    finally:
        prometheus.forget(name)
        http.shutdown()
        thread.join()
        http.server_close()
