"""What the routes of the Gateway API are like: rules, backends, matches, mirrors and cookies.

Floor 3, pure. Layouts of `_mesh/rules/`; `codec.py` is the codec, and Linkerd's has some of the
same layouts with less features.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from functools import cached_property
from typing import Any

from progressive._mesh.access import Path, inner, mapping, pointer, sequence, text
from progressive._mesh.codec import Manifest, Operation, namespace_of
from progressive._mesh.gateway_api import conditions, controllers, mirrors, sessions, set_cookies
from progressive._mesh.gateway_api.kinds import GRPC_ROUTE, HTTP_ROUTE, TCP_ROUTE, TLS_ROUTE
from progressive._mesh.rules.destination import identity_tests
from progressive._mesh.rules.find import listed_rules
from progressive._mesh.rules.layout import Draft, Layout, Rule
from progressive._model.traffic import Capabilities, Side, Split, Target
from progressive.errors import InvalidRequest, NotOwned, Unsupported

SECTION = ("spec", "rules")

MOST_RULES = 16
"""Rules of one route."""

MOST_MATCHES_OF_ROUTE = 128
"""Matches of all rules of one route."""

EVERYTHING = Capabilities(weights=True, match=True, mirror=True, sticky=True)


class RouteLayout(Layout):
    """
    A route with a list of rules, each with a list of backends; weights only.

    Args:
        names: Whether the schema that is served gives rules a name; before release 1.4 the
            standard channel does not. An object whose annotation lists managed rules is read
            and written without names in any case.

    Attributes:
        protocol: Of all its rules.
        core_groups: How the group of a Service is written.
    """

    missing = 1
    weights_path = ".spec.rules[].backendRefs[].weight"
    protocol: str
    core_groups: frozenset[str] = frozenset({""})

    def __init__(self, *, names: bool = True) -> None:
        self.names = names

    @cached_property
    def nameless(self) -> RouteLayout:
        """The same for a schema whose rules have no names."""
        return type(self)(names=False)

    def rules(self, manifest: Manifest, target: Target) -> Iterator[Rule]:
        """The rules of a route."""
        bodies = sequence(inner(manifest, *SECTION))
        listed = _at_the_end(listed_rules(manifest), len(bodies))
        layout = self.nameless if listed and self.names else self
        for index, body in enumerate(bodies):
            body = mapping(body)
            path = (*SECTION, index, "backendRefs")
            yield Rule(
                manifest=manifest,
                layout=layout,
                section=SECTION,
                index=index,
                protocol=self.protocol,
                name=text(body.get("name")),
                body=body,
                destinations=self.destinations(
                    body.get("backendRefs"), path, manifest, target, "name", "namespace"
                ),
                listed=index in listed,
            )

    def check(self, rule: Rule, target: Target, split: Split) -> None:
        """
        Do nothing when the implementations that follow the route can carry the order out.

        Raises:
            Unsupported, InvalidWeight: One of them is known to be unable.
        """
        controllers.refuse_beyond(rule, target, split)

    # destinations

    def is_service(
        self, body: Mapping[str, Any], service: str, manifest: Manifest, target: Target
    ) -> bool:
        """Whether a backend is a service of the release's namespace; its own is the route's."""
        return (
            text(body.get("group")) in self.core_groups
            and (body.get("kind") or "Service") == "Service"
            and body.get("name") == service
            and (body.get("namespace") or namespace_of(manifest, target)) == target.namespace
        )

    def naming(self, body: Mapping[str, Any], service: str, port: int) -> dict[str, Any]:
        """The same backend with another name and port; its namespace is the right one."""
        return {**body, "name": service, "port": port}


class RequestRouteLayout(RouteLayout):
    """A route whose rules see requests: they match, mirror, and set cookies."""

    features = EVERYTHING
    query = True
    """Whether the kind knows query parameters."""

    def rules(self, manifest: Manifest, target: Target) -> Iterator[Rule]:
        """The rules of a route; a canary that was taken out for its sessions is still theirs."""
        for rule in super().rules(manifest, target):
            yield sessions.with_withdrawn(rule, target)

    def weight_operations(
        self, rule: Rule, weights: Mapping[int, int]
    ) -> tuple[list[Operation], list[Operation]]:
        """The tests and edits; where sessions persist, a canary without weight leaves the rule."""
        canaries = rule.places(Side.CANARY)
        if len(canaries) != 1 or not weights or not sessions.persists(rule):
            return super().weight_operations(rule, weights)
        moved = sessions.operations(rule, weights[canaries[0]])
        if not moved:
            return super().weight_operations(rule, weights)
        others = {place: weight for place, weight in weights.items() if place != canaries[0]}
        tests, edits = super().weight_operations(rule, others)
        return [*tests, *identity_tests(rule.first(Side.CANARY))], [*edits, *moved]

    def restoring_operations(
        self, rule: Rule, wanted: Mapping[int, Any]
    ) -> tuple[list[Operation], list[Operation]]:
        """The same; a canary that was taken out for its sessions stands in the rule again."""
        canary = rule.places(Side.CANARY)[0]
        if rule.destinations[canary].identity:
            return super().restoring_operations(rule, wanted)
        others = {place: weight for place, weight in wanted.items() if place != canary}
        tests, edits = super().restoring_operations(rule, others)
        return tests, [*edits, *sessions.returned(rule, wanted[canary])]

    def check(self, rule: Rule, target: Target, split: Split) -> None:
        """
        Do nothing when the route can say every part of the order.

        Raises:
            Unsupported: A prefix, a query parameter of a GRPCRoute, too fine a mirror, two kinds
                of stickiness.
            InvalidRequest: A name or a value that no route takes.
        """
        if split.sticky is not None and sessions.persists(rule):
            raise Unsupported(
                f"{rule.called(target)} has sessionPersistence of its own, so a cookie of this "
                "release cannot decide as well; leave one of the two out"
            )
        super().check(rule, target, split)
        for one in split.match:
            conditions.require_expressible(one, query=self.query)
        if split.mirror is not None:
            mirrors.said(split.mirror)

    # managed rules

    def managed(self, draft: Draft) -> dict[str, Any]:
        """
        A rule like its base for matched requests.

        Each match of the base is repeated: the more specific one of two wins, wherever it stands.
        """
        base = draft.base
        given = [mapping(one) for one in sequence(base.body.get("matches"))]
        made: dict[str, Any] = {"name": draft.name} if self.names else {}
        made["matches"] = conditions.product(given, draft.matches, query=self.query)
        filters = [
            deepcopy(one)
            for one in sequence(base.body.get("filters"))
            if not mirrors.is_canary(one, base, draft.target)
        ]
        if filters:
            made["filters"] = filters
        made["backendRefs"] = draft.destinations
        return {**made, **draft.rest(*_NOT_KEPT)}

    def without_weights(self, body: Any) -> Any:
        """A body without weights, and without anchors, for an expression means a whole value."""
        if isinstance(body, Mapping) and body.get("type") == "RegularExpression":
            value = text(body.get("value")).removeprefix("^").removesuffix("$")
            body = {**body, "value": value}
        return super().without_weights(body)

    def room(self, base: Rule, bodies: Sequence[Mapping[str, Any]], target: Target) -> None:
        """
        Do nothing when the route can hold these rules beside those of people.

        Raises:
            InvalidRequest: Too many rules, or too many matches.
            NotOwned: Somebody else's rule has the name of one of them.
        """
        theirs = [one for one in self.rules(base.manifest, target) if not one.managed]
        names = {one.name for one in theirs if one.name}
        for body in bodies:
            if body.get("name") in names:
                raise NotOwned(
                    f"{base.called(target)}: the route has a rule {body['name']} that is not of "
                    "this release; rename it, or give this release a route of its own"
                )
        count = len(theirs) + len(bodies)
        if bodies and count > MOST_RULES:
            raise InvalidRequest(
                f"{base.called(target)}: the route has {len(theirs)} rules and holds {MOST_RULES}"
                f", so there is no room for {len(bodies)} more; split the route in two"
            )
        matches = sum(
            len(sequence(body.get("matches"))) for body in (*(it.body for it in theirs), *bodies)
        )
        if bodies and matches > MOST_MATCHES_OF_ROUTE:
            raise InvalidRequest(
                f"{base.called(target)}: {matches} matches in all its rules, and a route holds "
                f"{MOST_MATCHES_OF_ROUTE}; match less, or split the route in two"
            )

    # mirror

    def mirror(self, rule: Rule, target: Target) -> float | None:
        """Percent of the rule's requests that are copied to the canary."""
        return mirrors.percent(rule, target)

    def mirrored(self, rule: Rule, target: Target) -> bool:
        """Whether a filter to the canary stands there."""
        return bool(mirrors.places(rule, target))

    def mirror_operations(
        self, rule: Rule, target: Target, percent: float | None
    ) -> list[Operation]:
        """What makes the mirror so."""
        if percent is None:
            return mirrors.removal(rule, target)
        return mirrors.writing(rule, target, percent)

    # stickiness

    def cookies(self, rule: Rule) -> Iterator[tuple[int, str]]:
        """Set-Cookie values that backends add to answers."""
        for place, one in enumerate(rule.destinations):
            for value in set_cookies.set_by(one.body):
                yield place, value

    def cookie_patterns(self, rule: Rule) -> Iterator[str]:
        """Regular expressions of the Cookie header that a rule asks for."""
        yield from conditions.cookie_patterns(rule.body.get("matches"))

    def cookie_operations(
        self, rule: Rule, place: int, old: str | None, new: str | None
    ) -> list[Operation]:
        """What replaces one of our Set-Cookie values."""
        backend = rule.destinations[place]
        leaving = backend.side is Side.CANARY and self.weight(backend) != 0
        if new is None and leaving and sessions.persists(rule):
            return []  # the whole backend is taken out, see weight_operations
        if old is None:
            way, value = set_cookies.addition(backend.body, str(new))
            return [{"op": "add", "path": pointer((*backend.path, *way)), "value": value}]
        at = set_cookies.value_at(backend.body, old)
        path = pointer((*backend.path, *at))
        test: Operation = {"op": "test", "path": path, "value": old}
        if new is not None:
            return [test, {"op": "replace", "path": path, "value": new}]
        way = set_cookies.removal(backend.body, at)
        return [test, {"op": "remove", "path": pointer((*backend.path, *way))}]

    def with_cookie(self, entry: dict[str, Any], cookie: str) -> dict[str, Any]:
        """A backend that adds a Set-Cookie value to answers."""
        way, value = set_cookies.addition(entry, cookie)
        made = deepcopy(entry)
        held = _held(made, way)
        if way[-1] == "-":
            held.append(value)
        else:
            held[way[-1]] = value
        return made

    def without_cookie(self, entry: dict[str, Any], cookie: str) -> dict[str, Any]:
        """The backend without that value."""
        way = set_cookies.removal(entry, set_cookies.value_at(entry, cookie))
        made = deepcopy(entry)
        del _held(made, way)[way[-1]]
        return made


