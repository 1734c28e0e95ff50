"""The door for tests: whole releases without a cluster and without waiting.

Floor 5. The project's own tests use the same pieces.
"""

from __future__ import annotations

from progressive._scenario.play import Result, simulate
from progressive._scenario.scenario import Call, Fault, Moment, Scenario, Side, Traffic, What
from progressive._scenario.world import Crash, VirtualClock, World

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
]
