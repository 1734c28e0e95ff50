"""Traefik: weighted TraefikServices, and IngressRoutes that hold the sides themselves.

Floor 3, pure; `ingressroute.py` knows IngressRoutes. A TraefikService sees no requests: its match
is a route beside the one that names it, and its mirror stands in a TraefikService with
`mirroring` around it. Stickiness is its own, and keeps users of both sides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import timedelta
from typing import Any

from attrs import evolve

from progressive._mesh.access import inner, mapping, pointer, sequence, text
from progressive._mesh.codec import (
    Manifest,
    ObjectKind,
    ObjectPatch,
    Operation,
    ResourceRef,
    namespace_of,
    ref_of,
)
from progressive._mesh.proxies import making
from progressive._mesh.proxies.ingressroute import (
    GROUP,
    VERSIONS,
    IngressRouteLayout,
    IngressRouteTcpLayout,
)
from progressive._mesh.proxies.services import MOST, ServiceLayout
from progressive._mesh.rules import managed
from progressive._mesh.rules.codec import patch_of
from progressive._mesh.rules.handing import HandsBack
from progressive._mesh.rules.layout import Rule, manifests_of
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Capabilities, Observed, Side, Split, Target
from progressive.errors import InvalidRequest, Unsupported

TRAEFIK_SERVICE = ObjectKind(
    group=GROUP, kind="TraefikService", plural="traefikservices", versions=VERSIONS
)

STICKY = "progressive.dev/sticky"
"""Annotation of a TraefikService: the cookie of stickiness is ours."""

_WEIGHTED = ("spec", "weighted")
_MIRRORS = ("spec", "mirroring", "mirrors")


class WeightedLayout(ServiceLayout):
    """The layout of weighted TraefikServices: one rule."""

    kind = TRAEFIK_SERVICE
    features = Capabilities(weights=True, match=True, mirror=True, sticky=True)
    apart = True
    weights_path = ".spec.weighted.services[].weight"

    def rules(self, manifest: Manifest, target: Target) -> Iterator[Rule]:
        """The list of services, if it has one."""
        body = mapping(inner(manifest, *_WEIGHTED))
        path = (*_WEIGHTED, "services")
        if found := self.destinations(
            body.get("services"), path, manifest, target, "name", "kind", "namespace"
        ):
            yield Rule(
                manifest=manifest,
                layout=self,
                section=_WEIGHTED,
                index=None,
                protocol="http",
                name="",
                body=body,
                destinations=found,
            )

    def check(self, rule: Rule, target: Target, split: Split) -> None:
        """One cookie serves both sides, and a person's own stays."""
        if split.sticky is None:
            return
        if split.sticky.primary_cookie is not None or split.match:
            what = "match" if split.match else "sticky.primary_cookie"
            raise Unsupported(
                f"{rule.called(target)}: Traefik's one cookie keeps users of both sides, so "
                f"{what} cannot be had with sticky; leave one of the two out"
            )
        if rule.body.get("sticky") is not None and _mark(rule.manifest) is None:
            raise Unsupported(
                f"{rule.called(target)} has a sticky cookie of its own, which stays; leave "
                "sticky out of the release"
            )


