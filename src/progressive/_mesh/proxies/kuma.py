"""Kuma's MeshHTTPRoute and MeshTCPRoute, with destinations as 2.x and as 3.0 write them.

Floor 3, pure. Rules have no names; Kuma tries matches by specificity, as the Gateway API does, so
that ours may come last. A TrafficRoute is read to be refused: the data plane ignores it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import timedelta
from decimal import Decimal
from typing import Any

from progressive._mesh.access import inner, mapping, pointer, sequence, text, without
from progressive._mesh.codec import Manifest, ObjectKind, Operation, namespace_of
from progressive._mesh.proxies import making
from progressive._mesh.rules.destination import Destination
from progressive._mesh.rules.find import Asked, conditions, ours
from progressive._mesh.rules.handing import HandsBack
from progressive._mesh.rules.layout import Draft, Layout, Rule
from progressive._mesh.rules.matching import (
    add_named,
    expression,
    header_conditions,
    require_free,
    require_new,
)
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Capabilities, Match, Side, Split, Target, TextMatch
from progressive.errors import InvalidRequest, Unsupported

MESH_HTTP_ROUTE = ObjectKind(
    group="kuma.io", kind="MeshHTTPRoute", plural="meshhttproutes", versions=("v1alpha1",)
)
MESH_TCP_ROUTE = ObjectKind(
    group="kuma.io", kind="MeshTCPRoute", plural="meshtcproutes", versions=("v1alpha1",)
)
TRAFFIC_ROUTE = ObjectKind(
    group="kuma.io",
    kind="TrafficRoute",
    plural="trafficroutes",
    versions=("v1alpha1",),
    namespaced=False,
)
"""The way of Kuma 1; stored, but without effect, since 3.0."""

MOST = 2**32 - 1
"""Weights are unsigned 32 bit numbers."""

_KINDS = ("MeshService", "MeshMultiZoneService")
_NAME, _NAMESPACE = "kuma.io/display-name", "k8s.kuma.io/namespace"
_MIRROR = "RequestMirror"
_HEADER = re.compile(r"[a-z0-9!#$%&'*+\-.^_`|~]{1,256}")


class _RefLayout(Layout):
    """Destinations are references to a MeshService: by labels, by name, or by its old tag."""

    missing = 1
    names = False
    weights_path = ".spec.to[].rules[].default.backendRefs[].weight"

    def is_service(
        self, body: Mapping[str, Any], service: str, manifest: Manifest, target: Target
    ) -> bool:
        """Whether a destination is a service of the release's namespace."""
        if body.get("kind") not in _KINDS:
            return False
        here = namespace_of(manifest, target)
        if labels := mapping(body.get("labels")):
            there = text(labels.get(_NAMESPACE)) or here
            return labels.get(_NAME) == service and there == target.namespace
        name = text(body.get("name"))
        if name == service:
            return (text(body.get("namespace")) or here) == target.namespace
        tag = rf"{re.escape(service)}_{re.escape(target.namespace)}_svc(_[0-9]+)?"
        return re.fullmatch(tag, name) is not None

    def naming(self, body: Mapping[str, Any], service: str, port: int) -> dict[str, Any]:
        """The same destination, naming another service in the same words."""
        if labels := mapping(body.get("labels")):
            return {**body, "labels": {**labels, _NAME: service}, "port": port}
        _, mark, rest = text(body.get("name")).partition("_")
        return {**body, "name": f"{service}{mark}{rest}", "port": port}

    def _destinations(
        self, body: object, rule: Sequence[Any], manifest: Manifest, target: Target
    ) -> tuple[Destination, ...]:
        path = (*rule, "default", "backendRefs")
        refs = inner(body, "default", "backendRefs")
        return self.destinations(refs, path, manifest, target, "kind", "name", "labels")


