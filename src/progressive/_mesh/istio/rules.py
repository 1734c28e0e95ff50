"""Finds the rules of VirtualServices that share the traffic of a release.

Floor 3, pure. Rules named ``progressive-…`` whose destinations are the two sides are managed by
this project and never candidates; a rule of a person that holds the canary alone is none either.
Asked by `codec.py`; `edits.py` changes what is found here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from attrs import frozen

from progressive._mesh.codec import Manifest, ObjectKind, namespace_of, ref_of
from progressive._mesh.istio.hosts import qualified
from progressive._model.traffic import RouteRef, Side, Target
from progressive.errors import AmbiguousRoute, DestinationNotFound, RouteNotFound

KIND = ObjectKind(
    group="networking.istio.io",
    kind="VirtualService",
    plural="virtualservices",
    versions=("v1", "v1beta1", "v1alpha3"),
)
"""The storage version is v1; the two older ones have the same fields."""

MANAGED_PREFIX = "progressive-"
"""Name of every rule that this project puts into a VirtualService."""

PROTOCOLS = ("http", "tcp", "tls")


@frozen(kw_only=True)
class Rule:
    """
    One rule of one VirtualService.

    Attributes:
        manifest: The VirtualService.
        protocol: ``http``, ``tcp`` or ``tls``: the list that it is in.
        index: Its place in that list, from 0, managed rules counted.
        body: The rule itself.
        primaries, canaries, others: Places of destinations in its `route` list.
    """

    manifest: Manifest
    protocol: str
    index: int
    body: Mapping[str, Any]
    primaries: tuple[int, ...]
    canaries: tuple[int, ...]
    others: tuple[int, ...]

    @property
    def both(self) -> bool:
        """Whether it holds both sides."""
        return bool(self.primaries and self.canaries)

    @property
    def destinations(self) -> Sequence[Mapping[str, Any]]:
        """Its `route` list."""
        return self.body.get("route") or ()

    @property
    def managed(self) -> bool:
        """Whether this project put it there, for this release."""
        named = str(self.body.get("name") or "").startswith(MANAGED_PREFIX)
        return named and not self.others and bool(self.primaries or self.canaries)

    def called(self, target: Target) -> str:
        """``VirtualService shop/web, rule main (http[1])``, as messages say it."""
        name = f"rule {self.body['name']} " if self.body.get("name") else "rule "
        place = f"({self.protocol}[{self.index}])" if self.body.get("name") else self._place
        return f"{ref_of(self.manifest, target)}, {name}{place}"

    @property
    def _place(self) -> str:
        return f"{self.protocol}[{self.index}]"


def virtual_services(objects: Sequence[Manifest]) -> list[Manifest]:
    """The VirtualServices among `objects`, in whatever version."""
    return [one for one in objects if KIND.holds(one)]


def is_side(destination: Mapping[str, Any], side: Side, target: Target, namespace: str) -> bool:
    """
    Whether a destination is one side of the release.

    Args:
        namespace: Of the VirtualService, for short host names.
    """
    service = target.service if target.subsets else target.on(side)
    wanted = qualified(service, target.namespace)
    if qualified(str(destination.get("host") or ""), namespace) != wanted:
        return False
    if target.subsets is None:
        return True
    subset = target.subsets.primary if side is Side.PRIMARY else target.subsets.canary
    return bool(destination.get("subset") == subset)


def rules_of(manifest: Manifest, target: Target) -> Iterator[Rule]:
    """All rules of a VirtualService, managed ones too."""
    namespace = namespace_of(manifest, target)
    spec = manifest.get("spec") or {}
    for protocol in PROTOCOLS:
        for index, body in enumerate(spec.get(protocol) or ()):
            places: dict[Side | None, list[int]] = {Side.PRIMARY: [], Side.CANARY: [], None: []}
            for place, entry in enumerate(body.get("route") or ()):
                destination = entry.get("destination") or {}
                side = next(
                    (one for one in Side if is_side(destination, one, target, namespace)), None
                )
                places[side].append(place)
            yield Rule(
                manifest=manifest,
                protocol=protocol,
                index=index,
                body=body,
                primaries=tuple(places[Side.PRIMARY]),
                canaries=tuple(places[Side.CANARY]),
                others=tuple(places[None]),
            )


def find(objects: Sequence[Manifest], target: Target) -> tuple[Rule, ...]:
    """
    The rules that the release steers, each once, in the order of its `routes` entries.

    Without entries it is the one rule of all VirtualServices that holds both sides.

    Raises:
        RouteNotFound: There is none, or an entry names an object or a rule that does not exist.
        DestinationNotFound: There is one, but it lacks a side.
        AmbiguousRoute: Several could be meant.
    """
    found = virtual_services(objects)
    if not target.routes:
        return (_only(found, target),)
    rules: dict[tuple[int, str, int], Rule] = {}
    for entry in target.routes:
        manifest = named_object(found, entry, target)
        if manifest is None:
            where = f"{entry.namespace or target.namespace}/{entry.name}"
            raise RouteNotFound(f"{entry.kind or KIND.kind} {where} does not exist")
        rule = (
            _only([manifest], target, entry)
            if entry.rule is None
            else _named_rule(manifest, entry, target)
        )
        rules[(id(manifest), rule.protocol, rule.index)] = rule
    return tuple(rules.values())


def named_object(found: Sequence[Manifest], entry: RouteRef, target: Target) -> Manifest | None:
    """The VirtualService that a `routes` entry names; by group and kind, in any version."""
    if entry.kind not in (None, KIND.kind):
        return None
    if entry.api_version and entry.api_version.rpartition("/")[0] != KIND.group:
        return None
    wanted = (entry.namespace or target.namespace, entry.name)
    return next(
        (
            one
            for one in found
            if (namespace_of(one, target), (one.get("metadata") or {}).get("name")) == wanted
        ),
        None,
    )


def require_both(rule: Rule, target: Target) -> None:
    """
    Do nothing when the rule holds both sides, each once.

    Raises:
        DestinationNotFound: It lacks a side.
        AmbiguousRoute: A side is there twice.
    """
    for side, places in ((Side.PRIMARY, rule.primaries), (Side.CANARY, rule.canaries)):
        if not places:
            raise DestinationNotFound(
                f"{rule.called(target)} has no destination {_side_name(side, target)} ({side}); "
                "add it to the rule, with weight 0"
            )
        if len(places) > 1:
            raise AmbiguousRoute(
                f"{rule.called(target)} holds {_side_name(side, target)} ({side}) "
                f"{len(places)} times"
            )


def _side_name(side: Side, target: Target) -> str:
    if target.subsets is None:
        return target.on(side)
    subset = target.subsets.primary if side is Side.PRIMARY else target.subsets.canary
    return f"{target.service}, subset {subset}"


def candidates(
    found: Sequence[Manifest], target: Target, protocol: str | None = None
) -> list[Rule]:
    """All rules that hold both sides and are not managed."""
    return [
        rule
        for manifest in found
        for rule in rules_of(manifest, target)
        if rule.both and not rule.managed and protocol in (None, rule.protocol)
    ]


def _protocol(entry: RouteRef | None) -> str | None:
    # gRPC is HTTP to a VirtualService
    if entry is None or entry.protocol is None:
        return None
    return "http" if entry.protocol == "grpc" else entry.protocol


def _only(found: Sequence[Manifest], target: Target, entry: RouteRef | None = None) -> Rule:
    meant = candidates(found, target, _protocol(entry))
    if len(meant) > 1:
        listed = "; ".join(rule.called(target) for rule in meant)
        raise AmbiguousRoute(
            f"{len(meant)} rules hold both {target.primary} and {target.canary}: {listed}; "
            "name the one that is meant in spec.traffic.routes"
        )
    if not meant:
        _explain_none(found, target)
    return meant[0]


def _explain_none(found: Sequence[Manifest], target: Target) -> NoReturn:
    some = [
        rule
        for manifest in found
        for rule in rules_of(manifest, target)
        if not rule.managed and (rule.primaries or rule.canaries)
    ]
    # a rule with the primary alone is the likelier one to have lost something
    for rule in sorted(some, key=lambda one: not one.primaries):
        require_both(rule, target)
    sides = f"{_side_name(Side.PRIMARY, target)} and {_side_name(Side.CANARY, target)}"
    where = f"of namespace {target.namespace} " if len(found) != 1 else ""
    delegates = [_delegates(one, target) for one in found if _delegates(one, target)]
    hint = f"; it delegates to {', '.join(delegates)}: name that one" if delegates else ""
    names = ", ".join(str(ref_of(one, target)) for one in found)
    if len(found) == 1:
        raise RouteNotFound(f"{names} has no rule with {sides}{hint}")
    raise RouteNotFound(
        f"no VirtualService {where}has a rule with {sides}"
        + (f" (looked at {names})" if found else "")
        + hint
    )


def _delegates(manifest: Manifest, target: Target) -> str:
    meant = [
        body["delegate"]
        for body in (manifest.get("spec") or {}).get("http") or ()
        if body.get("delegate")
    ]
    return ", ".join(
        f"{one.get('namespace') or namespace_of(manifest, target)}/{one.get('name')}"
        for one in meant
    )


def _named_rule(manifest: Manifest, entry: RouteRef, target: Target) -> Rule:
    protocol = _protocol(entry)
    rules = [
        rule
        for rule in rules_of(manifest, target)
        if not rule.managed and protocol in (None, rule.protocol)
    ]
    if isinstance(entry.rule, int):
        # an index counts the rules of the user alone, so that ours in front does not shift it
        wanted = protocol or next((rule.protocol for rule in rules), "http")
        rules = [rule for rule in rules if rule.protocol == wanted]
        if 0 <= entry.rule < len(rules):
            return rules[entry.rule]
        raise RouteNotFound(
            f"{ref_of(manifest, target)} has no {wanted} rule {entry.rule} "
            f"(it has {len(rules)}, counted from 0)"
        )
    meant = [rule for rule in rules if rule.body.get("name") == entry.rule]
    if len(meant) > 1:
        raise AmbiguousRoute(
            f"{ref_of(manifest, target)} has {len(meant)} rules named {entry.rule!r}; "
            "give them different names, or name one by its index"
        )
    if not meant:
        names = ", ".join(str(rule.body["name"]) for rule in rules if rule.body.get("name"))
        raise RouteNotFound(
            f"{ref_of(manifest, target)} has no rule named {entry.rule!r}"
            + (f"; it has {names}" if names else "; its rules have no names")
        )
    return meant[0]
