"""Who moves traffic, and makes, fences and hands back the objects that say where it goes.

Floor 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

from attrs import frozen

from progressive._model.release import ServiceSpec
from progressive._model.traffic import Capabilities, Observed, Split, Target
from progressive.ports.places import Hold


@runtime_checkable
class TrafficRouter(Protocol):
    """Moves traffic between the two sides."""

    @property
    def capabilities(self) -> Capabilities:
        """What can be expressed; asked before anything is written."""

    def current(self, target: Target) -> Observed:
        """Read the split; raises rather than guesses."""

    def shift(self, target: Target, split: Split) -> Observed:
        """Write one whole order and read it back; the same order again writes nothing."""

    def reset(self, target: Target) -> Observed:
        """All traffic to the primary and every rule of ours gone; safe in any state."""


@frozen(kw_only=True)
class Fence:
    """
    Keeps a driver that slept from landing a late write (L18).

    Attributes:
        token: ``<run>/<epoch>``; the epoch grows with each taking of the target.
        confirm: Asks whether the target is still ours; raises `LeaseLost` if it is not.
    """

    token: str
    confirm: Callable[[], None]

    @classmethod
    def of(cls, run: str, hold: Hold) -> Fence:
        """The fence of one taking of a target, for a run."""
        return cls(token=f"{run}/{hold.epoch}", confirm=hold.confirm)


@runtime_checkable
class FencedRouter(Protocol):
    """A router whose route objects can carry the token of their driver; others need not."""

    def fence(self, target: Target, fence: Fence, *, at_once: bool) -> None:
        """
        From now on every write tests the token, and writes it first where it is not there.

        Args:
            at_once: Write it now, for another driver may be about to write; otherwise with the
                first write, unless an object carries another token already.

        Raises:
            RouterError: Kind ``lost``: the target belongs to another driver.
        """

    def unfence(self, target: Target) -> None:
        """The run is over: remove the token, and test none any more."""


class RouteMaker(Protocol):
    """A router that can make its own routing object; most can."""

    def establish(
        self, target: Target, service: ServiceSpec, owner: Mapping[str, Any] | None
    ) -> None:
        """
        Make the routing object where there is none, all traffic on the primary.

        Args:
            owner: The owner reference that the object carries; None: nobody's.
        """


@frozen(kw_only=True)
class HandedBack:
    """
    What became of the routes of a release that is given up, by name.

    Attributes:
        removed: What the release had made, and nobody needs.
        kept: What the release had made; it sends its traffic to the apex now.
        foreign: What others made; it names the services of both sides, which must go on.
    """

    removed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()


@runtime_checkable
class RouteReturner(Protocol):
    """A router that can take a release out of its routes; beside others the services stay."""

    def hand_back(self, target: Target, service: ServiceSpec) -> HandedBack:
        """Take the sides out of what a release made; the apex serves by itself by now."""
