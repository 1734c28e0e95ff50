"""Plans how a VirtualService that a release made goes on without the two sides.

Floor 3, pure. Asked by `codec.py`, when a release is given up; knows `rules.py` and `edits.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from progressive._mesh.codec import (
    Manifest,
    ObjectPatch,
    Operation,
    namespace_of,
    ref_of,
    version_test,
)
from progressive._mesh.istio import edits
from progressive._mesh.istio.hosts import qualified
from progressive._mesh.istio.rules import Rule, rules_of
from progressive._model.traffic import Side, Target

_PLAIN = frozenset({"name", "route"})


def names_sides(manifest: Manifest, target: Target) -> bool:
    """Whether any rule sends, or could send, traffic to one of the sides."""
    if any(rule.primaries or rule.canaries for rule in rules_of(manifest, target)):
        return True
    sides = {qualified(one, target.namespace) for one in (target.primary, target.canary)}
    namespace = namespace_of(manifest, target)
    return any(qualified(host, namespace) in sides for host in _mirrors(manifest))


def is_spare(manifest: Manifest, target: Target) -> bool:
    """
    Whether the mesh serves its hosts just so without it: it only names the apex, for the mesh.

    A gateway has no other route to a service, and rewrites, retries and further hosts would be
    lost; such an object is kept, and sent to the apex.
    """
    spec = manifest.get("spec") or {}
    namespace = namespace_of(manifest, target)
    apex = qualified(target.service, target.namespace)
    rules: list[Mapping[str, Any]] = list(spec.get("http") or ())
    return (
        (spec.get("gateways") or ["mesh"]) == ["mesh"]
        and {qualified(str(host), namespace) for host in spec.get("hosts") or ()} == {apex}
        and not spec.get("tcp")
        and not spec.get("tls")
        and len(rules) == 1
        and set(rules[0]) <= _PLAIN
    )


def sent_to_apex(manifest: Manifest, target: Target, *, port: int) -> ObjectPatch:
    """
    The patch after which every rule of the release names the apex alone.

    Third destinations, and everything else of a rule, stay as they are.
    """
    changes: list[Operation] = []
    managed: list[Rule] = []
    for rule in rules_of(manifest, target):
        if rule.managed:
            managed.append(rule)
            continue
        if rule.primaries or rule.canaries:
            path = f"/spec/{rule.protocol}/{rule.index}/route"
            joined = _joined(rule, target, port)
            changes.append({"op": "replace", "path": path, "value": joined})
        changes += edits.mirror_removal(rule, target)
    changes += edits.managed_removal(managed)
    patch = (*version_test(manifest), *changes)
    return ObjectPatch(ref=ref_of(manifest, target), patch=patch)


def split_again(manifest: Manifest, target: Target, *, port: int) -> ObjectPatch | None:
    """The inverse of `sent_to_apex`, all traffic on the primary; None: nothing names the apex."""
    apex = qualified(target.service, target.namespace)
    namespace = namespace_of(manifest, target)
    changes: list[Operation] = []
    for index, rule in enumerate((manifest.get("spec") or {}).get("http") or ()):
        entries: list[dict[str, Any]] = []
        for one in rule.get("route") or ():
            host = str((one.get("destination") or {}).get("host") or "")
            if qualified(host, namespace) != apex:
                entries.append(deepcopy(dict(one)))
                continue
            for side, weight in ((Side.PRIMARY, one.get("weight", 100)), (Side.CANARY, 0)):
                destination = {"host": target.on(side), "port": {"number": port}}
                entries.append({**deepcopy(one), "destination": destination, "weight": weight})
        if len(entries) != len(rule.get("route") or ()):
            changes.append(
                {"op": "replace", "path": f"/spec/http/{index}/route", "value": entries}
            )
    if not changes:
        return None
    patch = (*version_test(manifest), *changes)
    return ObjectPatch(ref=ref_of(manifest, target), patch=patch)


def _joined(rule: Rule, target: Target, port: int) -> list[dict[str, Any]]:
    """The destinations of a rule, both sides as one."""
    first, *_ = sorted((*rule.primaries, *rule.canaries), key=lambda at: at in rule.canaries)
    sides = {*rule.primaries, *rule.canaries}
    joined: list[dict[str, Any]] = []
    for place, one in enumerate(rule.destinations):
        if place == first:
            apex = {"host": target.service, "port": {"number": port}}
            entry = {**deepcopy(dict(one)), "destination": apex}
            if len(sides) < len(rule.destinations):
                weights = [rule.destinations[at].get("weight") or 0 for at in sides]
                entry["weight"] = sum(weights)
            else:
                entry.pop("weight", None)
            joined.append(entry)
        elif place not in sides:
            joined.append(deepcopy(dict(one)))
    return joined


def _mirrors(manifest: Manifest) -> list[str]:
    found = []
    for rule in (manifest.get("spec") or {}).get("http") or ():
        listed = [one.get("destination") or {} for one in rule.get("mirrors") or ()]
        found += [str(one.get("host") or "") for one in (rule.get("mirror") or {}, *listed)]
    return [one for one in found if one]