class HttpRouteLayout(RequestRouteLayout):
    """The layout of HTTPRoutes."""

    kind = HTTP_ROUTE
    protocol = "http"


class GrpcRouteLayout(RequestRouteLayout):
    """The layout of GRPCRoutes: methods instead of paths, no query parameters."""

    kind = GRPC_ROUTE
    protocol = "grpc"
    query = False


class TcpRouteLayout(RouteLayout):
    """The layout of TCPRoutes."""

    kind = TCP_ROUTE
    protocol = "tcp"


class TlsRouteLayout(RouteLayout):
    """The layout of TLSRoutes."""

    kind = TLS_ROUTE
    protocol = "tls"


_NOT_KEPT = frozenset({"name", "matches", "filters", "backendRefs"})
"""What a managed rule does not take over from its base as it is."""


def _at_the_end(listed: frozenset[int], count: int) -> frozenset[int]:
    """
    The listed indexes if they are the last of the list, as they are written; else none.

    Somebody who put a rule in front has moved ours: what is at the old index is not ours.

    >>> sorted(_at_the_end(frozenset({1, 2}), 3))
    [1, 2]
    >>> sorted(_at_the_end(frozenset({1}), 3))
    []
    """
    return listed if listed == frozenset(range(count - len(listed), count)) else frozenset()


def _held(made: Any, way: Path) -> Any:
    for step in way[:-1]:
        made = made[step]
    return made
