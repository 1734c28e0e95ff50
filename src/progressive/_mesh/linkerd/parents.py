"""Whose traffic a route takes: its parents, as Linkerd reads them.

Floor 3, pure. Asked by `layouts.py`, `preflight.py` and `codec.py`.
"""

from __future__ import annotations

from attrs import frozen

from progressive._mesh.access import inner, mapping, sequence, text
from progressive._mesh.codec import Manifest, namespace_of
from progressive._model.traffic import Target

CORE = frozenset({"", "core"})
"""How the group of a Service may be written; status always says ``core``."""


@frozen(kw_only=True)
class Parent:
    """
    A Service whose clients follow a route.

    Attributes:
        namespace, name: Of the Service.
        port: The port that is meant; None: every port.
    """

    namespace: str
    name: str
    port: int | None

    def overlaps(self, other: Parent) -> bool:
        """Whether one request can be to both."""
        same = (self.namespace, self.name) == (other.namespace, other.name)
        return same and (None in (self.port, other.port) or self.port == other.port)

    def __str__(self) -> str:
        return f"Service {self.namespace}/{self.name}"


def service_parents(manifest: Manifest, target: Target) -> tuple[Parent, ...]:
    """
    The parents of a route that are Services.

    A parent without a kind is a Gateway, whatever its name, and none of the mesh's.
    """
    found = []
    for one in sequence(inner(manifest, "spec", "parentRefs")):
        parent = mapping(one)
        name = text(parent.get("name"))
        if parent.get("kind") != "Service" or not name or not _is_core(parent.get("group")):
            continue
        port = parent.get("port")
        found.append(
            Parent(
                namespace=text(parent.get("namespace")) or namespace_of(manifest, target),
                name=name,
                port=port if isinstance(port, int) and not isinstance(port, bool) else None,
            )
        )
    return tuple(found)


def steered_parents(manifest: Manifest, target: Target) -> tuple[Parent, ...]:
    """The parents that a release is about: its apex where that is one, else all of them."""
    parents = service_parents(manifest, target)
    apex = (target.namespace, target.service)
    meant = tuple(one for one in parents if (one.namespace, one.name) == apex)
    return meant or parents


def _is_core(group: object) -> bool:
    # the CRD fills in the Gateway API's own group where a parent names none
    return isinstance(group, str) and group in CORE