class TraefikCodec(HandsBack):
    """Plans for Traefik; a `MeshCodec`."""

    name = "traefik"
    capabilities = Capabilities(
        weights=True,
        match=True,
        mirror=True,
        sticky=True,
        max_total=MOST,
        dialect="traefik",
        settle=timedelta(seconds=4),
    )
    layouts = (WeightedLayout(), IngressRouteLayout(), IngressRouteTcpLayout())

    def scope(self, objects: Sequence[Manifest], target: Target) -> Sequence[Manifest]:
        """
        The routing objects.

        Raises:
            InvalidRequest: A TraefikService that is named has no weights.
        """
        found = self.finder.routing(objects)
        for entry in target.routes:
            named = self.finder.named_object(found, entry, target)
            if named is None or not TRAEFIK_SERVICE.holds(named):
                continue
            if not sequence(inner(named, *_WEIGHTED, "services")):
                raise InvalidRequest(
                    f"{ref_of(named, target)} has no weighted services; name the one that has "
                    f"{target.primary} and {target.canary} under spec.weighted"
                )
        return found

    def steered(self, objects: Sequence[Manifest], target: Target) -> tuple[ResourceRef, ...]:
        """The objects of the rules, and those around them where something of ours stands."""
        found = super().steered(objects, target)
        routing = self.finder.routing(objects)
        own = [one for one in routing if ref_of(one, target) in found]
        beside = [
            one
            for one in self._around(routing, own, target)
            if _canary_mirrors(one, target) or self.finder.managed(one, target)
        ]
        refs = [ref_of(one, target) for one in beside]
        return (*found, *(one for one in refs if one not in found))

    # reading

    def read(self, objects: Sequence[Manifest], target: Target, *, total: int = 100) -> Observed:
        """The split, with the mirror around it; stickiness of ours counts as a managed rule."""
        observed = super().read(objects, target, total=total)
        own = manifests_of(self._find(objects, target))
        routing = self.finder.routing(objects)
        percents = [
            percent
            for one in self._around(routing, own, target)
            for _, body in _canary_mirrors(one, target)
            if (percent := _percent(body)) is not None
        ]
        sticky = any(_mark(one) is not None for one in own)
        return evolve(
            observed,
            mirror=percents[0] if percents else None,
            matched=observed.matched or sticky,
        )

    def managed_for(
        self, objects: Sequence[Manifest], rules: Sequence[Rule], target: Target
    ) -> Sequence[Rule]:
        """The routes for matched requests, in the objects of the rules and around them."""
        own = manifests_of(rules)
        around = self._around(self.finder.routing(objects), own, target)
        return [rule for one in (*own, *around) for rule in self.finder.managed(one, target)]

    def notes(self, manifests: Sequence[Manifest], target: Target) -> Sequence[str]:
        """What Traefik's stickiness does beyond what is asked for."""
        return [
            f"Note: {ref_of(one, target)}: Traefik keeps users of the primary as well, until "
            f"their cookie {_mark(one)} ends; the weights steer new sessions"
            for one in manifests
            if _mark(one) is not None
        ]

    # writing

    def plan(
        self, manifest: Manifest, rules: Sequence[Rule], target: Target, split: Split
    ) -> Sequence[ObjectPatch]:
        """The weights, and the cookie in the same patch."""
        if not isinstance(rules[0].layout, WeightedLayout):
            return super().plan(manifest, rules, target, split)
        planned = super().plan(manifest, rules, target, evolve(split, sticky=None))
        return _with(planned, manifest, target, _stickiness(manifest, split))

    def _homeward(self, manifest: Manifest, target: Target, total: int) -> Sequence[ObjectPatch]:
        planned = super()._homeward(manifest, target, total)
        changes: list[Operation] = []
        if TRAEFIK_SERVICE.holds(manifest):
            changes = _mirroring(manifest, target, None)
            if any(rule.held for rule in self.finder.rules_of(manifest, target)):
                changes += _stickiness(manifest, None)
        return _with(planned, manifest, target, changes)

    def beside(
        self,
        objects: Sequence[Manifest],
        target: Target,
        split: Split | None,
        rules: Sequence[Rule],
    ) -> Sequence[ObjectPatch]:
        """The routes for matched requests and the mirrors around weighted TraefikServices."""
        routing = self.finder.routing(objects)
        if split is None:
            named = [self.finder.named_object(routing, one, target) for one in target.routes]
            own = [one for one in named if one is not None]
            # without `routes` all objects were brought home already
            return [
                patch
                for one in self._around(routing, own, target)
                if all(one is not other for other in own)
                for patch in self._homeward(one, target, 100)
            ]
        patches: list[ObjectPatch] = []
        for rule in rules:
            if isinstance(rule.layout, WeightedLayout):
                patches += self._mirrored(routing, rule, target, split)
                patches += self._matched(routing, rule, target, split)
        return patches

    def _mirrored(
        self, routing: Sequence[Manifest], rule: Rule, target: Target, split: Split
    ) -> Iterator[ObjectPatch]:
        around = [one for one in routing if _mirrors_of(one, rule.manifest, target)]
        if split.mirror is not None and not around:
            name = inner(rule.manifest, "metadata", "name")
            raise Unsupported(
                f"{rule.called(target)}: mirror needs a TraefikService with mirroring around it "
                f"(spec.mirroring: {{kind: TraefikService, name: {name}}}), and an IngressRoute "
                "that names that one; make it, or leave mirror out"
            )
        if split.mirror is not None and not float(split.mirror).is_integer():
            raise Unsupported(
                f"{rule.called(target)}: Traefik mirrors whole percents; {split.mirror:g} is none"
            )
        for one in around:
            entry = rule.first(Side.CANARY).body
            yield from patch_of(one, target, (), _mirroring(one, target, split.mirror, entry))

    def _matched(
        self, routing: Sequence[Manifest], rule: Rule, target: Target, split: Split
    ) -> Iterator[ObjectPatch]:
        names = _named_by(routing, rule.manifest, target)
        layout = IngressRouteLayout()
        found = False
        for one in routing:
            if not layout.kind.holds(one):
                continue
            bases = [
                evolve(route, destinations=rule.destinations)
                for route in layout.rules(one, target)
                if _sends_to(route, names, target)
            ]
            found = found or bool(bases)
            wanted = [
                rule
                for number, base in enumerate(bases)
                for rule in _wanted(base, target, split, number)
            ]
            if bases:
                changes = managed.operations(one, bases[0], wanted, target)
                yield from patch_of(one, target, (), changes)
        if split.match and not found:
            raise Unsupported(
                f"{rule.called(target)}: a TraefikService sees no requests, and no IngressRoute "
                f"of namespace {target.namespace} sends to it alone; name it in a route of one, "
                "or leave match out"
            )

    def make(self, target: Target, service: ServiceSpec) -> dict[str, Any]:
        """The TraefikService that a managed release starts with; an IngressRoute names it."""
        return making.traefik_service(TRAEFIK_SERVICE, target, service)

    def _around(
        self, routing: Sequence[Manifest], own: Sequence[Manifest], target: Target
    ) -> list[Manifest]:
        """The objects that send to steered TraefikServices."""
        found: list[Manifest] = []
        for manifest in own:
            if not TRAEFIK_SERVICE.holds(manifest):
                continue
            names = _named_by(routing, manifest, target)
            for one in routing:
                routes = IngressRouteLayout().rules(one, target)
                sends = IngressRouteLayout.kind.holds(one) and any(
                    _sends_to(route, names, target) for route in routes
                )
                if sends or _mirrors_of(one, manifest, target):
                    found.append(one)
        return list({id(one): one for one in found}.values())


