"""Many releases in one event loop; an abort of one, or of the program, sends traffic home."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from progressive import MetricCheck, Plan, Report, Target
from progressive.aio import AsyncRunner
from progressive.metrics import PrometheusMetrics
from progressive.routers import IstioRouter

SERVICES = ("web", "cart")
PLAN = Plan(
    weights=(10, 50),
    interval=timedelta(seconds=30),
    checks=(MetricCheck.success_rate(at_least=99.0),),
)


def target(service: str) -> Target:
    """The address of one service of the shop."""
    return Target(
        namespace="shop",
        service=service,
        primary=f"{service}-primary",
        canary=f"{service}-canary",
        port=80,
    )


async def main() -> list[Report]:
    """Release all services at once; they share a router and a provider."""
    router, metrics = IstioRouter(), PrometheusMetrics("http://prometheus:9090")
    runs = (AsyncRunner(router=router, metrics=metrics).run(PLAN, target(one)) for one in SERVICES)
    reports = await asyncio.gather(*runs)
    for report in reports:
        print(f"{report.target}: {report.outcome}, weights {report.weights}")
    return reports


if __name__ == "__main__":
    asyncio.run(main())
