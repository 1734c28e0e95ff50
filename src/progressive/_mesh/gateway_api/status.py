"""What the status of a route says: one entry for each parent and controller.

Floor 3, pure. Asked by `codec.py`, and by Linkerd's codec for the same routes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from progressive._mesh.access import inner, mapping, sequence, text
from progressive._mesh.codec import Manifest, namespace_of, ref_of
from progressive._mesh.gateway_api.kinds import GROUP
from progressive._mesh.standing import Standing, StandingKind, generation_of, judged, worst
from progressive._model.traffic import Target

_WANTED = {"Accepted": "True", "ResolvedRefs": "True", "PartiallyInvalid": "False"}


def standing_of(manifest: Manifest, target: Target) -> Standing:
    """
    Whether every parent of the route's spec has taken over the generation that is stored.

    What a status holds of parents that the spec does not name (any more) says nothing.
    """
    namespace = namespace_of(manifest, target)
    entries = [mapping(one) for one in sequence(inner(manifest, "status", "parents"))]
    generation = generation_of(manifest)
    found: list[Standing] = []
    for parent in sequence(inner(manifest, "spec", "parentRefs")):
        own = [
            one
            for one in entries
            if _same(mapping(parent), mapping(one.get("parentRef")), namespace)
        ]
        called = f"{ref_of(manifest, target)}, parent {_called(mapping(parent), namespace)}"
        if not own:
            words = f"{called}: no controller has spoken yet"
            found.append(Standing(kind=StandingKind.WAITING, words=words))
        for entry in own:
            found.append(_of_entry(entry, generation, called, manifest, target))
    if not found:
        words = f"{ref_of(manifest, target)} has no parent, so nobody follows it"
        return Standing(kind=StandingKind.WAITING, words=words)
    return worst(found)


def _of_entry(
    entry: Mapping[str, Any],
    generation: int | None,
    called: str,
    manifest: Manifest,
    target: Target,
) -> Standing:
    decisive = worst(
        [
            judged(entry.get("conditions"), kind, generation, good=good)
            for kind, good in _WANTED.items()
        ]
    )
    if decisive.kind is StandingKind.ACCEPTED:
        return decisive
    words = f"{called}: {decisive.words}"
    if "RefNotPermitted" in decisive.words:
        words += (
            f"; a ReferenceGrant in namespace {target.namespace} must let {manifest.get('kind')} "
            f"of namespace {namespace_of(manifest, target)} name the services {target.primary} "
            f"and {target.canary}"
        )
    return Standing(kind=decisive.kind, words=words, late=decisive.late)


def _same(one: Mapping[str, Any], other: Mapping[str, Any], namespace: str) -> bool:
    """
    Whether a parent of the status is one of the spec, as controllers rewrite it.

    They fill in what the spec leaves to its defaults, the port of a Service too.
    """
    if parent_key(one, namespace) != parent_key(other, namespace):
        return False
    ports = (one.get("port"), other.get("port"))
    return None in ports or ports[0] == ports[1]


def parent_key(parent: Mapping[str, Any], namespace: str) -> tuple[str, ...]:
    """A parent without its port, after the defaults of the API."""
    group = parent.get("group", GROUP)
    fields = (
        "" if group == "core" else group,
        parent.get("kind") or "Gateway",
        parent.get("namespace") or namespace,
        parent.get("name"),
        parent.get("sectionName") or "",
    )
    return tuple(str(one) for one in fields)


def _called(parent: Mapping[str, Any], namespace: str) -> str:
    place = f"{parent.get('namespace') or namespace}/{parent.get('name')}"
    section = text(parent.get("sectionName"))
    return f"{parent.get('kind') or 'Gateway'} {place}" + (f" ({section})" if section else "")
