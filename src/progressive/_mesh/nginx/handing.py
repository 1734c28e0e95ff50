"""Plans how Ingresses go on without the two sides, for a release that is given up.

Floor 3, pure. Asked by `codec.py`; knows `ingresses.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from progressive._mesh.access import inner, mapping, pointer, sequence
from progressive._mesh.codec import Manifest, ObjectPatch, Operation, ref_of, version_test
from progressive._mesh.nginx.annotations import is_canary
from progressive._mesh.nginx.ingresses import paths_of
from progressive._model.traffic import Target


def names_sides(manifest: Manifest, target: Target) -> bool:
    """Whether any path goes to one of the sides."""
    return any(one.service in (target.primary, target.canary) for one in paths_of(manifest))


def is_spare(manifest: Manifest, prefix: str) -> bool:
    """Whether it only takes a share of another Ingress: without it that one has everything."""
    return is_canary(manifest, prefix)


def sent_to_apex(manifest: Manifest, target: Target, *, port: int) -> ObjectPatch:
    """The patch after which every path to a side goes to the apex."""
    sides = {target.primary, target.canary}
    changes = tuple(_renamed(manifest, sides, target.service, port))
    return ObjectPatch(ref=ref_of(manifest, target), patch=(*version_test(manifest), *changes))


def split_again(manifest: Manifest, target: Target, *, port: int) -> ObjectPatch | None:
    """The inverse: every path to the apex goes to the primary; None: there is none."""
    changes = tuple(_renamed(manifest, {target.service}, target.primary, port))
    if not changes:
        return None
    return ObjectPatch(ref=ref_of(manifest, target), patch=(*version_test(manifest), *changes))


def _renamed(manifest: Manifest, before: set[str], after: str, port: int) -> Iterator[Operation]:
    service = mapping(inner(manifest, "spec", "defaultBackend", "service"))
    if service.get("name") in before:
        value = _backend(service, after, port)
        yield {"op": "replace", "path": "/spec/defaultBackend", "value": value}
    for at, rule in enumerate(sequence(inner(manifest, "spec", "rules"))):
        for place, path in enumerate(sequence(inner(rule, "http", "paths"))):
            service = mapping(inner(path, "backend", "service"))
            if service.get("name") in before:
                where = pointer(("spec", "rules", at, "http", "paths", place, "backend"))
                value = _backend(service, after, port)
                yield {"op": "replace", "path": where, "value": value}


def _backend(service: Mapping[str, Any], name: str, port: int) -> dict[str, Any]:
    return {"service": {"name": name, "port": service.get("port") or {"number": port}}}
