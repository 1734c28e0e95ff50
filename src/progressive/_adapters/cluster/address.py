"""Reads the paths of the Kubernetes API.

Floor 4, but pure. `_kube/paths.py` makes such paths; this takes them apart, for whoever has to
act as an API server or to say in words what a request was about.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve, frozen

from progressive._kube.paths import CLUSTER_WIDE, PLURALS, root
from progressive.errors import ClusterError, ErrorKind

_CLUSTER_WIDE_KINDS = CLUSTER_WIDE | {
    "Node",
    "PersistentVolume",
    "StorageClass",
    "PriorityClass",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleBinding",
    "GatewayClass",
    "IngressClass",
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
}


@frozen(kw_only=True)
class Address:
    """
    What a path of the API names.

    Attributes:
        group: Empty for the core group.
        version: Such as ``v1``.
        plural: Such as ``virtualservices``.
        namespace: None: cluster-wide, or a collection over all namespaces.
        name: None: a collection.
        subresource: Such as ``status``.
    """

    group: str
    version: str
    plural: str
    namespace: str | None = None
    name: str | None = None
    subresource: str | None = None

    @property
    def resource(self) -> str:
        """As the API server says it in messages: ``deployments.apps``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def api_version(self) -> str:
        """As manifests carry it: ``apps/v1``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What identifies the object, whatever version it is asked for in."""
        return (self.group, self.plural, self.namespace or "", self.name or "")

    @property
    def path(self) -> str:
        """The path of the object or the collection, without its subresource."""
        place = f"/namespaces/{self.namespace}" if self.namespace else ""
        tail = f"/{self.name}" if self.name else ""
        return f"{root(self.api_version)}{place}/{self.plural}{tail}"

    def named(self, name: str, namespace: str | None) -> Address:
        """The address of one object of this collection."""
        return evolve(self, name=name, namespace=namespace, subresource=None)


def parse(path: str) -> Address:
    """
    Take a path apart.

    Raises:
        ClusterError: It is no path of the Kubernetes API (kind ``not-found``).
    """
    parts = path.strip("/").split("/")
    if len(parts) >= 3 and parts[0] == "api":
        group, version, rest = "", parts[1], parts[2:]
    elif len(parts) >= 4 and parts[0] == "apis":
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        raise ClusterError(
            f"{path} is no path of the API", ErrorKind.NOT_FOUND, None, 404, "NotFound"
        )
    namespace: str | None = None
    if rest[0] == "namespaces" and len(rest) >= 3 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    return Address(
        group=group,
        version=version,
        plural=rest[0],
        namespace=namespace,
        name=rest[1] if len(rest) > 1 else None,
        subresource=rest[2] if len(rest) > 2 else None,
    )


def address_of(manifest: Mapping[str, Any], *, namespace: str) -> Address:
    """
    The address of this object; `namespace` counts where it names none.

    Raises:
        ClusterError: It lacks apiVersion, kind or a name (kind ``invalid``).
    """
    meta = manifest.get("metadata") or {}
    version, kind, name = manifest.get("apiVersion"), manifest.get("kind"), meta.get("name")
    if not (isinstance(version, str) and isinstance(kind, str) and isinstance(name, str)):
        raise ClusterError(
            f"an object needs apiVersion, kind and metadata.name: {version!r}, {kind!r}, {name!r}",
            ErrorKind.INVALID,
            None,
            422,
            "Invalid",
        )
    group, _, short = version.rpartition("/")
    wide = kind in _CLUSTER_WIDE_KINDS
    return Address(
        group=group,
        version=short,
        plural=plural_of(kind),
        namespace=None if wide else meta.get("namespace") or namespace,
        name=name,
    )


def plural_of(kind: str) -> str:
    """The plural of a kind; made by the rules of English where it is not known."""
    if kind in PLURALS:
        return PLURALS[kind]
    word = kind.lower()
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    if word.endswith("y") and word[-2:-1] not in tuple("aeiou"):
        return word[:-1] + "ies"
    return word + "s"
