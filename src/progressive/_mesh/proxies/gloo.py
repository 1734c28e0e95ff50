"""Gloo Edge's RouteTable: routes to several weighted upstreams, and their shadowing.

Floor 3, pure. Routes are tried in the order of the table, so ours come first. Destinations are
Upstreams, by the names that people, Gloo's discovery and Flagger give them, or Services.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import timedelta
from typing import Any

from progressive._mesh.access import inner, mapping, pointer, sequence, text, without
from progressive._mesh.codec import Manifest, ObjectKind, Operation, namespace_of
from progressive._mesh.proxies import making
from progressive._mesh.proxies.services import MOST
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

ROUTE_TABLE = ObjectKind(
    group="gateway.solo.io", kind="RouteTable", plural="routetables", versions=("v1",)
)

_ENDED = (
    "Deprecated: the open-source edition of Gloo Edge ends on 2026-12-31; its successor kgateway "
    "takes Gateway API routes (router gateway-api)"
)
_SHADOWING = ("options", "shadowing")


class TableLayout(Layout):
    """The layout of RouteTables."""

    kind = ROUTE_TABLE
    features = Capabilities(weights=True, match=True, mirror=True)
    missing = 0
    managed_first = True
    weights_path = ".spec.routes[].routeAction.multi.destinations[].weight"

    def rules(self, manifest: Manifest, target: Target) -> Iterator[Rule]:
        """All routes; those that do not share their requests have no destinations."""
        section = ("spec", "routes")
        for index, body in enumerate(map(mapping, sequence(inner(manifest, *section)))):
            path = (*section, index, "routeAction", "multi", "destinations")
            shared = inner(body, "routeAction", "multi", "destinations")
            yield Rule(
                manifest=manifest,
                layout=self,
                section=section,
                index=index,
                name=text(body.get("name")),
                body=body,
                destinations=self.destinations(shared, path, manifest, target, "destination"),
            )

    def is_service(
        self, body: Mapping[str, Any], service: str, manifest: Manifest, target: Target
    ) -> bool:
        """Whether a destination is a service of the release's namespace, or its Upstream."""
        here = namespace_of(manifest, target)
        if named := mapping(inner(body, "destination", "kube", "ref")):
            there = text(named.get("namespace")) or here
            return named.get("name") == service and there == target.namespace
        upstream = mapping(inner(body, "destination", "upstream"))
        return is_upstream(upstream, service, here, target)

    def naming(self, body: Mapping[str, Any], service: str, port: int) -> dict[str, Any]:
        """The same destination, naming another service."""
        named = mapping(inner(body, "destination", "kube", "ref"))
        named = named or mapping(inner(body, "destination", "upstream"))
        destination = making.kube_destination(service, port, text(named.get("namespace")))
        return {**body, "destination": destination}

    def check(self, rule: Rule, target: Target, split: Split) -> None:
        """Only an Upstream can be shadowed to, and a route has one shadow."""
        if split.mirror is None:
            return
        standing = inner(rule.body, *_SHADOWING, "upstream")
        if standing is not None and not self._is_canary(standing, rule, target):
            raise InvalidRequest(
                f"{rule.called(target)} is shadowed to {inner(standing, 'name')} already, and "
                "Gloo takes one shadow in a route; take that one out, or leave mirror out"
            )
        if not self._upstream(rule):
            raise Unsupported(
                f"{rule.called(target)}: Gloo mirrors to Upstreams alone; name the Upstream of "
                f"{target.canary} as its destination"
            )

    # managed rules

    def managed(self, draft: Draft) -> dict[str, Any]:
        """A route like its base for matched requests; alternatives are multiplied out."""
        base = draft.base
        given = [mapping(one) for one in sequence(base.body.get("matchers"))] or [{"prefix": "/"}]
        rest = draft.rest("name", "matchers", "routeAction", "options")
        if options := without(mapping(base.body.get("options")), "shadowing"):
            rest["options"] = options
        action = mapping(base.body.get("routeAction"))
        multi = mapping(action.get("multi"))
        return {
            "name": draft.name,
            "matchers": [_product(one, match) for one in given for match in draft.matches],
            **rest,
            "routeAction": {
                **deepcopy(dict(action)),
                "multi": {**deepcopy(dict(multi)), "destinations": draft.destinations},
            },
        }

    # mirror

    def mirror(self, rule: Rule, target: Target) -> float | None:
        """Percent of the route's requests that are copied to the canary; absent is 0."""
        if not self.mirrored(rule, target):
            return None
        stored = inner(rule.body, *_SHADOWING, "percentage")
        if isinstance(stored, bool) or not isinstance(stored, int | float):
            return None
        return float(stored) if 0 < stored <= 100 else None

    def mirrored(self, rule: Rule, target: Target) -> bool:
        """Whether a shadow to the canary stands there, be it switched off."""
        return self._is_canary(inner(rule.body, *_SHADOWING, "upstream"), rule, target)

    def mirror_operations(
        self, rule: Rule, target: Target, percent: float | None
    ) -> list[Operation]:
        """What makes the shadow so."""
        path = (*rule.path, *_SHADOWING)
        standing = inner(rule.body, *_SHADOWING)
        changes: list[Operation] = []
        if self.mirrored(rule, target):
            upstream = deepcopy(dict(standing["upstream"]))
            test = pointer((*path, "upstream"))
            changes.append({"op": "test", "path": test, "value": upstream})
        if percent is None:
            lone = len(mapping(rule.body.get("options"))) == 1
            return [*changes, {"op": "remove", "path": pointer(path[:-1] if lone else path)}]
        amount = int(percent) if float(percent).is_integer() else percent
        if changes:
            share = pointer((*path, "percentage"))
            return [*changes, {"op": "add", "path": share, "value": amount}]
        made = {"upstream": deepcopy(self._upstream(rule)), "percentage": amount}
        if isinstance(rule.body.get("options"), Mapping):
            return [{"op": "add", "path": pointer(path), "value": made}]
        return [{"op": "add", "path": pointer(path[:-1]), "value": {"shadowing": made}}]

    def _upstream(self, rule: Rule) -> dict[str, Any]:
        return dict(mapping(inner(rule.first(Side.CANARY).body, "destination", "upstream")))

    def _is_canary(self, upstream: object, rule: Rule, target: Target) -> bool:
        here = namespace_of(rule.manifest, target)
        return is_upstream(mapping(upstream), target.canary, here, target)


