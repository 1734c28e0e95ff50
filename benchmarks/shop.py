"""An application on a real API server, released by the real command, judged by a real Prometheus.

Shared by the benchmarks that need a cluster. No mesh: what a release asks of the API server does
not depend on who routes, and its metrics come from counters that grow as a healthy service's do.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import yaml
from tests.real.stage.shop import Running, application, classic
from tests.realparts.api import Document
from tests.realparts.control_plane import ControlPlane
from tests.realparts.prometheus import Prometheus

Parts = tuple[ControlPlane, Prometheus]

_USERS_PER_SECOND = 50
_TOTAL, _TIME = "istio_requests_total", "istio_request_duration_milliseconds"


class Counters:
    """Serves Istio's metrics of both sides, all requests good and fast."""

    def __init__(self, namespace: str) -> None:
        begun = time.monotonic()

        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                count = int((time.monotonic() - begun) * _USERS_PER_SECOND)
                body = _metrics(namespace, count).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with suppress(ConnectionError):  # a busy Prometheus gives a scrape up
                    self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self.address = f"127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """No more answers."""
        self._server.shutdown()
        self._server.server_close()


class Shop:
    """
    The application and its release document.

    Attributes:
        control_plane: Where it runs; counts requests.
        namespace: Its own.
        file: The document.
    """

    def __init__(
        self, control_plane: ControlPlane, prometheus: Prometheus, folder: Path, *, interval: str
    ) -> None:
        self.control_plane, self._prometheus = control_plane, prometheus
        self.namespace = control_plane.namespace("bench")
        self.file = folder / "canary.yaml"
        self.file.write_text(yaml.safe_dump(classic(self.namespace, interval=interval)))
        self._counters = Counters(self.namespace)
        prometheus.scrape("shop", [self._counters.address])
        control_plane.api.create(application(self.namespace))

    def start(self, *arguments: str, program: Sequence[str] = ("-m", "progressive")) -> Running:
        """`progressive run`, in a process of its own; `program`: what Python runs."""
        kubeconfig = self.control_plane.kubeconfig(namespace=self.namespace)
        environment = {
            **os.environ,
            "KUBECONFIG": str(kubeconfig),
            "PROGRESSIVE_METRICS_SERVER": self._prometheus.url,
        }
        command = [sys.executable, *program, "run", str(self.file), *arguments]
        process = subprocess.Popen(
            [*command, "-o", "json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        return Running(process)

    def run(self, outcome: str, *arguments: str) -> Document:
        """
        `progressive run` to its end; its report.

        Raises:
            RuntimeError: It ended otherwise than it should; the words hold its log.
        """
        ended = self.start(*arguments).end(seconds=300)
        if ended.answer.get("outcome") != outcome:
            raise RuntimeError(f"{outcome} was awaited:\n{ended.answer}\n{ended.lines}")
        return ended.answer

    def split(self) -> tuple[int, int]:
        """Weights of primary and canary, as the VirtualService has them."""
        route = self._route()
        primary, canary = route["spec"]["http"][0]["route"]
        return primary.get("weight", 0), canary.get("weight", 0)

    def token(self) -> str | None:
        """Which driver's token the route carries."""
        annotations: dict[str, str] = self._route()["metadata"].get("annotations") or {}
        return annotations.get("progressive.dev/driver")

    def _route(self) -> Document:
        api = self.control_plane.api
        return api.read("networking.istio.io/v1", "VirtualService", self.namespace, "my-app")

    def stop(self) -> None:
        """Forget it all."""
        self._prometheus.forget("shop")
        self._counters.stop()
        self.control_plane.forget(self.namespace)


@contextmanager
def real_parts() -> Iterator[Parts]:
    """An API server with its controllers, and a Prometheus, for the length of a block."""
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        (root / "control-plane").mkdir()
        (root / "prometheus").mkdir()
        control_plane = ControlPlane(root / "control-plane")
        prometheus = Prometheus(root / "prometheus")
        try:
            control_plane.start()
            prometheus.start()
            yield control_plane, prometheus
        finally:
            prometheus.stop()
            control_plane.stop()


@contextmanager
def deployed(parts: Parts, *, interval: str) -> Iterator[Shop]:
    """An application whose first deploy is done."""
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(*parts, Path(folder), interval=interval)
        try:
            shop.run("initialized")
            yield shop
        finally:
            shop.stop()


def _metrics(namespace: str, count: int) -> str:
    sides: Sequence[str] = ("my-app", "my-app-primary")
    lines = [f"# TYPE {_TOTAL} counter"]
    lines += [f"{_TOTAL}{{{_labels(namespace, side)}}} {count}" for side in sides]
    lines.append(f"# TYPE {_TIME} histogram")
    for side in sides:
        labels = _labels(namespace, side)
        lines += [
            f'{_TIME}_bucket{{{labels},le="{edge}"}} {count}' for edge in ("25", "500", "+Inf")
        ]
        lines += [f"{_TIME}_sum{{{labels}}} {count * 10}", f"{_TIME}_count{{{labels}}} {count}"]
    return "\n".join(lines) + "\n"


def _labels(namespace: str, workload: str) -> str:
    service = "my-app-primary" if workload == "my-app-primary" else "my-app-canary"
    labels = {
        "reporter": "destination",
        "request_protocol": "http",
        "response_code": "200",
        "response_flags": "-",
        "destination_workload": workload,
        "destination_workload_namespace": namespace,
        "destination_service": f"{service}.{namespace}.svc.cluster.local",
        "destination_service_name": service,
        "destination_service_namespace": namespace,
    }
    return ",".join(f'{name}="{value}"' for name, value in labels.items())
