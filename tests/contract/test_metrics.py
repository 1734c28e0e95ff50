"""Prometheus, held to the promises that `progressive.testing` shows; over real HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.unit.mesh.manifests import TARGET

from progressive._contract.metrics import MetricsContract
from progressive._model.checks import MetricCheck, Question
from progressive.metrics import PrometheusMetrics
from progressive.ports import MetricsProvider


class _Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        found = [] if "nothing" in self.path else [{"metric": {}, "value": [1.0, "0.5"]}]
        raw = json.dumps({"status": "success", "data": {"result": found}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: Any) -> None:
        """Tests tell what matters."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Answering)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{http.server_address[1]}"
    http.shutdown()
    thread.join()
    http.server_close()


class TestPrometheus(MetricsContract):
    @pytest.fixture(autouse=True)
    def _provider(self, address: str) -> Iterator[None]:
        self.provider = PrometheusMetrics(address, environment={})
        yield
        self.provider.close()

    def question(self, query: str) -> Question:
        check = MetricCheck(name="q", query=query, at_most=1.0)
        return Question(check=check, target=TARGET, at=datetime(2026, 1, 1, tzinfo=UTC))

    def arrange(self) -> tuple[MetricsProvider, Question]:
        return self.provider, self.question("something[{{ interval }}]")

    def silent(self) -> Question:
        return self.question("nothing")

    def unreachable(self) -> MetricsProvider:
        return PrometheusMetrics("http://127.0.0.1:1", environment={})