class HttpLayout(_RefLayout):
    """The layout of MeshHTTPRoutes."""

    kind = MESH_HTTP_ROUTE
    features = Capabilities(weights=True, match=True, mirror=True)

    def rules(self, manifest: Manifest, target: Target) -> Iterator[Rule]:
        """The rules for all services that the route speaks of."""
        lists = [mapping(one).get("rules") for one in sequence(inner(manifest, "spec", "to"))]
        for number, listed in enumerate(lists):
            section = ("spec", "to", number, "rules")
            bodies = [mapping(one) for one in sequence(listed)]
            # with several lists an index would not say which one it counts in; see `check`
            managed = ours(manifest, [_asked(one) for one in bodies]) if len(lists) == 1 else ()
            for index, body in enumerate(bodies):
                yield Rule(
                    manifest=manifest,
                    layout=self,
                    section=section,
                    index=index,
                    body=body,
                    destinations=self._destinations(body, (*section, index), manifest, target),
                    listed=index in managed,
                )

    def check(self, rule: Rule, target: Target, split: Split) -> None:
        """A match needs a route for one service alone."""
        if split.match and len(sequence(inner(rule.manifest, "spec", "to"))) > 1:
            raise Unsupported(
                f"{rule.called(target)}: spec.to has several items, so the rule for matched "
                f"requests could not be found again; give {target.service} a MeshHTTPRoute of "
                "its own"
            )

    # managed rules

    def managed(self, draft: Draft) -> dict[str, Any]:
        """A rule like its base for matched requests; alternatives are multiplied out."""
        body = draft.base.body
        given = [mapping(one) for one in sequence(body.get("matches"))] or [{}]
        default = without(mapping(body.get("default")), "backendRefs", "filters")
        filters = [
            deepcopy(one)
            for one in sequence(inner(body, "default", "filters"))
            if mapping(one).get("type") != _MIRROR
        ]
        if filters:
            default["filters"] = filters
        return {
            "matches": [_product(one, match) for one in given for match in draft.matches],
            "default": {**default, "backendRefs": draft.destinations},
        }

    # mirror

    def mirror(self, rule: Rule, target: Target) -> float | None:
        """Percent of the rule's requests that are copied to the canary."""
        for _, body in _mirrors(rule, target):
            stored = inner(body, "requestMirror", "percentage")
            return _percent(stored) if stored is not None else 100.0
        return None

    def mirrored(self, rule: Rule, target: Target) -> bool:
        """Whether a mirror to the canary stands there, be it switched off."""
        return bool(_mirrors(rule, target))

    def mirror_operations(
        self, rule: Rule, target: Target, percent: float | None
    ) -> list[Operation]:
        """What makes the mirror so; a second one to the canary goes."""
        standing = _mirrors(rule, target)
        filters = (*rule.path, "default", "filters")
        listed = inner(rule.body, "default", "filters")
        changes: list[Operation] = [
            {"op": "test", "path": pointer((*filters, place)), "value": deepcopy(dict(body))}
            for place, body in standing
        ]
        if percent is not None:
            amount = _amount(percent)
            if standing:
                place, _ = standing.pop(0)
                path = pointer((*filters, place, "requestMirror", "percentage"))
                changes.append({"op": "add", "path": path, "value": amount})
            else:
                ref = deepcopy(dict(rule.first(Side.CANARY).body))
                ref.pop("weight", None)
                one = {
                    "type": _MIRROR,
                    "requestMirror": {"percentage": amount, "backendRef": ref},
                }
                there = isinstance(listed, list)
                path = pointer((*filters, "-") if there else filters)
                changes.append({"op": "add", "path": path, "value": one if there else [one]})
        elif len(standing) == len(sequence(listed)):
            return [*changes, {"op": "remove", "path": pointer(filters)}]
        for place, _ in reversed(standing):
            changes.append({"op": "remove", "path": pointer((*filters, place))})
        return changes


class TcpLayout(_RefLayout):
    """The layout of MeshTCPRoutes."""

    kind = MESH_TCP_ROUTE

    def rules(self, manifest: Manifest, target: Target) -> Iterator[Rule]:
        """The one rule for each service that the route speaks of."""
        for number, one in enumerate(sequence(inner(manifest, "spec", "to"))):
            section = ("spec", "to", number, "rules")
            for index, body in enumerate(sequence(mapping(one).get("rules"))):
                yield Rule(
                    manifest=manifest,
                    layout=self,
                    section=section,
                    index=index,
                    protocol="tcp",
                    body=mapping(body),
                    destinations=self._destinations(body, (*section, index), manifest, target),
                )


