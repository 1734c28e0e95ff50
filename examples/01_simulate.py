"""Play a release on a good day and on a bad one: no cluster, no network, no waiting."""

from __future__ import annotations

from datetime import timedelta

from progressive import MetricCheck, Outcome, Plan, Target
from progressive.testing import Fault, Scenario, simulate

TARGET = Target(namespace="shop", service="web", primary="web-primary", canary="web-canary")
PLAN = Plan(
    weights=(5, 25, 50),
    interval=timedelta(seconds=30),
    threshold=2,
    checks=(
        MetricCheck.success_rate(at_least=99.0),
        MetricCheck.latency(quantile=0.99, at_most=timedelta(milliseconds=500)),
    ),
)
DAYS = {
    "good": Scenario(),
    "bad": Scenario(metrics={"request-success-rate": [99.9, 97.0]}),
    "silent": Scenario(metrics={"request-success-rate": [None]}),
    "with two crashes": Scenario(
        faults=[
            Fault(call=2, on="route-write", what="crash-before"),
            Fault(call=5, on="journal", what="crash-after"),
        ]
    ),
}


def main() -> dict[str, Outcome | None]:
    """Play every day, and print what became of it."""
    outcomes = {}
    for day, scenario in DAYS.items():
        result = simulate(PLAN, TARGET, scenario)
        report = result.report
        outcomes[day] = report.outcome
        print(f"{day:18} {report.outcome:12} weights {result.weights}, {report.duration}")
        if report.exit_code:
            print(f"{'':18} {report.message}")
    return outcomes


if __name__ == "__main__":
    main()
