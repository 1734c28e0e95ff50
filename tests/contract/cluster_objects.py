"""What the promises of a `Cluster` are asked with: ConfigMaps, routes, and short questions."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from progressive._kube.paths import object_path
from progressive.errors import ClusterError
from progressive.ports import WatchStream

Manifest = dict[str, Any]

GROUP = "networking.istio.io"


def maps(place: str, name: str | None = None) -> str:
    return object_path("v1", "ConfigMap", namespace=place, name=name)


def routes(place: str, name: str | None = None, *, version: str = "v1") -> str:
    return object_path(f"{GROUP}/{version}", "VirtualService", namespace=place, name=name)


def config_map(name: str, *, labels: dict[str, str] | None = None, **data: str) -> Manifest:
    meta = {"name": name, "labels": labels or {}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def route(name: str, *, weight: int = 0) -> Manifest:
    sides = [("web-primary", 100 - weight), ("web-canary", weight)]
    destinations = [{"destination": {"host": host}, "weight": share} for host, share in sides]
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "VirtualService",
        "metadata": {"name": name},
        "spec": {"hosts": ["web"], "http": [{"route": destinations}]},
    }


def version(manifest: Manifest) -> str:
    return str(manifest["metadata"]["resourceVersion"])


def refused(call: Callable[[], object]) -> ClusterError:
    with pytest.raises(ClusterError) as caught:
        call()
    return caught.value


def take(stream: WatchStream, count: int) -> list[tuple[str, str]]:
    """The next changes, as type and name; fails after 10 s instead of waiting for ever."""
    alarm = threading.Timer(10, stream.close)
    alarm.start()
    try:
        found = [next(stream) for _ in range(count)]
    finally:
        alarm.cancel()
    return [(kind, shown["metadata"]["name"] if shown else "") for kind, shown in found]
