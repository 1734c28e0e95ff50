"""What a VirtualRouter is like: routes of four kinds, weighted targets, priorities.

Floor 3, pure. A `Layout` of `_mesh/rules/`; `codec.py` is the codec of App Mesh.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from progressive._mesh.access import Path, inner, mapping, sequence, text, without
from progressive._mesh.app_mesh.matches import narrowed_match
from progressive._mesh.app_mesh.nodes import GROUP, VERSIONS, Nodes
from progressive._mesh.codec import Manifest, ObjectKind, namespace_of, ref_of
from progressive._mesh.rules.destination import Destination
from progressive._mesh.rules.layout import Draft, Layout, Number, Rule
from progressive._model.traffic import Capabilities, Side, Target
from progressive.errors import InvalidRequest, NotOwned, Unsupported

VIRTUAL_ROUTER = ObjectKind(
    group=GROUP, kind="VirtualRouter", plural="virtualrouters", versions=VERSIONS
)

MOST = 100
"""Largest weight in the schema; AWS documents the same for the sum of a route's weights."""

LAST = 1000
"""Largest priority in the schema, tried last; a route without a priority counts as it."""

_PROTOCOLS = {"httpRoute": "http", "http2Route": "http", "grpcRoute": "grpc", "tcpRoute": "tcp"}
"""The key of a kind of route → the protocol of its rule."""

_SECTION = ("spec", "routes")
TARGETS = ("action", "weightedTargets")
"""Where the targets of a route are, inside the body of its kind."""


class VirtualRouterLayout(Layout):
    """
    The layout of VirtualRouters.

    Args:
        nodes: What is known of virtual nodes.
    """

    kind = VIRTUAL_ROUTER
    features = Capabilities(weights=True, match=True)
    alternatives = False
    weights_path = ".spec.routes[][]?.action?.weightedTargets[]?.weight"

    def __init__(self, nodes: Nodes | None = None) -> None:
        self._nodes = nodes or Nodes()

    def rules(self, manifest: Manifest, target: Target) -> Iterator[Rule]:
        """One rule for each route; one of no kind, or of several, has no destinations."""
        for index, route in enumerate(sequence(inner(manifest, *_SECTION))):
            body = mapping(route)
            kind = kind_of(body)
            path = (*_SECTION, index, kind, *TARGETS)
            listed = sequence(inner(body, kind, *TARGETS)) if kind else ()
            yield Rule(
                manifest=manifest,
                layout=self,
                section=_SECTION,
                index=index,
                protocol=protocol_of(body),
                name=text(body.get("name")),
                body=body,
                destinations=tuple(
                    self._destination(mapping(one), (*path, place), manifest, target)
                    for place, one in enumerate(listed)
                ),
            )

    def _destination(
        self, body: Mapping[str, Any], path: Path, manifest: Manifest, target: Target
    ) -> Destination:
        named = body.get("virtualNodeRef")
        identity = [
            ((*path, "virtualNodeRef", key), named[key])
            for key in ("name", "namespace")
            if isinstance(named, Mapping) and key in named
        ]
        if "virtualNodeARN" in body:
            identity.append(((*path, "virtualNodeARN"), body["virtualNodeARN"]))
        return Destination(
            path=path,
            body=body,
            side=self.side_of(body, manifest, target),
            identity=tuple(identity),
        )

    def side_of(self, body: Mapping[str, Any], manifest: Manifest, target: Target) -> Side | None:
        """Which side a weighted target is, by its node."""
        return self._nodes.side_of(body, namespace_of(manifest, target), target)

    def weight(self, destination: Destination) -> Number:
        """
        The weight of a target; the schema requires one.

        Raises:
            InvalidRequest: It is missing, or not a whole number.
        """
        if destination.body.get(self.weight_key) is None:
            raise InvalidRequest("a target has no weight")
        return super().weight(destination)

    # managed routes

    def managed(self, draft: Draft) -> dict[str, Any]:
        """A route like its base for the requests of one item; `ordered` gives it a priority."""
        base, (match,) = draft.base, draft.matches
        kind = kind_of(base.body)
        route = without(mapping(base.body[kind]))
        given = mapping(route.get("match"))
        route["match"] = narrowed_match(given, match, grpc=kind == "grpcRoute")
        route["action"] = {**mapping(route.get("action")), "weightedTargets": draft.destinations}
        return {"name": draft.name, **draft.rest("name", "priority", kind), kind: route}

    def room(self, base: Rule, bodies: Sequence[Mapping[str, Any]], target: Target) -> None:
        """
        Do nothing when no other route has the name of a managed one; AWS takes each name once.

        Raises:
            NotOwned: One has.
        """
        names = {one["name"] for one in bodies}
        for rule in self.rules(base.manifest, target):
            if not rule.managed and rule.name in names:
                raise NotOwned(
                    f"{rule.called(target)} belongs to somebody else; rename it, for the routes "
                    f"of this release are named {', '.join(sorted(names))}"
                )

    def ordered(
        self, manifest: Manifest, bodies: Sequence[dict[str, Any]], target: Target
    ) -> Sequence[dict[str, Any]]:
        """
        The managed routes with priorities right before the smallest of all others.

        Raises:
            Unsupported: There are not so many before it.
        """
        others = [rule.body for rule in self.rules(manifest, target) if not rule.managed]
        smallest = min((_priority(one) for one in others), default=LAST)
        first = smallest - len(bodies)
        if first < 0:
            raise Unsupported(
                f"{ref_of(manifest, target)}: a match needs {len(bodies)} priorities before "
                f"{smallest}, the smallest of its routes, and 0 is the first that there is; give "
                "the routes larger ones"
            )
        return [
            {"name": one["name"], "priority": first + place, **_without_name(one)}
            for place, one in enumerate(bodies)
        ]


def kind_of(body: Mapping[str, Any]) -> str:
    """The key of a route's kind; empty: it has none, or several."""
    kinds = [key for key in _PROTOCOLS if isinstance(body.get(key), Mapping)]
    return kinds[0] if len(kinds) == 1 else ""


def protocol_of(body: Mapping[str, Any]) -> str:
    """``http``, ``grpc`` or ``tcp``; empty for a route of no known kind."""
    return _PROTOCOLS.get(kind_of(body), "")


def _priority(body: Mapping[str, Any]) -> int:
    stored = body.get("priority")
    return stored if isinstance(stored, int) and not isinstance(stored, bool) else LAST


def _without_name(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: one for key, one in body.items() if key != "name"}
