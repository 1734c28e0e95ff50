"""The door for tests: whole releases without a cluster and without waiting, and the suites that
say whether a router or a provider of one's own keeps its promises.

Floor 5. The project's own tests use the same pieces.
"""

from __future__ import annotations

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._contract.metrics import MetricsContract
from progressive._contract.routers import RouterContract
from progressive._scenario.faults import Crash
from progressive._scenario.play import Result, simulate
from progressive._scenario.scenario import Call, Fault, Moment, Scenario, Side, Traffic, What
from progressive._scenario.world import VirtualClock, World

__all__ = [
    "Scenario",
    "Moment",
    "Fault",
    "Call",
    "What",
    "Traffic",
    "Side",
    "simulate",
    "Result",
    "World",
    "VirtualClock",
    "Crash",
    "MemoryCluster",
    "RouterContract",
    "MetricsContract",
]
