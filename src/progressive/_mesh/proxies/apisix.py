"""APISIX's ApisixRoute: a rule is edited in place, and matched requests have a route beside it.

Floor 3, pure. The rule for matched requests is an ApisixRoute of its own, whose name ends in
``-progressive-match`` and whose priority is one higher; it goes with the match.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import timedelta
from typing import Any

from progressive._mesh.access import inner, mapping, sequence, text
from progressive._mesh.codec import (
    Manifest,
    ObjectKind,
    ObjectPatch,
    ResourceRef,
    namespace_of,
    ref_of,
)
from progressive._mesh.proxies.services import MOST
from progressive._mesh.rules import managed
from progressive._mesh.rules.codec import RuleCodec
from progressive._mesh.rules.destination import Destination
from progressive._mesh.rules.layout import MATCH, Draft, Layout, Rule, manifests_of
from progressive._mesh.rules.matching import expression
from progressive._mesh.rules.patch import patch_of
from progressive._model.traffic import Capabilities, Match, Split, Target, TextMatch
from progressive.errors import InvalidRequest, NotOwned

APISIX_ROUTE = ObjectKind(
    group="apisix.apache.org", kind="ApisixRoute", plural="apisixroutes", versions=("v2",)
)

MANAGED_BY = "app.kubernetes.io/managed-by"
"""Label of every object that this project makes."""

_SECTION = ("spec", "http")


class RouteLayout(Layout):
    """The layout of ApisixRoutes."""

    kind = APISIX_ROUTE
    features = Capabilities(weights=True, match=True)
    missing = 100
    lone_has_all = True
    alternatives = False
    apart = True
    weights_path = ".spec.http[].backends[].weight"

    def rules(self, manifest: Manifest, target: Target) -> Iterator[Rule]:
        """The rules for HTTP; those for streams have one backend each."""
        for index, body in enumerate(map(mapping, sequence(inner(manifest, *_SECTION)))):
            path = (*_SECTION, index)
            backends = self.destinations(
                body.get("backends"), (*path, "backends"), manifest, target, "serviceName"
            )
            upstreams = self.destinations(
                body.get("upstreams"), (*path, "upstreams"), manifest, target, "name"
            )
            yield Rule(
                manifest=manifest,
                layout=self,
                section=_SECTION,
                index=index,
                name=text(body.get("name")),
                body=body,
                # without a backend nothing here can be one of the sides
                destinations=(*backends, *upstreams) if backends else (),
            )

    def is_service(
        self, body: Mapping[str, Any], service: str, manifest: Manifest, target: Target
    ) -> bool:
        """Whether a backend is a service of the release's namespace: routes know no others."""
        here = namespace_of(manifest, target)
        return text(body.get("serviceName")) == service and here == target.namespace

    def managed(self, draft: Draft) -> dict[str, Any]:
        """A rule like its base with more conditions, tried before it."""
        (match,) = draft.matches
        base, rest = draft.base, draft.rest("name", "priority", "match", "backends", "upstreams")
        given = mapping(base.body.get("match"))
        exprs = [deepcopy(one) for one in sequence(given.get("exprs"))]
        return {
            "name": draft.name,
            "priority": _priority(base) + 1,
            "match": {
                # the schema wants paths in every match
                "paths": ["/*"],
                **deepcopy(dict(given)),
                "exprs": [*exprs, *_expressions(match, base)],
            },
            **rest,
            "backends": draft.destinations,
        }

    def entry(self, destination: Destination, weight: int) -> dict[str, Any]:
        """A backend for a managed rule."""
        return {**deepcopy(dict(destination.body)), "weight": weight}


