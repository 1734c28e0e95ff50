"""Contour in a box: HTTPProxy and the Gateway API, routed by a real Envoy.

Contour reads the API server and tells an Envoy of its own, which listens beside the mesh's; both
send to the same pods (`answering.py`). It needs a network of its own (`inside.py`), as they do.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.realparts.api import Document, documents
from tests.realparts.control_plane import ControlPlane
from tests.realparts.flags import MANIFESTS
from tests.realparts.gateway import Destination, EnvoyGateway
from tests.realparts.parts import part
from tests.realparts.process import Process, free_ports, listens, require_inside
from tests.realparts.prometheus import Prometheus


class Contour(EnvoyGateway):
    """
    The running parts.

    Attributes:
        gateway: What an HTTPRoute's parentRef says: namespace and name.
        control_plane: What it reads.
        prometheus: What scrapes Envoy's own counters.
        contour: The process, to be paused or killed.
        envoy: The process.
    """

    gateway = ("contour", "gw")
    gateway_port = 9081

    def __init__(self, folder: Path, control_plane: ControlPlane, prometheus: Prometheus) -> None:
        require_inside()
        super().__init__()
        self.control_plane = control_plane
        self.prometheus = prometheus
        self._folder = folder
        ports = free_ports(5)
        self._xds_port, self._http_port, self._debug_port, self._stats_port = ports[:4]
        self.envoy_admin = f"http://127.0.0.1:{ports[4]}"
        self.contour = Process(
            "contour", [part("contour"), "serve", *self._contour_flags()], logs=folder
        )
        self.envoy = Process("envoy", [part("envoy"), *self._envoy_flags(ports[4])], logs=folder)

    def start(self) -> None:
        """Until the gateway listens, which it does from the first route on."""
        self.control_plane.install("gateway-api", "contour")
        self.control_plane.api.apply_all(documents((MANIFESTS / "contour.yaml").read_text()))
        self.contour.start()
        ready = f"http://127.0.0.1:{self._http_port}/healthz"
        self.contour.wait_ready(lambda: self.session.get(ready, timeout=5).ok)
        self.contour.wait_ready(lambda: listens(self._xds_port))
        self.envoy.start()
        self.envoy.wait_ready(lambda: listens(self._stats_port))
        self.prometheus.scrape(
            "contour", [f"127.0.0.1:{self._stats_port}"], path="/stats/prometheus"
        )

    def stop(self) -> None:
        """At once."""
        self.prometheus.forget("contour")
        for process in (self.envoy, self.contour):
            process.kill()
        self.session.close()

    def destination(self, cluster: str) -> Destination | None:
        """``shop/web-canary/80/da39a3ee5e`` is the service shop/web-canary."""
        parts = cluster.split("/")
        if len(parts) != 4 or not parts[2].isdecimal():
            return None
        return Destination(parts[0], parts[1], int(parts[2]))

    def _contour_flags(self) -> list[str]:
        config = self._folder / "contour.json"
        namespace, name = self.gateway
        about = {"gateway": {"gatewayRef": {"namespace": namespace, "name": name}}}
        config.write_text(json.dumps(about))  # JSON is YAML
        # kinds that only the experimental channel of the Gateway API has, or an older one
        without = ("tlsroutes", "tcproutes", "backendtlspolicies")
        return [
            f"--kubeconfig={self.control_plane.kubeconfig('contour')}",
            f"--config-path={config}",
            "--insecure",
            "--disable-leader-election",
            *(f"--disable-feature={kind}" for kind in without),
            "--xds-address=127.0.0.1",
            f"--xds-port={self._xds_port}",
            "--envoy-service-http-address=127.0.0.1",
            "--envoy-http-access-log=/dev/null",
            "--stats-address=127.0.0.1",
            f"--stats-port={self._stats_port}",
            *("--http-address=127.0.0.1", f"--http-port={self._http_port}"),
            *("--health-address=127.0.0.1", f"--health-port={self._http_port}"),
            *("--debug-http-address=127.0.0.1", f"--debug-http-port={self._debug_port}"),
        ]

    def _envoy_flags(self, admin_port: int) -> list[str]:
        file = self._folder / "envoy.json"
        where = ("--xds-address=127.0.0.1", f"--xds-port={self._xds_port}")
        command: list[str | Path] = [part("contour"), "bootstrap", file, *where]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        written = json.loads(file.read_text())
        _open_admin(written, admin_port)
        file.write_text(json.dumps(written))
        return [
            *("--config-path", str(file)),
            *("--service-cluster", "contour"),
            *("--service-node", "gw-1"),
            *("--concurrency", "1"),
            *("--log-level", "warning"),
            "--disable-hot-restart",  # another Envoy may run on the machine
        ]


def _open_admin(bootstrap: Document, port: int) -> None:
    """Contour gives the admin interface a socket in the file system only; the tests want TCP."""
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    bootstrap["admin"]["address"] = address
    for cluster in bootstrap["static_resources"]["clusters"]:
        if cluster["name"] == "envoy-admin":
            (group,) = cluster["load_assignment"]["endpoints"]
            group["lb_endpoints"] = [{"endpoint": {"address": address}}]
