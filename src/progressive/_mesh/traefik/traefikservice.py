"""Traefik's TraefikService: weighted services, the cookie that keeps users, and mirrors around it.

Floor 3, pure. `codec.py` is the codec. A TraefikService sees no requests: who sends to it, and
who copies what it gets, is found here too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

from progressive._mesh.access import inner, mapping, pointer, sequence, text
from progressive._mesh.codec import Manifest, ObjectKind, Operation, namespace_of
from progressive._mesh.proxies.services import ServiceLayout
from progressive._mesh.rules.layout import Rule
from progressive._mesh.traefik.ingressroute import GROUP, VERSIONS
from progressive._model.traffic import Capabilities, Split, Target
from progressive.errors import Unsupported

TRAEFIK_SERVICE = ObjectKind(
    group=GROUP, kind="TraefikService", plural="traefikservices", versions=VERSIONS
)

STICKY = "progressive.dev/sticky"
"""Annotation of a TraefikService: the cookie of stickiness is ours."""

_WEIGHTED = ("spec", "weighted")
_MIRRORS = ("spec", "mirroring", "mirrors")


class WeightedLayout(ServiceLayout):
    """The layout of weighted TraefikServices: one rule."""

    kind = TRAEFIK_SERVICE
    features = Capabilities(weights=True, match=True, mirror=True, sticky=True)
    apart = True
    weights_path = ".spec.weighted.services[].weight"

    def rules(self, manifest: Manifest, target: Target) -> Iterator[Rule]:
        """The list of services, if it has one."""
        body = mapping(inner(manifest, *_WEIGHTED))
        path = (*_WEIGHTED, "services")
        if found := self.destinations(
            body.get("services"), path, manifest, target, "name", "kind", "namespace"
        ):
            yield Rule(
                manifest=manifest,
                layout=self,
                section=_WEIGHTED,
                index=None,
                body=body,
                destinations=found,
            )

    def check(self, rule: Rule, target: Target, split: Split) -> None:
        """One cookie serves both sides, and a person's own stays."""
        if split.sticky is None:
            return
        if split.sticky.primary_cookie is not None or split.match:
            what = "match" if split.match else "sticky.primary_cookie"
            raise Unsupported(
                f"{rule.called(target)}: Traefik's one cookie keeps users of both sides, so "
                f"{what} cannot be had with sticky; leave one of the two out"
            )
        if rule.body.get("sticky") is not None and sticky_mark(rule.manifest) is None:
            raise Unsupported(
                f"{rule.called(target)} has a sticky cookie of its own, which stays; leave "
                "sticky out of the release"
            )


# stickiness


def sticky_mark(manifest: Manifest) -> str | None:
    return text(inner(manifest, "metadata", "annotations", STICKY)) or None


def stickiness(manifest: Manifest, split: Split | None) -> list[Operation]:
    """What makes the cookie so; at weight 0 there is none, for it would keep all new users."""
    path, mark = pointer((*_WEIGHTED, "sticky")), pointer(("metadata", "annotations", STICKY))
    standing = inner(manifest, *_WEIGHTED, "sticky")
    ours = sticky_mark(manifest)
    if split is None or split.sticky is None or split.canary == 0:
        if ours is None:
            return []
        changes: list[Operation] = [{"op": "remove", "path": mark}]
        if standing is not None:
            changes.append({"op": "remove", "path": path})
        return changes
    cookie = split.sticky.cookie
    wanted = {"cookie": {"name": cookie, "maxAge": round(split.sticky.max_age.total_seconds())}}
    changes = []
    if standing != wanted:
        changes.append({"op": "add", "path": path, "value": wanted})
    if ours != cookie:
        if not isinstance(inner(manifest, "metadata", "annotations"), Mapping):
            changes.append({"op": "add", "path": "/metadata/annotations", "value": {}})
        changes.append({"op": "add", "path": mark, "value": cookie})
    return changes


# mirrors


def mirrors_of(manifest: Manifest, base: Manifest, target: Target) -> bool:
    """Whether an object is a TraefikService that mirrors what another one gets."""
    named = mapping(inner(manifest, "spec", "mirroring"))
    return (
        TRAEFIK_SERVICE.holds(manifest)
        and named.get("kind") == TRAEFIK_SERVICE.kind
        and _reference(named, manifest, target) == _address(base, target)
    )


def canary_mirrors(manifest: Manifest, target: Target) -> list[tuple[int, Mapping[str, Any]]]:
    layout = WeightedLayout()
    return [
        (place, body)
        for place, body in enumerate(map(mapping, sequence(inner(manifest, *_MIRRORS))))
        if layout.is_service(body, target.canary, manifest, target)
    ]


def mirror_percent(body: Mapping[str, Any]) -> float | None:
    stored = body.get("percent")
    if isinstance(stored, bool) or not isinstance(stored, int | float):
        return None
    return float(stored) if 0 < stored <= 100 else None


def mirroring(
    manifest: Manifest,
    target: Target,
    percent: float | None,
    canary: Mapping[str, Any] | None = None,
) -> list[Operation]:
    """What makes the mirror to the canary so; a second one goes, and mirrors to others stay."""
    standing = canary_mirrors(manifest, target)
    changes: list[Operation] = [
        {"op": "test", "path": pointer((*_MIRRORS, place, "name")), "value": body["name"]}
        for place, body in standing
    ]
    if percent is not None and standing:
        place, body = standing.pop(0)
        if body.get("percent") != percent:
            path = pointer((*_MIRRORS, place, "percent"))
            changes.append({"op": "add", "path": path, "value": int(percent)})
        elif not standing:
            return []
    elif percent is not None:
        entry = {key: deepcopy(one) for key, one in (canary or {}).items() if key != "weight"}
        entry["percent"] = int(percent)
        there = isinstance(inner(manifest, *_MIRRORS), list)
        path = pointer((*_MIRRORS, "-") if there else _MIRRORS)
        changes.append({"op": "add", "path": path, "value": entry if there else [entry]})
    if percent is None and standing and len(standing) == len(inner(manifest, *_MIRRORS)):
        return [*changes, {"op": "remove", "path": pointer(_MIRRORS)}]
    for place, _ in reversed(standing):
        changes.append({"op": "remove", "path": pointer((*_MIRRORS, place))})
    return changes


# who sends to a TraefikService


def _address(manifest: Manifest, target: Target) -> tuple[str, str]:
    return namespace_of(manifest, target), text(inner(manifest, "metadata", "name"))


def _reference(body: Mapping[str, Any], manifest: Manifest, target: Target) -> tuple[str, str]:
    namespace = text(body.get("namespace")) or namespace_of(manifest, target)
    return namespace, text(body.get("name"))


def named_by(
    routing: Sequence[Manifest], manifest: Manifest, target: Target
) -> set[tuple[str, str]]:
    """The addresses by which a route may send to a weighted TraefikService."""
    around = [one for one in routing if mirrors_of(one, manifest, target)]
    return {_address(one, target) for one in (manifest, *around)}


def sends_to(route: Rule, names: set[tuple[str, str]], target: Target) -> bool:
    """Whether all requests of a route go to one of these TraefikServices."""
    if len(route.destinations) != 1:
        return False
    body = route.destinations[0].body
    return (
        body.get("kind") == TRAEFIK_SERVICE.kind
        and _reference(body, route.manifest, target) in names
    )