class GlooCodec(HandsBack):
    """Plans for Gloo Edge; a `MeshCodec`."""

    name = "gloo"
    capabilities = Capabilities(
        weights=True,
        match=True,
        mirror=True,
        max_total=MOST,
        dialect="gloo",
        settle=timedelta(seconds=5),
    )
    layouts = (TableLayout(),)

    def notes(self, manifests: Sequence[Manifest], target: Target) -> Sequence[str]:
        """That its days are counted."""
        return (_ENDED,)

    def make(self, target: Target, service: ServiceSpec) -> dict[str, Any]:
        """The RouteTable that a managed release starts with; a virtual service delegates to it."""
        return making.route_table(ROUTE_TABLE, target, service)


def is_upstream(upstream: Mapping[str, Any], service: str, here: str, target: Target) -> bool:
    """
    Whether an Upstream is that of a service of the release's namespace.

    Its name is that of the service, or the one that Gloo's discovery gives it
    (``shop-web-canary-80``), or Flagger (``shop-web-canaryupstream-80``).
    """
    name = text(upstream.get("name"))
    if name == service:
        return (text(upstream.get("namespace")) or here) == target.namespace
    found = [service]
    for side in Side:
        if service == target.on(side):
            found.append(f"{target.service}-{side}upstream")
    names = "|".join(re.escape(f"{target.namespace}-{one}") for one in found)
    return re.fullmatch(rf"({names})-[0-9]+", name) is not None


def _product(given: Mapping[str, Any], wanted: Match) -> dict[str, Any]:
    made = deepcopy(dict(given))
    asked = dict(header_conditions(wanted))
    require_new([text(inner(one, "name")) for one in sequence(given.get("headers"))], asked)
    add_named(made, "headers", asked, _text)
    parameters = sequence(given.get("queryParameters"))
    require_free([text(inner(one, "name")) for one in parameters], wanted)
    add_named(made, "queryParameters", wanted.query, _text)
    return made


def _text(wanted: TextMatch) -> dict[str, Any]:
    # a value that is empty would ask for no more than that the header is there
    if wanted.exact:
        return {"value": wanted.exact}
    return {"value": expression(wanted), "regex": True}
