"""A check of the canary, and a page of counters as Envoy gives it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from progressive._model.checks import MetricCheck

RATE = MetricCheck.success_rate(at_least=99.0, window=timedelta(seconds=30))


def page(codes: dict[str, int], bins: list[tuple[float, float, int]] | None = None) -> Any:
    """A page as Envoy 1.40 gives it, for the canary of the tests."""
    stats: list[Any] = [
        {"name": f"cluster.web-v2.upstream_rq_{code}", "value": number}
        for code, number in codes.items()
    ]
    totals = [{"lower_bound": low, "width": wide, "count": n} for low, wide, n in bins or []]
    details = [{"name": "cluster.web-v2.upstream_rq_time", "totals": totals, "percentiles": []}]
    return {"stats": [*stats, {"histograms": {"supported_percentiles": [], "details": details}}]}
