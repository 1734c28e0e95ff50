"""Traefik: weighted TraefikServices, and IngressRoutes that hold the sides themselves.

Floor 3, pure; `ingressroute.py` and `traefikservice.py` know the objects. A TraefikService sees
no requests: its match is a route beside the one that names it, and its mirror stands in a
TraefikService with `mirroring` around it. Its own stickiness keeps users of both sides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from attrs import evolve

from progressive._mesh.access import inner, sequence
from progressive._mesh.codec import (
    Manifest,
    ObjectPatch,
    Operation,
    ResourceRef,
    ref_of,
)
from progressive._mesh.proxies import making
from progressive._mesh.proxies.services import MOST
from progressive._mesh.rules import managed
from progressive._mesh.rules.handing import HandsBack
from progressive._mesh.rules.layout import Rule, manifests_of
from progressive._mesh.rules.patch import patch_of
from progressive._mesh.traefik.ingressroute import (
    IngressRouteLayout,
    IngressRouteTcpLayout,
)
from progressive._mesh.traefik.traefikservice import (
    TRAEFIK_SERVICE,
    WeightedLayout,
    canary_mirrors,
    mirror_percent,
    mirroring,
    mirrors_of,
    named_by,
    sends_to,
    stickiness,
    sticky_mark,
)
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Capabilities, Observed, Side, Split, Target
from progressive.errors import InvalidRequest, Unsupported


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
            if not sequence(inner(named, "spec", "weighted", "services")):
                raise InvalidRequest(
                    f"{ref_of(named, target)} has no weighted services; name the one that has "
                    f"{target.primary} and {target.canary} under spec.weighted"
                )
        return found

    def steered(self, objects: Sequence[Manifest], target: Target) -> tuple[ResourceRef, ...]:
        """
        The objects of the rules, and those around them.

        An IngressRoute only where something of ours stands in it: without a match it need not be
        read. A TraefikService that mirrors them always: by it the IngressRoute is known.
        """
        found = super().steered(objects, target)
        routing = self.finder.routing(objects)
        own = [one for one in routing if ref_of(one, target) in found]
        beside = [
            one
            for one in self._around(routing, own, target)
            if TRAEFIK_SERVICE.holds(one) or self.finder.managed(one, target)
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
            for _, body in canary_mirrors(one, target)
            if (percent := mirror_percent(body)) is not None
        ]
        sticky = any(sticky_mark(one) is not None for one in own)
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
            f"their cookie {sticky_mark(one)} ends; the weights steer new sessions"
            for one in manifests
            if sticky_mark(one) is not None
        ]

    # writing

    def plan(
        self, manifest: Manifest, rules: Sequence[Rule], target: Target, split: Split
    ) -> Sequence[ObjectPatch]:
        """The weights, and the cookie in the same patch."""
        if not isinstance(rules[0].layout, WeightedLayout):
            return super().plan(manifest, rules, target, split)
        planned = super().plan(manifest, rules, target, evolve(split, sticky=None))
        return _with(planned, manifest, target, stickiness(manifest, split))

    def _homeward(self, manifest: Manifest, target: Target, total: int) -> Sequence[ObjectPatch]:
        planned = super()._homeward(manifest, target, total)
        changes: list[Operation] = []
        if TRAEFIK_SERVICE.holds(manifest):
            changes = mirroring(manifest, target, None)
            if any(rule.held for rule in self.finder.rules_of(manifest, target)):
                changes += stickiness(manifest, None)
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
        written = {one.ref for one in patches}
        for manifest in routing:
            if ref_of(manifest, target) in written:
                self.refuse_others(manifest, target)
        return patches

    def _mirrored(
        self, routing: Sequence[Manifest], rule: Rule, target: Target, split: Split
    ) -> Iterator[ObjectPatch]:
        around = [one for one in routing if mirrors_of(one, rule.manifest, target)]
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
            yield from patch_of(one, target, (), mirroring(one, target, split.mirror, entry))

    def _matched(
        self, routing: Sequence[Manifest], rule: Rule, target: Target, split: Split
    ) -> Iterator[ObjectPatch]:
        names = named_by(routing, rule.manifest, target)
        layout = IngressRouteLayout()
        found = False
        for one in routing:
            if not layout.kind.holds(one):
                continue
            bases = [
                evolve(route, destinations=rule.destinations)
                for route in layout.rules(one, target)
                if sends_to(route, names, target)
            ]
            found = found or bool(bases)
            wanted: list[managed.Wanted] = []
            for base in bases:
                base.layout.check(base, target, split)
                wanted += managed.wanted_rules(base, target, split, None, beside=tuple(wanted))
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
            names = named_by(routing, manifest, target)
            for one in routing:
                routes = IngressRouteLayout().rules(one, target)
                sends = IngressRouteLayout.kind.holds(one) and any(
                    sends_to(route, names, target) for route in routes
                )
                if sends or mirrors_of(one, manifest, target):
                    found.append(one)
        return list({id(one): one for one in found}.values())


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
