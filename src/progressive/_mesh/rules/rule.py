"""A rule of a routing object and its destinations, as every mesh has them.

Floor 3, pure values. Made by layouts, read by everything else in this room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from progressive._mesh.access import Path
from progressive._mesh.codec import Manifest, ref_of
from progressive._model.traffic import Side, Target

if TYPE_CHECKING:
    from progressive._mesh.rules.layout import Layout

MANAGED_PREFIX = "progressive-"
"""Name of every rule that this project puts into an object of a person."""

MATCH = "progressive-match"
"""Name of the rule for matched requests."""

STICKY = "progressive-sticky"
"""Name of the rule that keeps users with the canary."""

PINNED = "progressive-sticky-primary"
"""Name of the rule that keeps users with the primary, until the next weight."""

Number = int | Fraction


@frozen(kw_only=True, eq=False)
class Destination:
    """
    One destination of a rule.

    Attributes:
        path: Where it is in the object.
        body: As it stands there.
        side: The side of the release that it is; None: a third destination.
        identity: Paths and values that show that it is still this one; a patch tests them.
    """

    path: Path
    body: Mapping[str, Any]
    side: Side | None
    identity: tuple[tuple[Path, Any], ...]


@frozen(kw_only=True, eq=False)
class Rule:
    """
    One rule of one routing object.

    Attributes:
        manifest: The object.
        layout: What its kind is like.
        section: Where the list of rules is; the rule itself is at `path`.
        index: Its place in that list, from 0, managed rules counted; None: the object has one
            rule and no list.
        protocol: ``http``, ``grpc``, ``tcp`` or ``tls``.
        name: Empty where it has none.
        body: The rule itself.
        destinations: In the order of the object.
        listed: Whether the object's annotation says that this project made the rule.
    """

    manifest: Manifest
    layout: Layout
    section: Path
    index: int | None
    protocol: str
    name: str
    body: Mapping[str, Any]
    destinations: tuple[Destination, ...]
    listed: bool = field(default=False)

    @property
    def path(self) -> Path:
        """Where it is in the object."""
        return self.section if self.index is None else (*self.section, self.index)

    def places(self, side: Side | None) -> list[int]:
        """Places of the destinations that are this side; None: third ones."""
        return [at for at, one in enumerate(self.destinations) if one.side is side]

    def first(self, side: Side) -> Destination:
        """The destination of a side that the rule holds."""
        return self.destinations[self.places(side)[0]]

    @property
    def both(self) -> bool:
        """Whether it holds both sides."""
        return bool(self.places(Side.PRIMARY) and self.places(Side.CANARY))

    @property
    def held(self) -> bool:
        """Whether it holds a side at all."""
        return any(one.side is not None for one in self.destinations)

    @property
    def managed(self) -> bool:
        """Whether this project put it there, for this release."""
        ours = self.name.startswith(MANAGED_PREFIX) or self.listed
        return ours and self.held and not self.places(None)

    @property
    def purpose(self) -> str:
        """`MATCH`, `STICKY` or `PINNED`: what a managed rule is for; without a name, a match."""
        return next((one for one in (PINNED, STICKY) if self.name.startswith(one)), MATCH)

    def called(self, target: Target) -> str:
        """``VirtualService shop/web, rule main (http[1])``, as messages say it."""
        ref = ref_of(self.manifest, target)
        if self.index is None:
            return str(ref)
        place = f"{self.section[-1]}[{self.index}]"
        return f"{ref}, rule {self.name} ({place})" if self.name else f"{ref}, rule {place}"


def manifests_of(rules: Sequence[Rule]) -> list[Manifest]:
    """The objects of rules, each once."""
    return list({id(rule.manifest): rule.manifest for rule in rules}.values())