def _wanted(base: Rule, target: Target, split: Split, number: int) -> Iterator[managed.Wanted]:
    base.layout.check(base, target, split)
    yield from managed.wanted_rules(base, target, split, None, number=number)


def _with(
    planned: Sequence[ObjectPatch],
    manifest: Manifest,
    target: Target,
    changes: Sequence[Operation],
) -> Sequence[ObjectPatch]:
    if not planned:
        return patch_of(manifest, target, (), changes)
    first, *others = planned
    return [evolve(first, patch=(*first.patch, *changes)), *others]


# stickiness


def _mark(manifest: Manifest) -> str | None:
    return text(inner(manifest, "metadata", "annotations", STICKY)) or None


def _stickiness(manifest: Manifest, split: Split | None) -> list[Operation]:
    """What makes the cookie so; at weight 0 there is none, for it would keep all new users."""
    path, mark = pointer((*_WEIGHTED, "sticky")), pointer(("metadata", "annotations", STICKY))
    standing = inner(manifest, *_WEIGHTED, "sticky")
    ours = _mark(manifest)
    if split is None or split.sticky is None or split.canary == 0:
        if ours is None:
            return []
        changes: list[Operation] = [{"op": "remove", "path": mark}]
        if standing is not None:
            changes.append({"op": "remove", "path": path})
        return changes
    cookie = split.sticky.cookie
    wanted = {"cookie": {"name": cookie, "maxAge": round(split.sticky.max_age.total_seconds())}}
    changes = []
    if standing != wanted:
        changes.append({"op": "add", "path": path, "value": wanted})
    if ours != cookie:
        if not isinstance(inner(manifest, "metadata", "annotations"), Mapping):
            changes.append({"op": "add", "path": "/metadata/annotations", "value": {}})
        changes.append({"op": "add", "path": mark, "value": cookie})
    return changes


