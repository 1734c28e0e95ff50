"""A release composed of parts, for two workloads that exist: router, metrics, plan, runner.

After it all traffic is on the canary; the next release names the sides the other way round.
"""

from __future__ import annotations

from datetime import timedelta

from progressive import DriftPolicy, MetricCheck, NoData, Plan, Report, Runner, Target
from progressive.metrics import PrometheusMetrics
from progressive.routers import IstioRouter

TARGET = Target(
    namespace="shop", service="web", primary="web-primary", canary="web-canary", port=80
)
PLAN = Plan(
    weights=(5, 25, 50),
    interval=timedelta(seconds=30),
    threshold=3,
    checks=(
        MetricCheck.success_rate(at_least=99.0),
        MetricCheck.latency(quantile=0.99, at_most=timedelta(milliseconds=500)),
        MetricCheck(
            name="queue",
            query='max(queue_depth{namespace="shop",app="web-canary"})',
            at_most=100.0,
            no_data=NoData.PASS,  # no queue, no depth
        ),
    ),
    drift=DriftPolicy.ABORT,
)


def main() -> Report:
    """Go on with an unfinished release of the target, or start one."""
    metrics = PrometheusMetrics("http://prometheus:9090")
    runner = Runner(router=IstioRouter(), metrics=metrics)
    report = runner.run(PLAN, TARGET)
    print(report.outcome, report.weights, report.message)
    return report


if __name__ == "__main__":
    main().raise_for_outcome()
