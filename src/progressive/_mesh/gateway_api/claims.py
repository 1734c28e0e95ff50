"""What requests a route asks for, and whether an older route has all of them already.

Floor 3, pure. Of two routes with the same match on the same parent and host the older one wins
(Gateway API, precedence of rules), so that the weights of the younger move nothing. Told only
where it is certain. Asked by `codec.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from progressive._mesh.access import inner, mapping, sequence, text
from progressive._mesh.codec import Manifest, namespace_of
from progressive._mesh.gateway_api.status import parent_key
from progressive._mesh.rules.layout import Rule
from progressive._model.traffic import Target

_EVERY_PATH = {"type": "PathPrefix", "value": "/"}


def has_all_of(other: Manifest, rules: Sequence[Rule], manifest: Manifest, target: Target) -> bool:
    """
    Whether no request reaches these rules of a route, because another route is before it.

    Args:
        other: A route of the same kind.
        rules: Of `manifest`.
    """
    if not (rules and _is_older(other, manifest)):
        return False
    parents, hosts = _parents(manifest, target), _hosts(manifest)
    asked = {one for rule in rules for one in _matches(rule.body)}
    theirs = {
        one for body in sequence(inner(other, "spec", "rules")) for one in _matches(mapping(body))
    }
    same_hosts = hosts <= _hosts(other) if hosts else not _hosts(other)
    return bool(parents) and parents <= _parents(other, target) and same_hosts and asked <= theirs


def takes_all(body: Mapping[str, Any]) -> bool:
    """Whether a rule takes every request of its parent."""
    return bool(_matches({}) & _matches(body))


def _is_older(other: Manifest, manifest: Manifest) -> bool:
    theirs, ours = _created(other), _created(manifest)
    if inner(manifest, "metadata", "resourceVersion") is None:
        # not stored yet, so whatever is stored was there before
        return bool(theirs)
    # times of one format compare as texts; in the same second the name decides, so it is not sure
    return bool(theirs and ours) and theirs < ours


def _created(manifest: Manifest) -> str:
    return text(inner(manifest, "metadata", "creationTimestamp"))


def _parents(manifest: Manifest, target: Target) -> set[tuple[str, ...]]:
    namespace = namespace_of(manifest, target)
    return {
        (*parent_key(mapping(one), namespace), str(inner(one, "port")))
        for one in sequence(inner(manifest, "spec", "parentRefs"))
    }


def _hosts(manifest: Manifest) -> set[str]:
    listed = sequence(inner(manifest, "spec", "hostnames"))
    return {one.lower() for one in listed if isinstance(one, str)}


def _matches(body: Mapping[str, Any]) -> set[str]:
    """The matches of a rule, each as one text, with what the API fills in."""
    found = set()
    for one in sequence(body.get("matches")) or [{}]:
        match = dict(mapping(one))
        if "method" not in match or not isinstance(match["method"], Mapping):
            match["path"] = {**_EVERY_PATH, **mapping(match.get("path"))}
        for key in ("headers", "queryParams"):
            listed = [{"type": "Exact", **mapping(it)} for it in sequence(match.get(key))]
            match[key] = sorted(listed, key=lambda it: str(it.get("name")))
        found.add(json.dumps(match, sort_keys=True, default=str))
    return found