# mirrors


def _mirrors_of(manifest: Manifest, base: Manifest, target: Target) -> bool:
    """Whether an object is a TraefikService that mirrors what another one gets."""
    named = mapping(inner(manifest, "spec", "mirroring"))
    return (
        TRAEFIK_SERVICE.holds(manifest)
        and named.get("kind") == TRAEFIK_SERVICE.kind
        and _reference(named, manifest, target) == _address(base, target)
    )


def _canary_mirrors(manifest: Manifest, target: Target) -> list[tuple[int, Mapping[str, Any]]]:
    layout = WeightedLayout()
    return [
        (place, body)
        for place, body in enumerate(map(mapping, sequence(inner(manifest, *_MIRRORS))))
        if layout.is_service(body, target.canary, manifest, target)
    ]


def _percent(body: Mapping[str, Any]) -> float | None:
    stored = body.get("percent")
    if isinstance(stored, bool) or not isinstance(stored, int | float):
        return None
    return float(stored) if 0 < stored <= 100 else None


def _mirroring(
    manifest: Manifest,
    target: Target,
    percent: float | None,
    canary: Mapping[str, Any] | None = None,
) -> list[Operation]:
    """What makes the mirror to the canary so; a second one goes, and mirrors to others stay."""
    standing = _canary_mirrors(manifest, target)
    changes: list[Operation] = [
        {"op": "test", "path": pointer((*_MIRRORS, place, "name")), "value": body["name"]}
        for place, body in standing
    ]
    if percent is not None and standing:
        place, body = standing.pop(0)
        if body.get("percent") != percent:
            path = pointer((*_MIRRORS, place, "percent"))
            changes.append({"op": "add", "path": path, "value": int(percent)})
        elif not standing:
            return []
    elif percent is not None:
        entry = {key: deepcopy(one) for key, one in (canary or {}).items() if key != "weight"}
        entry["percent"] = int(percent)
        there = isinstance(inner(manifest, *_MIRRORS), list)
        path = pointer((*_MIRRORS, "-") if there else _MIRRORS)
        changes.append({"op": "add", "path": path, "value": entry if there else [entry]})
    for place, _ in reversed(standing):
        changes.append({"op": "remove", "path": pointer((*_MIRRORS, place))})
    return changes


# who sends to a TraefikService


def _address(manifest: Manifest, target: Target) -> tuple[str, str]:
    return namespace_of(manifest, target), text(inner(manifest, "metadata", "name"))


def _reference(body: Mapping[str, Any], manifest: Manifest, target: Target) -> tuple[str, str]:
    namespace = text(body.get("namespace")) or namespace_of(manifest, target)
    return namespace, text(body.get("name"))


def _named_by(
    routing: Sequence[Manifest], manifest: Manifest, target: Target
) -> set[tuple[str, str]]:
    """The addresses by which a route may send to a weighted TraefikService."""
    around = [one for one in routing if _mirrors_of(one, manifest, target)]
    return {_address(one, target) for one in (manifest, *around)}


def _sends_to(route: Rule, names: set[tuple[str, str]], target: Target) -> bool:
    """Whether all requests of a route go to one of these TraefikServices."""
    if len(route.destinations) != 1:
        return False
    body = route.destinations[0].body
    return (
        body.get("kind") == TRAEFIK_SERVICE.kind
        and _reference(body, route.manifest, target) in names
    )
