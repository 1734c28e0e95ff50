"""A mesh in a box: real Istio routing, pods that answer, users, and metrics of both.

istiod reads the API server and tells a real Envoy, which is the mesh's gateway; behind it the pods
of every Deployment answer by their image's tag (`answering.py`), and Prometheus scrapes Istio's
standard metrics (`telemetry.py`) each second. It needs a network of its own (`inside.py`), for
pods have addresses that must not be seen outside.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.realparts.answering import Answering
from tests.realparts.api import documents
from tests.realparts.control_plane import ControlPlane
from tests.realparts.flags import MANIFESTS
from tests.realparts.gateway import Destination, EnvoyGateway
from tests.realparts.parts import part
from tests.realparts.process import Process, free_ports, listens, require_inside
from tests.realparts.prometheus import Prometheus
from tests.realparts.telemetry import ACCESS_LOG_FORMAT

_CLUSTER = re.compile(r"outbound\|(\d+)\|[^|]*\|([^.]+)\.([^.]+)\.svc\..*")
_HTTP2 = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


class Mesh(EnvoyGateway):
    """
    The running parts.

    Attributes:
        gateway: What a VirtualService writes into `gateways`: ``namespace/name``.
        istiod_debug: Root address below which istiod tells ``/debug/syncz``.
        control_plane: What it reads.
        prometheus: What counts it.
        istiod: The process, to be paused or killed.
        envoy: The process.
    """

    gateway = "mesh/gw"
    gateway_port = 9080

    def __init__(
        self, folder: Path, control_plane: ControlPlane, prometheus: Prometheus, pods: Answering
    ) -> None:
        require_inside()
        super().__init__()
        self.control_plane = control_plane
        self.prometheus = prometheus
        self._pods = pods
        self._folder = folder
        ports = free_ports(7)
        self._xds_port, self._secure_xds_port, self._http_port, self._https_port = ports[:4]
        self._debug_port, self._ctrlz_port, self._admin_port = ports[4:]
        self.istiod_debug = f"http://127.0.0.1:{self._debug_port}"
        self.envoy_admin = f"http://127.0.0.1:{self._admin_port}"
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

    def start(self) -> None:
        """Until the gateway listens; about 5 s beside the control plane."""
        self.control_plane.api.apply_all(documents((MANIFESTS / "mesh.yaml").read_text()))
        self.istiod.start()
        ready = f"http://127.0.0.1:{self._http_port}/ready"
        self.istiod.wait_ready(lambda: self.session.get(ready, timeout=5).ok)
        self.envoy.start()
        self.envoy.wait_ready(lambda: listens(self.gateway_port))
        self.prometheus.scrape("mesh", [self._pods.telemetry])

    def stop(self) -> None:
        """At once."""
        self.prometheus.forget("mesh")
        for process in (self.envoy, self.istiod):
            process.kill()
        self.session.close()

    def destination(self, cluster: str) -> Destination | None:
        """``outbound|80||web-canary.shop.svc.cluster.local`` is the service shop/web-canary."""
        found = _CLUSTER.fullmatch(cluster)
        return Destination(found[3], found[2], int(found[1])) if found else None

    def _istiod_flags(self) -> list[str]:
        config = self._folder / "mesh.json"
        about = {
            "defaultProviders": {},
            "enableAutoMtls": False,  # else clusters wait for certificates for ever
            "enablePrometheusMerge": False,
            "accessLogFile": str(self._pods.access_log),
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
