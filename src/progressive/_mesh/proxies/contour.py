"""Contour's HTTPProxy: routes with weighted services, and the TCP proxy of a virtual host.

Floor 3, pure. Routes have no names. Contour tries them by specificity, so that ours may come
last. A mirror is a service entry of its own, whose weight is a percentage; without one, or with
0, it would copy everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import timedelta
from typing import Any

from attrs import evolve

from progressive._mesh.access import Path, inner, mapping, pointer, sequence, text, without
from progressive._mesh.codec import Manifest, ObjectKind, Operation, namespace_of, ref_of
from progressive._mesh.proxies import making
from progressive._mesh.proxies.services import MOST, ServiceLayout, SharedEqually
from progressive._mesh.rules.destination import Destination
from progressive._mesh.rules.find import Finder, conditions, ours
from progressive._mesh.rules.handing import HandsBack
from progressive._mesh.rules.layout import Draft, Rule
from progressive._mesh.rules.matching import (
    expression,
    header_conditions,
    require_free,
    require_new,
)
from progressive._mesh.standing import Standing, StandingKind, generation_of, judged
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Capabilities, Match, Side, Split, Target, TextMatch
from progressive.errors import InvalidRequest, Unsupported

HTTP_PROXY = ObjectKind(
    group="projectcontour.io", kind="HTTPProxy", plural="httpproxies", versions=("v1",)
)

_NOT_MIRRORED = ("requestHeadersPolicy", "responseHeadersPolicy", "cookieRewritePolicies")
"""Fields of the canary that its mirror does not take over: nobody sees its answers."""


class ProxyLayout(SharedEqually, ServiceLayout):
    """The layout of HTTPProxies."""

    kind = HTTP_PROXY
    features = Capabilities(weights=True, match=True, mirror=True)
    missing = 0
    lone_has_all = True
    names = False
    alternatives = False
    weights_path = ".spec.routes[].services[].weight"

    def rules(self, manifest: Manifest, target: Target) -> Iterator[Rule]:
        """The routes, and the TCP proxy if there is one."""
        section = ("spec", "routes")
        bodies = [mapping(one) for one in sequence(inner(manifest, *section))]
        asked = [(conditions(sequence(body.get("conditions"))),) for body in bodies]
        managed = ours(manifest, asked)
        for index, body in enumerate(bodies):
            found = self._weighted(body, (*section, index), manifest, target)
            yield Rule(
                manifest=manifest,
                layout=self.counted(found),
                section=section,
                index=index,
                body=body,
                destinations=found,
                listed=index in managed,
            )
        section = ("spec", "tcpproxy")
        if body := mapping(inner(manifest, *section)):
            found = self._weighted(body, section, manifest, target)
            yield Rule(
                manifest=manifest,
                layout=self.counted(found),
                section=section,
                index=None,
                protocol="tcp",
                body=body,
                destinations=found,
            )

    def _weighted(
        self, body: Mapping[str, Any], path: Path, manifest: Manifest, target: Target
    ) -> tuple[Destination, ...]:
        listed = body.get("services")
        found = self.destinations(listed, (*path, "services"), manifest, target, "name", "port")
        return tuple(one for one in found if one.body.get("mirror") is not True)

    def beside(self, rule: Rule, target: Target) -> list[dict[str, Any]]:
        """The mirrors to others."""
        return [
            deepcopy(dict(body))
            for _, body in _mirrors(rule)
            if not _is_canary(body, rule, target)
        ]

    def check(self, rule: Rule, target: Target, split: Split) -> None:
        """Mirrors are whole percents, and a route has one of them."""
        if split.mirror is None:
            return
        if not float(split.mirror).is_integer():
            raise Unsupported(
                f"{rule.called(target)}: Contour mirrors whole percents, 1 to 100; "
                f"{split.mirror:g} is none"
            )
        others = [one for one in _mirrors(rule) if not _is_canary(one[1], rule, target)]
        if others and rule.index is not None:
            raise InvalidRequest(
                f"{rule.called(target)} is mirrored to {others[0][1].get('name')} already, and "
                "Contour takes one mirror in a route; take that one out, or leave mirror out"
            )

    # managed rules

    def managed(self, draft: Draft) -> dict[str, Any]:
        """A route like its base with more conditions; without its mirrors."""
        (match,) = draft.matches
        given = [deepcopy(mapping(one)) for one in sequence(draft.base.body.get("conditions"))]
        rest = draft.rest("conditions", "services")
        more = [*_headers(given, match), *_parameters(given, match)]
        return {"conditions": [*given, *more], **rest, "services": draft.destinations}

    # mirror

    def mirror(self, rule: Rule, target: Target) -> float | None:
        """Percent of the route's requests that are copied to the canary."""
        for _, body in _mirrors(rule):
            if _is_canary(body, rule, target):
                weight = body.get("weight")
                known = isinstance(weight, int) and not isinstance(weight, bool)
                return float(weight) if known and weight else 100.0
        return None

    def mirror_operations(
        self, rule: Rule, target: Target, percent: float | None
    ) -> list[Operation]:
        """What makes the mirror so; a second one to the canary goes."""
        standing = [one for one in _mirrors(rule) if _is_canary(one[1], rule, target)]
        path = (*rule.path, "services")
        changes: list[Operation] = [
            {"op": "test", "path": pointer((*path, place, "name")), "value": body.get("name")}
            for place, body in standing
        ]
        if percent is None:
            spare, kept = standing, None
        else:
            spare, kept = standing[1:], standing[:1]
        for place, _ in kept or ():
            weight = pointer((*path, place, "weight"))
            changes.append({"op": "add", "path": weight, "value": int(percent or 0)})
        if kept == []:
            entry = without(rule.first(Side.CANARY).body, *_NOT_MIRRORED)
            value = {**entry, "weight": int(percent or 0), "mirror": True}
            changes.append({"op": "add", "path": pointer((*path, "-")), "value": value})
        for place, _ in reversed(spare):
            changes.append({"op": "remove", "path": pointer((*path, place))})
        return changes