class KumaCodec(HandsBack):
    """Plans for Kuma; a `MeshCodec`."""

    name = "kuma"
    capabilities = Capabilities(
        weights=True,
        match=True,
        mirror=True,
        max_total=MOST,
        dialect="kuma",
        settle=timedelta(seconds=5),
    )
    layouts = (HttpLayout(), TcpLayout())
    around = (TRAFFIC_ROUTE,)

    def scope(self, objects: Sequence[Manifest], target: Target) -> Sequence[Manifest]:
        """
        The routes of the mesh.

        Raises:
            Unsupported: Only a TrafficRoute speaks of the release.
        """
        found = self.finder.routing(objects)
        old = [one for one in objects if TRAFFIC_ROUTE.holds(one) and _splits(one, target)]
        held = any(rule.held for one in found for rule in self.finder.rules_of(one, target))
        if old and not held:
            name = inner(old[0], "metadata", "name")
            raise Unsupported(
                f"TrafficRoute {name} splits {target.primary} and {target.canary}, and Kuma's "
                "data plane ignores it since 3.0; make a MeshHTTPRoute with both, and delete it"
            )
        return found

    def make(self, target: Target, service: ServiceSpec) -> dict[str, Any]:
        """The MeshHTTPRoute that a managed release starts with."""
        return making.mesh_http_route(MESH_HTTP_ROUTE, target, service)


def _splits(manifest: Manifest, target: Target) -> bool:
    tags = [
        text(inner(one, "destination", "kuma.io/service"))
        for one in sequence(inner(manifest, "spec", "conf", "split"))
    ]
    sides = [f"{target.on(side)}_{target.namespace}_svc" for side in Side]
    return any(tag == side or tag.startswith(f"{side}_") for tag in tags for side in sides)


def _asked(body: Mapping[str, Any]) -> Asked:
    found = []
    for one in sequence(body.get("matches")):
        single = [{key: mapping(one)[key]} for key in ("path", "method") if key in mapping(one)]
        parts = [
            {key: part} for key in ("headers", "queryParams") for part in sequence(inner(one, key))
        ]
        found.append(conditions([*single, *parts]))
    return found


def _product(given: Mapping[str, Any], wanted: Match) -> dict[str, Any]:
    made = deepcopy(dict(given))
    asked = {name.lower(): one for name, one in header_conditions(wanted)}
    for name in asked:
        if not _HEADER.fullmatch(name):
            raise InvalidRequest(f"{name!r} is no name of a header that Kuma can match")
    require_new([text(inner(one, "name")) for one in sequence(given.get("headers"))], asked)
    add_named(made, "headers", asked, _header)
    parameters = sequence(given.get("queryParams"))
    require_free([text(inner(one, "name")) for one in parameters], wanted)
    add_named(made, "queryParams", wanted.query, _parameter)
    return made


def _header(wanted: TextMatch) -> dict[str, str]:
    if wanted.prefix:
        return {"type": "Prefix", "value": wanted.prefix}
    return _parameter(wanted)


def _parameter(wanted: TextMatch) -> dict[str, str]:
    if wanted.exact:
        return {"type": "Exact", "value": wanted.exact}
    return {"type": "RegularExpression", "value": expression(wanted)}


def _mirrors(rule: Rule, target: Target) -> list[tuple[int, Mapping[str, Any]]]:
    return [
        (place, one)
        for place, one in enumerate(map(mapping, sequence(inner(rule.body, "default", "filters"))))
        if one.get("type") == _MIRROR
        and rule.layout.is_service(
            mapping(inner(one, "requestMirror", "backendRef")),
            target.canary,
            rule.manifest,
            target,
        )
    ]


def _percent(stored: object) -> float | None:
    """A percentage as the API holds it: a number, or a text for fractions."""
    if isinstance(stored, bool) or not isinstance(stored, int | float | str):
        return None
    try:
        return float(stored) or None
    except (ValueError, OverflowError):
        return None


def _amount(percent: float) -> int | str:
    # the schema takes whole numbers or texts, never a number with a fraction
    return int(percent) if float(percent).is_integer() else format(Decimal(str(percent)), "f")
