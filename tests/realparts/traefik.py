"""Traefik in a box: IngressRoute, TraefikService and the Gateway API, by Traefik itself.

Traefik reads the API server and is the data plane as well; it sends to the same pods
(`answering.py`) as the mesh and Contour. It needs a network of its own (`inside.py`), as they do.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from tests.realparts.api import Document, documents
from tests.realparts.control_plane import ControlPlane
from tests.realparts.flags import MANIFESTS
from tests.realparts.gateway import Gateway
from tests.realparts.parts import part
from tests.realparts.process import Process, free_ports, require_inside
from tests.realparts.prometheus import Prometheus

_HOST = re.compile(r"""Host\([`"]([^`"]+)[`"]\)""")


class Traefik(Gateway):
    """
    The running part.

    Attributes:
        gateway: What an HTTPRoute's parentRef says: namespace and name.
        control_plane: What it reads.
        prometheus: What scrapes Traefik's own counters.
        traefik: The process, to be paused or killed.
    """

    gateway = ("traefik", "gw")
    gateway_port = 9082

    def __init__(self, folder: Path, control_plane: ControlPlane, prometheus: Prometheus) -> None:
        require_inside()
        super().__init__()
        self.control_plane = control_plane
        self.prometheus = prometheus
        (self._own_port,) = free_ports(1)
        self._own = f"http://127.0.0.1:{self._own_port}"
        self.traefik = Process(
            "traefik",
            [part("traefik"), *self._flags()],
            logs=folder,
            cwd=folder,  # it looks for a configuration file where it is started
            env={"KUBECONFIG": str(control_plane.kubeconfig("traefik"))},
        )

    def start(self) -> None:
        """Until the gateway listens."""
        self.control_plane.install("gateway-api", "traefik")
        self.control_plane.api.apply_all(documents((MANIFESTS / "traefik.yaml").read_text()))
        self.traefik.start()
        self.traefik.wait_ready(lambda: self.session.get(f"{self._own}/ping", timeout=5).ok)
        self.prometheus.scrape("traefik", [f"127.0.0.1:{self._own_port}"])

    def stop(self) -> None:
        """At once."""
        self.prometheus.forget("traefik")
        self.traefik.kill()
        self.session.close()

    def weights(self, host: str) -> dict[str, int]:
        known = self._known()
        rules = [
            (name, one)
            for name, one in known.get("routers", {}).items()
            if host in _HOST.findall(one["rule"]) and one["status"] == "enabled"
        ]
        if not rules:
            return {}
        # conditions make a rule longer, so the shortest is the one without any
        name, catch_all = min(rules, key=lambda one: len(one[1]["rule"]))
        provider = name.partition("@")[2]
        _, namespace, *_ = host.split(".")
        return {
            service: weight
            for one, weight in _split(known["services"], catch_all["service"], provider)
            if (service := _service(one, namespace))
        }

    def endpoints(self, namespace: str, service: str, *, port: int = 80) -> list[str]:
        """The same, of whatever port: what serves an HTTPRoute does not name it."""
        for name, one in self._known().get("services", {}).items():
            if _service(name, namespace) == service and "loadBalancer" in one:
                servers = one["loadBalancer"].get("servers") or ()
                return [urlsplit(server["url"]).netloc for server in servers]
        return []

    def _known(self) -> Document:
        told: Document = self.session.get(f"{self._own}/api/rawdata", timeout=5).json()
        return told

    def _flags(self) -> list[str]:
        return [
            f"--entrypoints.web.address=127.0.0.1:{self.gateway_port}",
            f"--entrypoints.traefik.address=127.0.0.1:{self._own_port}",
            "--providers.kubernetescrd=true",
            "--providers.kubernetescrd.safenaming=false",  # names are those of other releases
            "--providers.kubernetesgateway=true",
            "--providers.providersthrottleduration=100ms",
            "--api.insecure=true",
            "--api.dashboard=false",  # its pages are not in the module
            "--ping=true",
            "--metrics.prometheus=true",
            "--metrics.prometheus.addrouterslabels=true",
            "--global.checknewversion=false",
            "--global.sendanonymoususage=false",
            "--log.level=WARN",
        ]


def _split(services: Document, name: str, provider: str) -> list[tuple[str, int]]:
    """The names below a service with their weights, down to where the ways part."""
    one = services.get(name) or services.get(f"{name}@{provider}") or {}
    if "mirroring" in one:
        return _split(services, one["mirroring"]["service"], provider)
    below = one.get("weighted", {}).get("services") or ()
    if not below:
        return [(name, 100)]
    if len(below) == 1:
        return _split(services, below[0]["name"], provider)
    return [(it["name"], int(it.get("weight", 1))) for it in below]


def _service(name: str, namespace: str) -> str | None:
    """``shop-web-canary-80@kubernetescrd``, or ``…-svc-shop-web-canary-1``, is ``web-canary``."""
    found = re.fullmatch(rf"(?:.+-svc-)?{re.escape(namespace)}-(.+)-\d+", name.partition("@")[0])
    return found[1] if found else None