class ContourCodec(HandsBack):
    """Plans for Contour; a `MeshCodec`."""

    name = "contour"
    capabilities = Capabilities(
        weights=True,
        match=True,
        mirror=True,
        max_total=MOST,
        dialect="contour",
        settle=timedelta(seconds=2),
    )
    layouts = (ProxyLayout(),)

    @property
    def finder(self) -> Finder:
        """Says where a root includes what is not its own."""
        return Finder(layouts=self.layouts, hint=_inclusion)

    def standing(self, manifest: Manifest, target: Target) -> Standing:
        """What Contour says of an HTTPProxy: the condition Valid of the stored generation."""
        status = mapping(manifest.get("status"))
        found = judged(status.get("conditions"), "Valid", generation_of(manifest))
        if found.kind is StandingKind.ACCEPTED:
            return found
        faults = [
            text(inner(one, "message"))
            for condition in sequence(status.get("conditions"))
            for one in sequence(inner(condition, "errors"))
        ]
        said = [found.words, text(status.get("description")), *faults]
        words = "; ".join(dict.fromkeys(one for one in said if one))
        return evolve(found, words=f"{ref_of(manifest, target)}: {words}")

    def make(self, target: Target, service: ServiceSpec) -> dict[str, Any]:
        """The HTTPProxy that a managed release starts with; a root of somebody includes it."""
        return making.http_proxy(HTTP_PROXY, target, service)


def _inclusion(manifest: Manifest, target: Target) -> str:
    """Which other HTTPProxies an object includes; empty: none."""
    names = [
        f"{text(mapping(one).get('namespace')) or namespace_of(manifest, target)}/"
        f"{text(mapping(one).get('name'))}"
        for one in sequence(inner(manifest, "spec", "includes"))
        if text(mapping(one).get("name"))
    ]
    return f"it includes {', '.join(names)}: name that one" if names else ""


def _mirrors(rule: Rule) -> list[tuple[int, Mapping[str, Any]]]:
    bodies = [mapping(one) for one in sequence(rule.body.get("services"))]
    return [(place, one) for place, one in enumerate(bodies) if one.get("mirror") is True]


def _is_canary(body: Mapping[str, Any], rule: Rule, target: Target) -> bool:
    return rule.layout.is_service(body, target.canary, rule.manifest, target)


def _headers(given: Sequence[Mapping[str, Any]], wanted: Match) -> list[dict[str, Any]]:
    asked = dict(header_conditions(wanted))
    require_new([text(inner(one, "header", "name")) for one in given], asked)
    return [{"header": {"name": name, **_header(one)}} for name, one in asked.items()]


def _header(wanted: TextMatch) -> dict[str, str]:
    if wanted.exact:
        return {"exact": wanted.exact}
    return {"regex": expression(wanted)}


def _parameters(given: Sequence[Mapping[str, Any]], wanted: Match) -> list[dict[str, Any]]:
    require_free([text(inner(one, "queryParameter", "name")) for one in given], wanted)
    found = []
    for name, one in wanted.query.items():
        said = _header(one) if not one.prefix else {"prefix": one.prefix}
        found.append({"queryParameter": {"name": name, **said}})
    return found
