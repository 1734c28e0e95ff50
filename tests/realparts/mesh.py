"""A mesh in a box: real Istio routing, pods that answer, users, and metrics of both.

istiod reads the API server and tells a real Envoy, which is the mesh's gateway; behind it the pods
of every Deployment answer by their image's tag (`behaviour.py`), and Prometheus scrapes Istio's
standard metrics (`telemetry.py`) each second. It needs a network of its own (`inside.py`), for
pods have addresses that must not be seen outside.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import requests
from tests.realparts.api import Document, documents
from tests.realparts.control_plane import MANIFESTS, ControlPlane
from tests.realparts.load import Counts, Load, ask
from tests.realparts.parts import part
from tests.realparts.process import Process, free_ports, require_inside, wait_for
from tests.realparts.prometheus import Prometheus
from tests.realparts.telemetry import ACCESS_LOG_FORMAT

GATEWAY_PORT = 9080
POD_PORTS = (80, 8080)
_ROOT = Path(__file__).parents[2]
_HTTP2 = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


class Mesh:
    """
    The running parts.

    Attributes:
        gateway: What a VirtualService writes into `gateways`: ``namespace/name``.
        gateway_port: Where users ask, on 127.0.0.1, with the service's full name as host.
        istiod_debug: Root address below which istiod tells ``/debug/syncz``.
        envoy_admin: Root address of Envoy's admin interface.
        control_plane: What it reads.
        prometheus: What counts it.
        istiod: The process, to be paused or killed.
        envoy: The process.
    """

    gateway = "mesh/gw"
    gateway_port = GATEWAY_PORT

    def __init__(self, folder: Path, control_plane: ControlPlane, prometheus: Prometheus) -> None:
        require_inside()
        self.control_plane = control_plane
        self.prometheus = prometheus
        self._folder = folder
        ports = free_ports(8)
        self._xds_port, self._secure_xds_port, self._http_port, self._https_port = ports[:4]
        self._debug_port, self._ctrlz_port, self._admin_port, self._telemetry_port = ports[4:]
        self.istiod_debug = f"http://127.0.0.1:{self._debug_port}"
        self.envoy_admin = f"http://127.0.0.1:{self._admin_port}"
        self._session = requests.Session()
        self._session.trust_env = False
        self._access_log = folder / "access.log"
        self.istiod = Process(
            "istiod",
            [part("pilot-discovery"), "discovery", *self._istiod_flags()],
            logs=folder,
            cwd=folder,
            env={
                "PILOT_ENABLE_METADATA_EXCHANGE": "false",
                "POD_NAMESPACE": "istio-system",
                "ENABLE_LEADER_ELECTION": "false",
            },
        )
        self.envoy = Process("envoy", [part("envoy"), *self._envoy_flags()], logs=folder)
        self._pods = Process(
            "pods",
            [sys.executable, "-m", "tests.realparts.pods", *self._pods_arguments()],
            logs=folder,
            cwd=_ROOT,
        )

    def start(self) -> None:
        """Until the gateway listens; about 5 s beside the control plane."""
        self.control_plane.api.apply_all(documents((MANIFESTS / "mesh.yaml").read_text()))
        self._pods.start()
        self.istiod.start()
        self.istiod.wait_ready(lambda: self._get(f"http://127.0.0.1:{self._http_port}/ready").ok)
        self.envoy.start()
        self.envoy.wait_ready(lambda: _listens(GATEWAY_PORT))
        self._pods.wait_ready(lambda: _listens(self._telemetry_port))
        self.prometheus.scrape("mesh", [f"127.0.0.1:{self._telemetry_port}"])

    def stop(self) -> None:
        """At once."""
        self.prometheus.forget("mesh")
        for process in (self._pods, self.envoy, self.istiod):
            process.kill()
        self._session.close()

    def host(self, namespace: str, service: str) -> str:
        """By what name users ask for a service."""
        return f"{service}.{namespace}.svc.cluster.local"

    def load(
        self, host: str, *, per_second: float = 50, seconds_at_most: float = 120, path: str = "/"
    ) -> Load:
        """Users at an even rate while a block lasts; see `Load`."""
        return Load(
            GATEWAY_PORT, host, per_second=per_second, seconds_at_most=seconds_at_most, path=path
        )

    def ask(self, host: str, *, times: int = 1, path: str = "/") -> Counts:
        """This many requests now; who answered what."""
        return ask(GATEWAY_PORT, host, times=times, path=path)

    def weights(self, host: str) -> dict[str, int]:
        """
        What Envoy does with requests for a host, by the first label of each destination.

        The weights of its catch-all route; a single destination has 100. Empty: no route yet.
        """
        for virtual_host in self._virtual_hosts():
            if host in virtual_host["domains"]:
                return _weights(virtual_host["routes"][-1]["route"])
        return {}

    def wait_weights(self, host: str, wanted: Mapping[str, int], *, seconds: float = 90) -> None:
        """Until Envoy splits so; a destination of weight 0 may be left out on either side."""
        expected = {name: weight for name, weight in wanted.items() if weight}

        def applied() -> bool:
            return expected == {name: it for name, it in self.weights(host).items() if it}

        wait_for(applied, f"{host} split {expected} in Envoy", seconds=seconds)

    def endpoints(self, namespace: str, service: str, *, port: int = 80) -> list[str]:
        """Where Envoy would send requests for a service, as ``address:port``."""
        cluster = f"outbound|{port}||{self.host(namespace, service)}"
        told: Document = self._get(f"{self.envoy_admin}/clusters?format=json").json()
        return [
            f"{address['address']}:{address['port_value']}"
            for one in told.get("cluster_statuses", [])
            if one["name"] == cluster
            for address in (it["address"]["socket_address"] for it in one.get("host_statuses", []))
        ]

    def wait_endpoints(
        self, namespace: str, service: str, count: int, *, port: int = 80, seconds: float = 90
    ) -> None:
        """Until Envoy knows that many ready pods of a service."""
        wait_for(
            lambda: len(self.endpoints(namespace, service, port=port)) == count,
            f"{count} endpoints of {service} in Envoy",
            seconds=seconds,
        )

    def wait_version(self, host: str, version: str, *, seconds: float = 90) -> None:
        """Until all of ten users get this version."""
        wait_for(
            lambda: {told for told, _ in self.ask(host, times=10)} == {version},
            f"{host} answered by {version}",
            seconds=seconds,
        )

    def _virtual_hosts(self) -> Iterator[Document]:
        dump: Document = self._get(f"{self.envoy_admin}/config_dump").json()
        for config in dump["configs"]:
            for one in config.get("dynamic_route_configs", []):
                yield from one["route_config"].get("virtual_hosts", [])

    def _get(self, address: str) -> requests.Response:
        return self._session.get(address, timeout=5)

    def _istiod_flags(self) -> list[str]:
        config = self._folder / "mesh.json"
        about = {
            "defaultProviders": {},
            "enableAutoMtls": False,  # else clusters wait for certificates for ever
            "enablePrometheusMerge": False,
            "accessLogFile": str(self._access_log),
            "accessLogFormat": ACCESS_LOG_FORMAT,
        }
        config.write_text(json.dumps(about))
        return [
            f"--kubeconfig={self.control_plane.kubeconfig('istiod')}",
            f"--meshConfig={config}",
            f"--grpcAddr=127.0.0.1:{self._xds_port}",
            f"--secureGRPCAddr=127.0.0.1:{self._secure_xds_port}",
            f"--httpAddr=127.0.0.1:{self._http_port}",
            f"--httpsAddr=127.0.0.1:{self._https_port}",
            f"--monitoringAddr=127.0.0.1:{self._debug_port}",
            f"--ctrlz_port={self._ctrlz_port}",
        ]

    def _envoy_flags(self) -> list[str]:
        file = self._folder / "envoy.json"
        file.write_text(json.dumps(_bootstrap(self._admin_port, self._xds_port)))
        return [
            *("--config-path", str(file)),
            *("--file-flush-interval-msec", "100"),  # the access log is read once a second
            *("--concurrency", "1"),
            *("--log-level", "warning"),
            "--disable-hot-restart",  # another Envoy may run on the machine
        ]

    def _pods_arguments(self) -> list[str]:
        config = self.control_plane.kubeconfig("pods")
        ports = (self._telemetry_port, *POD_PORTS)
        return [str(config), str(self._access_log), *map(str, ports)]


def _weights(action: Document) -> dict[str, int]:
    if "cluster" in action:
        return {_service(action["cluster"]): 100}
    clusters = action["weighted_clusters"]["clusters"]
    return {_service(one["name"]): int(one.get("weight", 0)) for one in clusters}


def _service(cluster: str) -> str:
    """``outbound|80||web-canary.shop.svc.cluster.local`` is ``web-canary``."""
    return cluster.rpartition("|")[2].partition(".")[0]


def _listens(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True


def _bootstrap(admin_port: int, xds_port: int) -> dict[str, Any]:
    ads = {"ads": {}, "resource_api_version": "V3"}
    xds: dict[str, Any] = {
        "name": "xds-grpc",
        "type": "STATIC",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {
            _HTTP2: {
                "@type": f"type.googleapis.com/{_HTTP2}",
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        },
        "load_assignment": {
            "cluster_name": "xds-grpc",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(xds_port)}}]}],
        },
    }
    return {
        "node": {
            "id": "router~10.99.0.1~gw-1.mesh~mesh.svc.cluster.local",
            "cluster": "gw.mesh",
            "metadata": {
                "NAMESPACE": "mesh",
                "NAME": "gw-1",
                "LABELS": {"istio": "gw"},
                "ISTIO_VERSION": "1.31.0",
                "CLUSTER_ID": "Kubernetes",
            },
        },
        "admin": {"address": _address(admin_port)},
        "static_resources": {"clusters": [xds]},
        "dynamic_resources": {
            "lds_config": ads,
            "cds_config": ads,
            "ads_config": {
                "api_type": "GRPC",
                "transport_api_version": "V3",
                "grpc_services": [{"envoy_grpc": {"cluster_name": "xds-grpc"}}],
            },
        },
        "stats_config": {
            "use_all_default_tags": True,
            "stats_tags": [
                {
                    "tag_name": "cluster_name",
                    "regex": r"^cluster\.((.+?(\..+?\.svc\.cluster\.local)?);?\.)",
                }
            ],
        },
    }


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
