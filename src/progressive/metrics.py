"""The metrics providers that a program composes a release with.

Floor 5, a door: names only. A provider of one's own is any object with the method of
`progressive.ports.MetricsProvider`; an entry point of the group ``progressive.metrics`` makes it
nameable in documents (`plugins.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from progressive._adapters.prometheus.provider import PrometheusMetrics
from progressive.ports import MetricsProvider

if TYPE_CHECKING:
    from progressive._adapters.envoy.counters import EnvoyMetrics

__all__ = ["PrometheusMetrics", "EnvoyMetrics", "MetricsProvider"]


def __getattr__(name: str) -> Any:
    if name == "EnvoyMetrics":
        from progressive._adapters.envoy.counters import EnvoyMetrics

        return EnvoyMetrics
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
