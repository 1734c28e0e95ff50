"""Skipper's RouteGroup: routes to weighted backends, each a service of the namespace.

Floor 3, pure. Used by `skipper.py`. A route for matched requests carries a `Weight` predicate:
Skipper counts predicates to tell which route is the more specific one, and those by which it
splits traffic count as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from progressive._mesh.access import Path, inner, mapping, sequence, text
from progressive._mesh.codec import Manifest, ObjectKind, namespace_of
from progressive._mesh.proxies.services import SharedEqually
from progressive._mesh.rules.destination import Destination
from progressive._mesh.rules.find import conditions, ours
from progressive._mesh.rules.layout import Draft, Rule
from progressive._mesh.rules.matching import expression
from progressive._model.traffic import Capabilities, Match, Split, Target, TextMatch
from progressive.errors import Unsupported

ROUTE_GROUP = ObjectKind(
    group="zalando.org", kind="RouteGroup", plural="routegroups", versions=("v1",)
)

_FIRST = "Weight(100)"
"""Puts a route before all others of its path; their other predicates count one each."""


class RouteGroupLayout(SharedEqually):
    """The layout of RouteGroups."""

    kind = ROUTE_GROUP
    features = Capabilities(weights=True, match=True)
    missing = 0
    lone_has_all = True
    names = False
    alternatives = False
    weights_path = ".spec.routes[].backends[].weight"

    def rules(self, manifest: Manifest, target: Target) -> Iterator[Rule]:
        """The routes with backends of their own, and those that all others have."""
        section = ("spec", "routes")
        bodies = [mapping(one) for one in sequence(inner(manifest, *section))]
        managed = ours(manifest, [(_asked(one),) for one in bodies])
        for index, body in enumerate(bodies):
            path = (*section, index, "backends")
            found = self._backends(body.get("backends"), path, manifest, target)
            yield Rule(
                manifest=manifest,
                layout=self.counted(found),
                section=section,
                index=index,
                body=body,
                destinations=found,
                listed=index in managed,
            )
        shared = ("spec", "defaultBackends")
        if listed := sequence(inner(manifest, *shared)):
            found = self._backends(listed, shared, manifest, target)
            yield Rule(
                manifest=manifest,
                layout=self.counted(found),
                section=shared,
                index=None,
                body={"backends": listed},
                destinations=found,
            )

    def _backends(
        self, listed: object, path: Path, manifest: Manifest, target: Target
    ) -> tuple[Destination, ...]:
        return self.destinations(listed, path, manifest, target, "backendName")

    def is_service(
        self, body: Mapping[str, Any], service: str, manifest: Manifest, target: Target
    ) -> bool:
        """Whether a backend, by its name in the object, is a service of the namespace."""
        if namespace_of(manifest, target) != target.namespace:
            return False
        name = text(body.get("backendName"))
        return bool(name) and any(
            inner(one, "name") == name
            and inner(one, "type") == "service"
            and inner(one, "serviceName") == service
            for one in sequence(inner(manifest, "spec", "backends"))
        )

    def check(self, rule: Rule, target: Target, split: Split) -> None:
        """Default backends belong to several routes, so a match would need one for each."""
        if split.match and rule.index is None:
            raise Unsupported(
                f"{rule.called(target)}: match needs a route with backends of its own; move "
                f"{target.primary} and {target.canary} from defaultBackends to the route"
            )

    def managed(self, draft: Draft) -> dict[str, Any]:
        """A route like its base with more predicates, tried before it."""
        (match,) = draft.matches
        given = [deepcopy(one) for one in sequence(draft.base.body.get("predicates"))]
        return {
            **draft.rest("predicates", "backends"),
            "predicates": [*given, *_predicates(match), _FIRST],
            "backends": draft.destinations,
        }


def _asked(body: Mapping[str, Any]) -> frozenset[str]:
    single = [
        {key: body[key]} for key in ("path", "pathSubtree", "pathRegexp", "methods") if key in body
    ]
    return conditions([*single, *sequence(body.get("predicates"))])


def _predicates(wanted: Match) -> Iterator[str]:
    for name, one in wanted.headers.items():
        if one.exact is not None:
            yield f"Header({_quoted(name)}, {_quoted(one.exact)})"
        else:
            yield f"HeaderRegexp({_quoted(name)}, {_quoted(_anchored(one))})"
    for name, one in wanted.cookies.items():
        yield f"Cookie({_quoted(name)}, {_quoted(_anchored(one))})"
    for name, one in wanted.query.items():
        yield f"QueryParam({_quoted(name)}, {_quoted(_anchored(one))})"


def _anchored(wanted: TextMatch) -> str:
    # Skipper's expressions match a part of the text
    return f"^(?:{expression(wanted)})$"


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
