"""The pods of every Deployment answer, whichever gateway asks; one process for all of them.

`pods.py` is what runs; it needs a network of its own (`inside.py`), for it listens on the
addresses of all pods.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import requests
from tests.realparts.control_plane import ControlPlane
from tests.realparts.process import Process, free_ports, listens, require_inside

POD_PORTS = (80, 8080)
_ROOT = Path(__file__).parents[2]
_RECEIVED = re.compile(r'pod_requests_total\{namespace="([^"]*)",workload="([^"]*)"\} (\d+)')


class Answering:
    """
    The running process.

    Attributes:
        control_plane: Whose pods they are.
        access_log: What a gateway writes here, in the format of `telemetry.py`, is counted.
        telemetry: Address that Prometheus scrapes, as ``host:port``.
    """

    def __init__(self, folder: Path, control_plane: ControlPlane) -> None:
        require_inside()
        self.control_plane = control_plane
        self.access_log = folder / "access.log"
        (self._port,) = free_ports(1)
        self.telemetry = f"127.0.0.1:{self._port}"
        self._session = requests.Session()
        self._session.trust_env = False
        arguments = (control_plane.kubeconfig("pods"), self.access_log, self._port, *POD_PORTS)
        self._process = Process(
            "pods",
            [sys.executable, "-m", "tests.realparts.pods", *map(str, arguments)],
            logs=folder,
            cwd=_ROOT,
        )

    def start(self) -> None:
        """Until it listens."""
        self._process.start()
        self._process.wait_ready(lambda: listens(self._port))

    def stop(self) -> None:
        """At once."""
        self._process.kill()
        self._session.close()

    def received(self, namespace: str) -> Counter[str]:
        """Requests that reached the pods of each workload, mirrored ones as well."""
        told = self._session.get(f"http://{self.telemetry}/metrics", timeout=30).text
        return Counter(
            {
                name: int(count)
                for where, name, count in _RECEIVED.findall(told)
                if where == namespace
            }
        )
