"""Traefik's IngressRoute and IngressRouteTCP: rules in Traefik's own language, and their services.

Floor 3, pure. Routes have no names; Traefik tries the one of higher priority first, and without
one the longer rule. Ours has just one more than its base, so that it comes before no other.
`codec.py` is the codec.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from progressive._mesh.access import inner, mapping, sequence, text
from progressive._mesh.codec import Manifest, ObjectKind
from progressive._mesh.proxies.services import ServiceLayout
from progressive._mesh.rules.find import ours
from progressive._mesh.rules.layout import Draft, Rule
from progressive._mesh.rules.matching import expression, header_conditions
from progressive._model.traffic import Capabilities, Match, Split, Target, TextMatch
from progressive.errors import InvalidRequest, Unsupported

GROUP, VERSIONS = "traefik.io", ("v1alpha1",)
INGRESS_ROUTE = ObjectKind(
    group=GROUP, kind="IngressRoute", plural="ingressroutes", versions=VERSIONS
)
INGRESS_ROUTE_TCP = ObjectKind(
    group=GROUP, kind="IngressRouteTCP", plural="ingressroutetcps", versions=VERSIONS
)

_SECTION = ("spec", "routes")


class _RouteLayout(ServiceLayout):
    names = False
    weights_path = ".spec.routes[].services[].weight"
    protocol = "http"

    def rules(self, manifest: Manifest, target: Target) -> Iterator[Rule]:
        """The routes."""
        bodies = [mapping(one) for one in sequence(inner(manifest, *_SECTION))]
        managed = ours(manifest, [_asked(one) for one in bodies])
        for index, body in enumerate(bodies):
            path = (*_SECTION, index, "services")
            yield Rule(
                manifest=manifest,
                layout=self,
                section=_SECTION,
                index=index,
                protocol=self.protocol,
                body=body,
                destinations=self.destinations(
                    body.get("services"), path, manifest, target, "name", "kind", "namespace"
                ),
                listed=index in managed,
            )


class IngressRouteLayout(_RouteLayout):
    """The layout of IngressRoutes."""

    kind = INGRESS_ROUTE
    features = Capabilities(weights=True, match=True)

    def check(self, rule: Rule, target: Target, split: Split) -> None:
        """The matchers of Traefik 2 have other names."""
        if split.match and rule.body.get("syntax") == "v2":
            raise Unsupported(
                f"{rule.called(target)}: match is written in the rule syntax v3 of Traefik, and "
                "this route has syntax v2; rewrite it"
            )

    def managed(self, draft: Draft) -> dict[str, Any]:
        """A route like its base for matched requests, tried just before it."""
        base, rest = draft.base, draft.rest("match", "priority", "services")
        given = text(base.body.get("match"))
        if not given:
            raise InvalidRequest("it has no match to add a condition to")
        alternatives = [" && ".join(_matchers(one)) for one in draft.matches]
        asked = " || ".join(f"({one})" for one in alternatives)
        return {
            "match": f"({given}) && ({asked})",
            **rest,
            "priority": _priority(base) + 1,
            "services": draft.destinations,
        }


class IngressRouteTcpLayout(_RouteLayout):
    """The layout of IngressRouteTCPs."""

    kind = INGRESS_ROUTE_TCP
    protocol = "tcp"


def _asked(body: Mapping[str, Any]) -> list[frozenset[str]]:
    # a rule of ours is "(rule of its base) && (conditions)"
    rule = text(body.get("match"))
    if not (rule.startswith("(") and rule.endswith(")") and ") && (" in rule):
        return [frozenset({rule})]
    base, _, _ = rule[1:].rpartition(") && (")
    return [frozenset({base, rule})]


def _priority(base: Rule) -> int:
    """What Traefik goes by: the priority, or where there is none the length of the rule."""
    stored = base.body.get("priority", 0)
    if isinstance(stored, bool) or not isinstance(stored, int):
        raise InvalidRequest(f"priority {stored!r} is no whole number")
    return stored or len(text(base.body.get("match")).encode())


def _matchers(wanted: Match) -> Iterator[str]:
    for name, one in header_conditions(wanted, cookie="Cookie"):
        yield _matcher("Header", name, one)
    for name, one in wanted.query.items():
        yield _matcher("Query", name, one)


def _matcher(what: str, name: str, wanted: TextMatch) -> str:
    if wanted.exact is not None:
        return f"{what}({_quoted(name)}, {_quoted(wanted.exact)})"
    # Traefik's expressions match a part of the text
    return f"{what}Regexp({_quoted(name)}, {_quoted(f'^(?:{expression(wanted)})$')})"


def _quoted(value: str) -> str:
    """A text of Go: raw where that can be, else with escapes."""
    return f"`{value}`" if "`" not in value and value.isprintable() else json.dumps(value)