class ApisixCodec(RuleCodec):
    """Plans for APISIX; a `MeshCodec`."""

    name = "apisix"
    capabilities = Capabilities(
        weights=True, match=True, max_total=MOST, settle=timedelta(seconds=5)
    )
    layouts = (RouteLayout(),)

    def scope(self, objects: Sequence[Manifest], target: Target) -> Sequence[Manifest]:
        """The routes of people; ours stand beside them."""
        return [one for one in self.finder.routing(objects) if not _is_ours(one)]

    def steered(self, objects: Sequence[Manifest], target: Target) -> tuple[ResourceRef, ...]:
        """The routes of the release, and the ones for matched requests."""
        found = super().steered(objects, target)
        names = {(one.namespace, _name(one.name)) for one in found}
        beside = [
            ref_of(one, target)
            for one in self.finder.routing(objects)
            if _is_ours(one) and _address(one, target) in names
        ]
        return (*found, *(one for one in beside if one not in found))

    def managed_for(
        self, objects: Sequence[Manifest], rules: Sequence[Rule], target: Target
    ) -> Sequence[Rule]:
        """The rules for matched requests, in the objects beside the steered ones."""
        names = {
            (namespace_of(one, target), _name(str(inner(one, "metadata", "name"))))
            for one in manifests_of(rules)
        }
        return [
            rule
            for one in self.finder.routing(objects)
            if _is_ours(one) and _address(one, target) in names
            for rule in self.finder.managed(one, target)
        ]

    def beside(
        self,
        objects: Sequence[Manifest],
        target: Target,
        split: Split | None,
        rules: Sequence[Rule],
    ) -> Sequence[ObjectPatch]:
        """
        The routes for matched requests: made, brought up to date, or deleted.

        Raises:
            NotOwned: Somebody else has a route of that name.
        """
        routes = self.finder.routing(objects)
        if split is None:
            # ours goes home even where its base has gone already
            spare = [one for one in routes if _is_ours(one) and self.finder.managed(one, target)]
            return [ObjectPatch.deleting(one, target) for one in spare]
        there = {_address(one, target): one for one in routes}
        patches: list[ObjectPatch] = []
        for manifest in manifests_of(rules):
            own = [rule for rule in rules if rule.manifest is manifest]
            wanted: list[managed.Wanted] = []
            for rule in own:
                wanted += managed.wanted_rules(rule, target, split, None, beside=tuple(wanted))
            here, name = _address(manifest, target)
            standing = there.get((here, _name(name)))
            patches += self._brought(standing, manifest, own[0], wanted, target)
        return patches

    def _brought(
        self,
        standing: Manifest | None,
        base: Manifest,
        rule: Rule,
        wanted: Sequence[managed.Wanted],
        target: Target,
    ) -> Sequence[ObjectPatch]:
        """What makes the object beside a route hold these rules, and no others."""
        if standing is not None and not _is_ours(standing):
            if not wanted:
                return ()
            raise NotOwned(
                f"{ref_of(standing, target)} is not of this release (it has no label "
                f"{MANAGED_BY}: progressive), and the rule for matched requests needs that name; "
                "rename or delete it"
            )
        if standing is None:
            return [ObjectPatch.making(_made(base, wanted, target), target)] if wanted else ()
        if not wanted:
            return [ObjectPatch.deleting(standing, target)]
        if not isinstance(inner(standing, *_SECTION), list):
            raise InvalidRequest(
                f"{ref_of(standing, target)}: spec.http is no list; delete it, it is made anew"
            )
        changes = managed.operations(standing, rule, wanted, target)
        return patch_of(standing, target, (), changes)


def _made(base: Manifest, wanted: Sequence[managed.Wanted], target: Target) -> dict[str, Any]:
    """The route beside another one, of the same controller."""
    namespace, name = _address(base, target)
    spec: dict[str, Any] = {"http": [one.body for one in wanted]}
    if inner(base, "spec", "ingressClassName") is not None:
        spec = {"ingressClassName": inner(base, "spec", "ingressClassName"), **spec}
    return {
        "apiVersion": base.get("apiVersion"),
        "kind": APISIX_ROUTE.kind,
        "metadata": {
            "name": _name(name),
            "namespace": namespace,
            "labels": {MANAGED_BY: "progressive"},
        },
        "spec": spec,
    }


def _name(base: str) -> str:
    return f"{base}-{MATCH}"


def _address(manifest: Manifest, target: Target) -> tuple[str, str]:
    return namespace_of(manifest, target), str(inner(manifest, "metadata", "name"))


def _is_ours(manifest: Manifest) -> bool:
    name = text(inner(manifest, "metadata", "name"))
    label = inner(manifest, "metadata", "labels", MANAGED_BY)
    return name.endswith(f"-{MATCH}") and label == "progressive"


def _priority(rule: Rule) -> int:
    stored = rule.body.get("priority", 0)
    if isinstance(stored, bool) or not isinstance(stored, int):
        raise InvalidRequest(f"priority {stored!r} is no whole number")
    return stored


def _expressions(wanted: Match, base: Rule) -> list[dict[str, Any]]:
    parts = (("Header", wanted.headers), ("Cookie", wanted.cookies), ("Query", wanted.query))
    made: list[dict[str, Any]] = []
    asked = {_subject(one) for one in sequence(inner(base.body, "match", "exprs"))}
    for scope, name, condition in (
        (scope, name, _condition(one)) for scope, texts in parts for name, one in texts.items()
    ):
        one = {"subject": {"scope": scope, "name": name}, **condition}
        if _subject(one) in asked:
            raise InvalidRequest(
                f"{scope.lower()} {name} is asked for already, and cannot be matched twice; "
                "leave it out of the match, or give the release a rule of its own"
            )
        asked.add(_subject(one))
        made.append(one)
    return made


def _subject(one: object) -> tuple[str, str]:
    """What an expression is about; APISIX reads headers without their case."""
    scope, name = text(inner(one, "subject", "scope")), text(inner(one, "subject", "name"))
    return (scope, name.lower().replace("-", "_")) if scope == "Header" else (scope, name)


def _condition(wanted: TextMatch) -> dict[str, str]:
    if wanted.exact is not None:
        return {"op": "Equal", "value": wanted.exact}
    # the expressions of nginx match a part of the text
    return {"op": "RegexMatch", "value": f"^(?:{expression(wanted)})$"}
