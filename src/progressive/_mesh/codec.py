"""What a mesh must know about its routing objects: one contract for all of them.

Floor 3, pure: objects in, patches and readings out; no network, no clock, no logging.
A codec never talks to a cluster: `_adapters/mesh/router.py` reads and writes for all codecs, and
the offline `progressive route` uses the same codec on the documents of a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from attrs import field, frozen

from progressive._model.release import ServiceSpec
from progressive._model.traffic import Capabilities, Observed, Split, Target

Manifest = Mapping[str, Any]
"""An object of the Kubernetes API, as its decoded JSON."""

Operation = dict[str, Any]
"""One operation of a JSON patch (RFC 6902)."""


@frozen(kw_only=True)
class ResourceRef:
    """
    Which object of the API.

    Attributes:
        api_version: Such as ``networking.istio.io/v1``.
        kind: Such as ``VirtualService``.
        namespace, name: Where it is; both are set.
    """

    api_version: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"

    def to_dict(self) -> dict[str, str]:
        """The keys of release.md section 6."""
        return {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "namespace": self.namespace,
            "name": self.name,
        }


@frozen(kw_only=True)
class ObjectPatch:
    """
    One write to one object: all its operations take effect, or none.

    Attributes:
        ref: The object, in the API version in which it was read.
        patch: RFC 6902; tests of the resource version and of the identity beside each edit
            come before the edits.
    """

    ref: ResourceRef
    patch: tuple[Operation, ...] = field(hash=False)

    def to_dict(self) -> dict[str, Any]:
        """The keys of release.md section 6."""
        return {"ref": self.ref.to_dict(), "patch": [dict(one) for one in self.patch]}


@frozen(kw_only=True)
class ObjectKind:
    """
    A kind of routing object.

    Attributes:
        group: API group, such as ``networking.istio.io``.
        kind, plural: Such as ``VirtualService``, ``virtualservices``.
        versions: Those that the codec writes, the preferred one first.
    """

    group: str
    kind: str
    plural: str
    versions: tuple[str, ...]

    def holds(self, manifest: Manifest) -> bool:
        """Whether an object is of this kind, in whatever version."""
        group = str(manifest.get("apiVersion", "")).rpartition("/")[0]
        return manifest.get("kind") == self.kind and group == self.group


class MeshCodec(Protocol):
    """
    Reads and plans for one mesh.

    `objects` may hold objects of any kind: routing objects, and beside them Services and
    EndpointSlices, which are used where they are there. Nothing that comes in is changed.
    Refusals are `RouterError` of a kind that says what was wrong; messages name
    namespace/name and what to do.
    """

    @property
    def name(self) -> str:
        """The registered name, such as ``istio``."""

    @property
    def capabilities(self) -> Capabilities:
        """What the mesh can express."""

    @property
    def kinds(self) -> tuple[ObjectKind, ...]:
        """The kinds of routing object, in order of preference."""

    def steered(self, objects: Sequence[Manifest], target: Target) -> tuple[ResourceRef, ...]:
        """The routing objects that a write would touch; empty: none is there."""

    def read(self, objects: Sequence[Manifest], target: Target, *, total: int = 100) -> Observed:
        """
        The split, in parts of `total` where it can be told so exactly.

        Raises:
            RouterError: There is no rule, several could be meant, or its weights mean nothing.
        """

    def write(
        self, objects: Sequence[Manifest], target: Target, split: Split
    ) -> tuple[ObjectPatch, ...]:
        """
        One patch for each object that is not yet as wanted.

        Raises:
            RouterError: The order cannot be carried out; none of it must be.
        """

    def reset(
        self, objects: Sequence[Manifest], target: Target, *, total: int = 100
    ) -> tuple[ObjectPatch, ...]:
        """
        All traffic to the primary, and every rule of ours gone, in whatever state they are.

        Raises:
            RouterError: The traffic cannot be brought home by this route.
        """

    def rival(
        self, objects: Sequence[Manifest], manifest: Manifest, target: Target
    ) -> ResourceRef | None:
        """Another object that claims the same traffic, so that the outcome is not defined."""

    def make(self, target: Target, service: ServiceSpec) -> dict[str, Any]:
        """The routing object to create where there is none, all traffic on the primary."""


def ref_of(manifest: Manifest, target: Target) -> ResourceRef:
    """The address of an object; one without a namespace is in the target's."""
    meta = manifest.get("metadata") or {}
    return ResourceRef(
        api_version=str(manifest.get("apiVersion", "")),
        kind=str(manifest.get("kind", "")),
        namespace=namespace_of(manifest, target),
        name=str(meta.get("name", "")),
    )


def namespace_of(manifest: Manifest, target: Target) -> str:
    """The namespace of an object; one that names none is in the target's."""
    return str((manifest.get("metadata") or {}).get("namespace") or target.namespace)


def version_test(manifest: Manifest) -> Iterator[Operation]:
    """The test that nobody wrote the object since it was read; nothing for one never stored."""
    version = (manifest.get("metadata") or {}).get("resourceVersion")
    if version is not None:
        yield {"op": "test", "path": "/metadata/resourceVersion", "value": version}
