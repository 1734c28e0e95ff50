"""Counts requests as Istio does, from what the real Envoy says of each.

A plain Envoy has no `istio_requests_total`. Its own counters do not tell the response flags nor
the pod that answered, its access log tells both; so the log is counted here, with the names,
labels and buckets of Istio's standard metrics, twice for each request as in a mesh:
``reporter="source"`` as the gateway saw it, always, and ``reporter="destination"`` as the pod's
sidecar saw it, if the request arrived and was answered.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.realparts.api import Document

ACCESS_LOG_FORMAT = (
    "%UPSTREAM_CLUSTER_RAW%\t%UPSTREAM_HOST%\t%RESPONSE_CODE%\t%RESPONSE_FLAGS%\t%DURATION%\t"
    "%GRPC_STATUS_NUMBER%\n"
)

BUCKETS_MS = (
    *(0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000),
    *(300_000, 600_000, 1_800_000, 3_600_000),
)
"""Upper bounds of Istio's duration histogram (Envoy's default), in milliseconds."""

_CLUSTER = re.compile(r"outbound\|\d+\|[^|]*\|([^.]+)\.([^.]+)\.svc\..*")
_ARRIVED = {"-", "DC", "UT"}  # flags of requests that a pod got, whatever came back


@dataclass(frozen=True, kw_only=True)
class Workload:
    """
    What made a pod.

    Attributes:
        name: Of the Deployment (or other owner).
        namespace: Its namespace.
    """

    name: str
    namespace: str

    @classmethod
    def of(cls, pod: Document) -> Self:
        """By the pod's owner; a ReplicaSet's name is its Deployment's and the template's hash."""
        meta = pod["metadata"]
        owners = meta.get("ownerReferences") or [{"name": meta["name"], "kind": "Pod"}]
        name = owners[0]["name"]
        if owners[0]["kind"] == "ReplicaSet":
            name = name.removesuffix(f"-{meta.get('labels', {}).get('pod-template-hash', '')}")
        return cls(name=name, namespace=meta["namespace"])


@dataclass
class _Series:
    count: int = 0
    sum_ms: int = 0
    at_most: Counter[float] = field(default_factory=Counter)


class Telemetry:
    """
    The counters, brought up to date each time they are read.

    Args:
        log: Envoy's access log in `ACCESS_LOG_FORMAT`.
        workload: Whose pod has this address.
    """

    def __init__(self, log: Path, workload: Callable[[str], Workload | None]) -> None:
        self._log = log
        self._offset = 0
        self._workload = workload
        self._series: dict[str, _Series] = {}

    def text(self) -> str:
        """In the text format of Prometheus."""
        self._read()
        total = ["# TYPE istio_requests_total counter"]
        times = ["# TYPE istio_request_duration_milliseconds histogram"]
        name = "istio_request_duration_milliseconds"
        for labels, series in self._series.items():
            total.append(f"istio_requests_total{{{labels}}} {series.count}")
            below = 0
            for bound in BUCKETS_MS:
                below += series.at_most[bound]
                times.append(f'{name}_bucket{{{labels},le="{bound}"}} {below}')
            times.append(f'{name}_bucket{{{labels},le="+Inf"}} {series.count}')
            times.append(f"{name}_sum{{{labels}}} {series.sum_ms}")
            times.append(f"{name}_count{{{labels}}} {series.count}")
        return "\n".join([*total, *times]) + "\n"

    def _read(self) -> None:
        if not self._log.exists():
            return
        with self._log.open("rb") as file:
            file.seek(self._offset)
            whole, _, _ = file.read().rpartition(b"\n")
        if whole:
            self._offset += len(whole) + 1
            for line in whole.decode().split("\n"):
                self._count(*line.split("\t"))

    def _count(
        self, cluster: str, host: str, code: str, flags: str, duration: str, grpc: str
    ) -> None:
        service = _CLUSTER.fullmatch(cluster)
        address = host.rpartition(":")[0]
        workload = self._workload(address) if address else None
        labels = {
            **_destination(service, workload),
            "request_protocol": "http" if grpc == "-" else "grpc",
            "response_code": code,
            "grpc_response_status": "" if grpc == "-" else grpc,
            "response_flags": flags,
        }
        self._add({"reporter": "source", **labels}, int(duration))
        if workload and flags in _ARRIVED:
            if flags == "UT":  # the gateway gave up, so the sidecar saw the client leave
                labels |= {"response_code": "0", "response_flags": "DC"}
            self._add({"reporter": "destination", **labels}, int(duration))

    def _add(self, labels: dict[str, str], duration_ms: int) -> None:
        told = ",".join(f'{key}="{value}"' for key, value in labels.items())
        series = self._series.setdefault(told, _Series())
        series.count += 1
        series.sum_ms += duration_ms
        if fitting := [bound for bound in BUCKETS_MS if duration_ms <= bound]:
            series.at_most[fitting[0]] += 1


def _destination(service: re.Match[str] | None, workload: Workload | None) -> dict[str, str]:
    name, namespace = (service[1], service[2]) if service else ("unknown", "unknown")
    return {
        "source_workload": "gw",
        "source_workload_namespace": "mesh",
        "destination_workload": workload.name if workload else "unknown",
        "destination_workload_namespace": workload.namespace if workload else "unknown",
        "destination_service": f"{name}.{namespace}.svc.cluster.local" if service else "unknown",
        "destination_service_name": name,
        "destination_service_namespace": namespace,
    }
