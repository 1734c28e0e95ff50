"""Who makes, scales and promotes the two copies of a workload.

Floor 3.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, runtime_checkable

from attrs import frozen

from progressive._model.events import Readiness, Situation
from progressive._model.traffic import Side, Target
from progressive.ports.told import Closeable, Tell
from progressive.ports.traffic import Fence


@frozen(kw_only=True)
class Asked:
    """
    How a side stands.

    Attributes:
        readiness: ``ready``, ``waiting`` or ``stuck``.
        message: Why, in words with numbers.
    """

    readiness: Readiness
    message: str = ""


class Workload(Protocol):
    """The two copies of a workload that a release manages; every method can be repeated."""

    def situation(self, target: Target) -> Situation:
        """How things stand; reads only."""

    def prepare(self, target: Target) -> None:
        """Make the primary from the target, and the services of both sides, where absent."""

    def point(self, target: Target) -> None:
        """Point the apex service at the primary, and make the routing object where absent."""

    def mark(self, target: Target) -> None:
        """Write on the primary which revision it runs: the first deploy is complete."""

    def scale(self, target: Target, *, up: bool) -> None:
        """
        Scale the canary to the primary's present replicas (and keep its template), or to 0.

        Before it comes up, the primary's autoscalers are kept from going below those replicas.
        """

    def readiness(self, target: Target, side: Side, until: datetime) -> Asked:
        """Whether a side is ready; may wait for it until `until`, and answers as soon as it is."""

    def promote(self, target: Target, revision: str) -> None:
        """Copy the analysed template to the primary, in one patch with its hash."""

    def give_back(self, target: Target) -> None:
        """What was raised or kept for the run alone is given back; called at every end."""

    def watch(self, target: Target, tell: Tell) -> Closeable:
        """Tell `TargetMoved` whenever the target's template changes, until closed."""


@runtime_checkable
class FencedWorkload(Protocol):
    """A workload that finds out before it writes whose turn it is; others need not."""

    def fence(self, target: Target, fence: Fence) -> None:
        """From now on a write raises kind ``lost`` once the target is another driver's."""
