"""Skipper: weights in an annotation of an Ingress, or in a RouteGroup.

Floor 3, pure. `routegroup.py` knows RouteGroups. The annotation is one text for the whole
Ingress, JSON of service names and numbers; services of the same path share its requests.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from fractions import Fraction
from typing import Any

from progressive._mesh.access import inner, pointer, sequence, text
from progressive._mesh.codec import Manifest, ObjectKind, Operation, namespace_of, ref_of
from progressive._mesh.proxies.routegroup import RouteGroupLayout
from progressive._mesh.proxies.services import MOST
from progressive._mesh.rules.codec import RuleCodec
from progressive._mesh.rules.destination import Destination
from progressive._mesh.rules.layout import Layout, Number, Rule
from progressive._model.traffic import Capabilities, Split, Target
from progressive.errors import InvalidRequest, Unsupported

INGRESS = ObjectKind(
    group="networking.k8s.io", kind="Ingress", plural="ingresses", versions=("v1",)
)

WEIGHTS = "zalando.org/backend-weights"
"""Annotation of an Ingress: its weights by service, as JSON."""

_PREDICATE, _NEVER = "zalando.org/skipper-predicate", "False()"

_SECTION = ("metadata", "annotations", WEIGHTS)


class IngressLayout(Layout):
    """The layout of an Ingress: one rule, whatever hosts and paths it has."""

    kind = INGRESS
    missing = 0
    lone_has_all = True
    weights_path = f'.metadata.annotations["{WEIGHTS}"]'

    def rules(self, manifest: Manifest, target: Target) -> Iterator[Rule]:
        """The one rule; its destinations are the services that share paths with a side."""
        groups = [one for one in _groups(manifest) if {target.primary, target.canary} & {*one}]
        both = [one for one in groups if {target.primary, target.canary} <= {*one}]
        if not groups:
            return
        # sides on paths of their own share nothing, so the rule is that of one of the two
        lone = next((one for one in groups if target.primary in one), groups[0])
        names = dict.fromkeys(name for one in both or [lone] for name in one)
        stored = _stored(manifest)
        known = stored is not None and any(name in stored for name in names)
        yield Rule(
            manifest=manifest,
            layout=self,
            section=_SECTION,
            index=None,
            protocol="http",
            body={"groups": both},
            destinations=tuple(
                Destination(
                    path=_SECTION,
                    body=_body(name, stored, known=known),
                    side=self.side_of({"name": name}, manifest, target),
                    identity=(),
                )
                for name in names
            ),
        )

    def is_service(
        self, body: Mapping[str, Any], service: str, manifest: Manifest, target: Target
    ) -> bool:
        """Whether a destination is a service of the release's namespace."""
        return body.get("name") == service and namespace_of(manifest, target) == target.namespace

    def weight(self, destination: Destination) -> Number:
        """
        The weight of a service; numbers may have fractions.

        Raises:
            InvalidRequest: It is no number, or the annotation is no JSON.
        """
        if "fault" in destination.body:
            raise InvalidRequest(str(destination.body["fault"]))
        stored = destination.body["weight"]
        if isinstance(stored, bool) or not isinstance(stored, int | float):
            raise InvalidRequest(f"annotation {WEIGHTS}: weight {stored!r} is no number")
        exact = Fraction(str(stored))
        return exact.numerator if exact.denominator == 1 else exact

    def weight_operations(
        self, rule: Rule, weights: Mapping[int, int]
    ) -> tuple[list[Operation], list[Operation]]:
        """The whole annotation, with its keys sorted; what it says of others stays."""
        if not weights:
            return [], []
        old = inner(rule.manifest, *_SECTION)
        stored = _stored(rule.manifest)
        new = dict(stored) if isinstance(stored, Mapping) else {}
        for place, weight in weights.items():
            new[rule.destinations[place].body["name"]] = weight
        if new == stored:
            return [], []
        said = json.dumps(new, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        path = pointer(_SECTION)
        changes: list[Operation] = [{"op": "add", "path": path, "value": said}]
        if old is not None:
            return [{"op": "test", "path": path, "value": old}], changes
        if not isinstance(inner(rule.manifest, "metadata", "annotations"), Mapping):
            changes.insert(0, {"op": "add", "path": "/metadata/annotations", "value": {}})
        return [], changes

    def restoring_operations(
        self, rule: Rule, wanted: Mapping[int, Any]
    ) -> tuple[list[Operation], list[Operation]]:
        """The whole annotation here as well; a note without a number was written by others."""
        known = {place: weight for place, weight in wanted.items() if weight is not None}
        return self.weight_operations(rule, known)

    def check(self, rule: Rule, target: Target, split: Split) -> None:
        """The annotation must be readable, and mean the same for all paths."""
        if fault := rule.destinations[0].body.get("fault"):
            raise InvalidRequest(f"{rule.called(target)}: {fault}")
        groups = [set(one) for one in rule.body["groups"]]
        if any(one != groups[0] for one in groups[1:]):
            raise Unsupported(
                f"{rule.called(target)}: the services beside {target.primary} and {target.canary} "
                f"differ from path to path, and the annotation {WEIGHTS} has one weight for each; "
                "give those paths an Ingress of their own"
            )


class SkipperCodec(RuleCodec):
    """Plans for Skipper; a `MeshCodec`."""

    name = "skipper"
    capabilities = Capabilities(
        weights=True, match=True, max_total=MOST, dialect="skipper", settle=timedelta(seconds=5)
    )
    layouts = (IngressLayout(), RouteGroupLayout())

    def notes(self, manifests: Sequence[Manifest], target: Target) -> Sequence[str]:
        """An Ingress that no request reaches, as Flagger leaves its own at weight 0."""
        return [
            f"Note: {ref_of(one, target)}: the predicate {said} keeps every request away, so its "
            f"weights have no effect; take {_NEVER} out of the annotation {_PREDICATE}"
            for one in manifests
            if _NEVER in (said := text(inner(one, "metadata", "annotations", _PREDICATE)))
        ]


def _groups(manifest: Manifest) -> Iterator[tuple[str, ...]]:
    """Services that share the requests of one host and path."""
    for rule in sequence(inner(manifest, "spec", "rules")):
        paths: dict[tuple[str, str], list[str]] = {}
        for one in sequence(inner(rule, "http", "paths")):
            name = text(inner(one, "backend", "service", "name"))
            if name:
                key = (text(inner(one, "path")), text(inner(one, "pathType")))
                paths.setdefault(key, []).append(name)
        for names in paths.values():
            yield tuple(dict.fromkeys(names))


def _stored(manifest: Manifest) -> Mapping[str, Any] | None:
    """The annotation, read; None where it cannot be."""
    said = inner(manifest, *_SECTION)
    if said is None:
        return {}
    try:
        stored = json.loads(said, parse_constant=_no_number) if isinstance(said, str) else None
    except (ValueError, RecursionError):
        return None
    return stored if isinstance(stored, dict) else None


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number")


def _body(name: str, stored: Mapping[str, Any] | None, *, known: bool) -> dict[str, Any]:
    if stored is None:
        fault = f"annotation {WEIGHTS} is no JSON of service names and numbers; write it anew"
        return {"name": name, "fault": fault}
    # what is not named gets nothing, unless nobody is: then all get the same
    return {"name": name, "weight": stored.get(name, 0 if known else 1)}
