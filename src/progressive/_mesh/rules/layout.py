"""What one kind of routing object is like: the part of a codec that differs from mesh to mesh.

Floor 3, pure. A layout says where rules and destinations are and how things are written there;
it never decides what to write. The defaults are those of a plain list of weighted destinations
without any further feature; `RuleCodec` refuses what `features` does not claim.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from fractions import Fraction
from typing import Any

from attrs import frozen

from progressive._mesh.access import Path, mapping, pointer, sequence, without
from progressive._mesh.codec import Manifest, ObjectKind, Operation, ref_of
from progressive._mesh.rules.destination import Destination, identity, identity_tests
from progressive._model.traffic import Capabilities, Match, Side, Split, Target
from progressive.errors import InvalidRequest

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
    body: Mapping[str, Any]
    destinations: tuple[Destination, ...]
    protocol: str = "http"
    name: str = ""
    listed: bool = False

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
        steps = (*self.section[1:], self.index)
        place = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in steps)[1:]
        return f"{ref}, rule {self.name} ({place})" if self.name else f"{ref}, rule {place}"


@frozen(kw_only=True)
class Draft:
    """
    A managed rule before its body is made: like its base, for matched requests only.

    Attributes:
        base: The rule whose requests are meant; what it matches is kept in every alternative.
        name: To be written where the schema has names.
        matches: Alternatives, one at least; exactly one where `Layout.alternatives` is not so.
        destinations: Bodies with their weights.
        target: The release.
    """

    base: Rule
    name: str
    matches: Sequence[Match]
    destinations: list[dict[str, Any]]
    target: Target

    @property
    def called(self) -> str:
        """The base, as messages say it."""
        return self.base.called(self.target)

    def rest(self, *keys: str) -> dict[str, Any]:
        """A copy of what the base holds beside these keys."""
        return without(self.base.body, *keys)


class Layout:
    """
    One kind of routing object.

    Attributes:
        kind: The kind.
        features: What it can express; a rule may still refuse (`check`).
        missing: What a destination without a weight has.
        lone_has_all: Whether a single destination gets everything, whatever its weight.
        names: Whether the schema gives rules a name; without one the annotation lists them.
        managed_first: Whether a managed rule comes before all others; else after them.
        subsets: Whether the sides can be subsets of one host.
        alternatives: Whether one rule can hold several alternatives of a match; without it each
            gets a managed rule of its own.
        apart: Whether managed rules and mirrors stand in further objects (`RuleCodec.beside`).
        weight_key: The key of a weight inside a destination.
        weights_path: The weights of an object as a jq path, for GitOps hints.
    """

    kind: ObjectKind
    features: Capabilities = Capabilities(weights=True)
    missing: int = 1
    lone_has_all: bool = False
    names: bool = True
    managed_first: bool = False
    subsets: bool = False
    alternatives: bool = True
    apart: bool = False
    weight_key: str = "weight"
    weights_path: str = ".spec"

    def rules(self, manifest: Manifest, target: Target) -> Iterator[Rule]:
        """All rules of an object, managed ones too; whatever garbage it holds, no error."""
        raise NotImplementedError

    # weights

    def weight(self, destination: Destination) -> Number:
        """
        The weight of a destination as it is stored.

        Raises:
            InvalidRequest: It is not a whole number.
        """
        stored = destination.body.get(self.weight_key)
        if stored is None:
            return self.missing
        if isinstance(stored, float) and stored.is_integer():
            return int(stored)
        if not isinstance(stored, int) or isinstance(stored, bool):
            raise InvalidRequest(f"weight {stored!r} is not a whole number")
        return stored

    def weight_operations(
        self, rule: Rule, weights: Mapping[int, int]
    ) -> tuple[list[Operation], list[Operation]]:
        """The tests of the destinations, and the edits of those weights that differ."""
        tests: list[Operation] = []
        edits: list[Operation] = []
        for place, weight in sorted(weights.items()):
            destination = rule.destinations[place]
            tests.extend(identity_tests(destination))
            if destination.body.get(self.weight_key) != weight:
                # add also overwrites; replace would fail where the key is absent
                path = pointer((*destination.path, self.weight_key))
                edits.append({"op": "add", "path": path, "value": weight})
        return (tests, edits) if edits else ([], [])

    def restoring_operations(
        self, rule: Rule, wanted: Mapping[int, Any]
    ) -> tuple[list[Operation], list[Operation]]:
        """The same for weights that stood once, quantities as texts too; None: there was none."""
        tests: list[Operation] = []
        edits: list[Operation] = []
        for place, weight in sorted(wanted.items()):
            destination = rule.destinations[place]
            if destination.body.get(self.weight_key) != weight:
                tests.extend(identity_tests(destination))
                path = pointer((*destination.path, self.weight_key))
                written: Operation = {"op": "add", "path": path, "value": weight}
                edits.append({"op": "remove", "path": path} if weight is None else written)
        return tests, edits

    # destinations

    def is_service(
        self, body: Mapping[str, Any], service: str, manifest: Manifest, target: Target
    ) -> bool:
        """Whether a destination is a service of the release's namespace."""
        raise NotImplementedError

    def naming(self, body: Mapping[str, Any], service: str, port: int) -> dict[str, Any]:
        """The same destination, naming another service of the release's namespace."""
        raise NotImplementedError

    def beside(self, rule: Rule, target: Target) -> list[dict[str, Any]]:
        """Entries in the list of destinations that are none, such as mirrors to others."""
        return []

    def side_of(self, body: Mapping[str, Any], manifest: Manifest, target: Target) -> Side | None:
        """Which side a destination is; None: a third one."""
        for side in Side:
            if self.is_service(body, target.on(side), manifest, target):
                return side
        return None

    def destinations(
        self, listed: object, path: Path, manifest: Manifest, target: Target, *keys: str
    ) -> tuple[Destination, ...]:
        """
        The destinations of a list, each with its identity.

        Args:
            listed: What stands at `path`; anything but a list has none.
            keys: Of a destination: what a patch tests, as far as it is there.
        """
        return tuple(
            Destination(
                path=(*path, place),
                body=mapping(body),
                side=self.side_of(mapping(body), manifest, target),
                identity=identity((*path, place), mapping(body), *keys),
            )
            for place, body in enumerate(sequence(listed))
        )

    # what a kind can further refuse

    def check(self, rule: Rule, target: Target, split: Split) -> None:
        """
        Do nothing when this rule can express the order.

        Raises:
            Unsupported, InvalidRequest: It cannot.
        """

    # managed rules

    def managed(self, draft: Draft) -> dict[str, Any]:
        """
        The body of a managed rule.

        Raises:
            Unsupported, InvalidRequest: The match cannot be said here.
        """
        raise NotImplementedError

    def ordered(
        self, manifest: Manifest, bodies: Sequence[dict[str, Any]], target: Target
    ) -> Sequence[dict[str, Any]]:
        """
        All managed rules of an object, as they shall be tried, with what says so.

        Most meshes go by the order in the list; others by a number in each rule.

        Raises:
            Unsupported: There is no room for them in the order.
        """
        return bodies

    def room(self, base: Rule, bodies: Sequence[Mapping[str, Any]], target: Target) -> None:
        """
        Do nothing when the list of `base` can hold these managed rules beside those of people.

        Raises:
            InvalidRequest: The schema allows no more.
            NotOwned: A rule of somebody else has the name of one of them.
        """

    def entry(self, destination: Destination, weight: int) -> dict[str, Any]:
        """A destination for a managed rule: the same with another weight."""
        return {**deepcopy(dict(destination.body)), self.weight_key: weight}

    def without_weights(self, body: Any) -> Any:
        """A rule's body, or a part of it, without any weight; to compare all the rest."""
        if isinstance(body, Mapping):
            return {
                key: self.without_weights(value)
                for key, value in body.items()
                if key != self.weight_key
            }
        if isinstance(body, list | tuple):
            return [self.without_weights(one) for one in body]
        return body

    # mirror

    def mirror(self, rule: Rule, target: Target) -> float | None:
        """Percent of the rule's requests that are copied to the canary; None: none."""
        return None

    def mirrored(self, rule: Rule, target: Target) -> bool:
        """Whether a mirror to the canary stands there, be it switched off."""
        return self.mirror(rule, target) is not None

    def mirror_operations(
        self, rule: Rule, target: Target, percent: float | None
    ) -> list[Operation]:
        """What makes the mirror so; None takes it away, mirrors to others stay."""
        return []

    # stickiness

    def cookies(self, rule: Rule) -> Iterator[tuple[int, str]]:
        """Set-Cookie values that destinations of a rule add to answers, with their places."""
        return iter(())

    def cookie_patterns(self, rule: Rule) -> Iterator[str]:
        """Regular expressions of the Cookie header that a rule asks for."""
        return iter(())

    def cookie_operations(
        self, rule: Rule, place: int, old: str | None, new: str | None
    ) -> list[Operation]:
        """
        What replaces one of our Set-Cookie values; None: there is none, or it goes.

        Raises:
            Unsupported: The destination sets a cookie of its user, and can set only one.
        """
        return []

    def with_cookie(self, entry: dict[str, Any], cookie: str) -> dict[str, Any]:
        """A destination's body that adds a Set-Cookie value to answers."""
        raise NotImplementedError

    def without_cookie(self, entry: dict[str, Any], cookie: str) -> dict[str, Any]:
        """The body without that value, and without what would be left empty."""
        return entry


def whole(number: Number) -> int:
    """
    A number as an integer.

    Raises:
        InvalidRequest: It is none.
    """
    if isinstance(number, Fraction):
        if number.denominator != 1:
            raise InvalidRequest(f"{float(number):g} is not a whole number")
        return number.numerator
    return number


def manifests_of(rules: Sequence[Rule]) -> list[Manifest]:
    """The objects of rules, each once."""
    return list({id(rule.manifest): rule.manifest for rule in rules}.values())
