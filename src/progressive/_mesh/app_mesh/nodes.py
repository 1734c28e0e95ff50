"""Which side of a release a virtual node is: by its name, its service, or its ARN.

Floor 3, pure. Asked by `layout.py` for every weighted target.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen

from progressive._mesh.access import inner, text
from progressive._mesh.codec import Manifest, ObjectKind, namespace_of
from progressive._mesh.hosts import qualified
from progressive._model.traffic import Side, Target

GROUP = "appmesh.k8s.aws"
VERSIONS = ("v1beta2",)
"""The only version; v1beta1 kept weights in the VirtualService and is long gone."""

VIRTUAL_NODE = ObjectKind(
    group=GROUP, kind="VirtualNode", plural="virtualnodes", versions=VERSIONS
)

_Node = tuple[str, str]
"""Namespace and name."""


@frozen(kw_only=True)
class Nodes:
    """
    What the VirtualNodes among some objects tell; without any, names alone are compared.

    Attributes:
        by_arn: The node of an ARN, as the controller wrote it into its status.
        services: The service behind a node, fully qualified.
    """

    by_arn: Mapping[str, _Node] = field(factory=dict, hash=False)
    services: Mapping[_Node, str] = field(factory=dict, hash=False)

    @classmethod
    def among(cls, objects: Iterable[Manifest], target: Target) -> Nodes:
        """What the VirtualNodes among these objects tell."""
        by_arn: dict[str, _Node] = {}
        services: dict[_Node, str] = {}
        for one in objects:
            if not VIRTUAL_NODE.holds(one):
                continue
            namespace = namespace_of(one, target)
            node = (namespace, text(inner(one, "metadata", "name")))
            if arn := text(inner(one, "status", "virtualNodeARN")):
                by_arn[arn] = node
            host = text(inner(one, "spec", "serviceDiscovery", "dns", "hostname"))
            services[node] = qualified(host, namespace)
        return cls(by_arn=by_arn, services=services)

    def side_of(self, body: Mapping[str, Any], namespace: str, target: Target) -> Side | None:
        """
        Which side a weighted target is; None: another node, or one that is not known.

        Args:
            namespace: Of the router; a reference without one means it.
        """
        node = self._named(body, namespace)
        if node is None:
            return None
        for side in Side:
            if node == (target.namespace, target.on(side)):
                return side
        for side in Side:
            # a node may be named otherwise than the service behind it
            named = (target.namespace, target.on(side))
            service = qualified(target.on(side), target.namespace)
            if named not in self.services and self.services.get(node) == service:
                return side
        return None

    def _named(self, body: Mapping[str, Any], namespace: str) -> _Node | None:
        if arn := text(body.get("virtualNodeARN")):
            return self.by_arn.get(arn)
        name = text(inner(body, "virtualNodeRef", "name"))
        where = text(inner(body, "virtualNodeRef", "namespace")) or namespace
        return (where, name) if name else None
