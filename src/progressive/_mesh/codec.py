"""What a mesh must know about its routing objects: one contract for all of them.

Floor 3, pure: objects in, patches and readings out; no network, no clock, no logging.
A codec never talks to a cluster: `_adapters/mesh/router.py` reads and writes for all codecs, and
the offline `progressive route` uses the same codec on the documents of a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from attrs import field, frozen

from progressive._mesh.access import inner, mapping
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Capabilities, Observed, Split, Target

Manifest = Mapping[str, Any]
"""An object of the Kubernetes API, as its decoded JSON."""

Operation = dict[str, Any]
"""One operation of a JSON patch (RFC 6902)."""


_VERSION = "/metadata/resourceVersion"


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
        """As `progressive route -o json` shows it."""
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

    A patch may make its whole object (one ``add`` at the root, the path ``""``) or delete it
    (the test of its resource version, and one ``remove`` at the root).

    Attributes:
        ref: The object, in the API version in which it was read.
        patch: RFC 6902; tests of the resource version and of the identity beside each edit
            come before the edits.
    """

    ref: ResourceRef
    patch: tuple[Operation, ...] = field(hash=False)

    @classmethod
    def making(cls, manifest: Manifest, target: Target) -> ObjectPatch:
        """The patch that makes an object which is not there."""
        operation: Operation = {"op": "add", "path": "", "value": dict(manifest)}
        return cls(ref=ref_of(manifest, target), patch=(operation,))

    @classmethod
    def deleting(cls, manifest: Manifest, target: Target) -> ObjectPatch:
        """The patch that deletes an object, unless somebody wrote it since it was read."""
        gone: Operation = {"op": "remove", "path": ""}
        return cls(ref=ref_of(manifest, target), patch=(*version_test(manifest), gone))

    @property
    def made(self) -> Manifest | None:
        """The object that this patch makes; None: it makes none."""
        for one in self.patch:
            if one.get("op") == "add" and one.get("path") == "":
                value: Manifest = one["value"]
                return value
        return None

    @property
    def deletes(self) -> bool:
        """Whether the object is deleted."""
        return any(one.get("op") == "remove" and one.get("path") == "" for one in self.patch)

    @property
    def version(self) -> str | None:
        """The resource version that it tests; None: none."""
        for one in self.patch:
            if one.get("op") == "test" and one.get("path") == _VERSION:
                return str(one["value"])
        return None

    def to_dict(self) -> dict[str, Any]:
        """As `progressive route -o json` shows it."""
        return {"ref": self.ref.to_dict(), "patch": [dict(one) for one in self.patch]}


@frozen(kw_only=True)
class ObjectKind:
    """
    A kind of routing object.

    Attributes:
        group: API group, such as ``networking.istio.io``; empty: the core group.
        kind, plural: Such as ``VirtualService``, ``virtualservices``.
        versions: Those that the codec writes, the preferred one first.
        namespaced: False: objects of the kind belong to the whole cluster.
    """

    group: str
    kind: str
    plural: str
    versions: tuple[str, ...]
    namespaced: bool = True

    @property
    def resource(self) -> str:
        """As the API server says it: ``virtualservices.networking.istio.io``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def api_version(self, version: str) -> str:
        """As manifests carry it: ``networking.istio.io/v1``, ``v1``."""
        return f"{self.group}/{version}" if self.group else version

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
        """
        The kinds of routing object, in order of preference.

        Of several kinds some may be not installed; a mesh of which none is served is not there.
        """

    def steered(self, objects: Sequence[Manifest], target: Target) -> tuple[ResourceRef, ...]:
        """
        The routing objects that a write or a reset would touch; empty: none is there.

        Those that an earlier write made are among them.
        """

    def read(self, objects: Sequence[Manifest], target: Target, *, total: int = 100) -> Observed:
        """
        The split, in parts of `total` where it can be told so exactly.

        `Observed.inside` tells of the managed rule for matched requests, if one stands.

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


@runtime_checkable
class SurroundedCodec(Protocol):
    """A codec that judges a write by more than routing objects, Services and EndpointSlices."""

    def surroundings(self, target: Target) -> tuple[ObjectKind, ...]:
        """
        Further kinds of the target's namespace that `write` looks at, such as autoscalers.

        They are read once, before the first write, and never written; kinds that are not
        installed are left out, and so is what the user may not read.
        """


@runtime_checkable
class AdoptingCodec(Protocol):
    """A codec that can write down what a person's objects were, and make them that again."""

    def remembering(self, objects: Sequence[Manifest], target: Target) -> tuple[ObjectPatch, ...]:
        """
        One patch for each steered object whose first weights are not written down yet.

        Raises:
            RouterError: As `read`.
        """

    def giving_back(self, objects: Sequence[Manifest], target: Target) -> tuple[ObjectPatch, ...]:
        """
        One patch for each steered object whose first weights are remembered.

        Raises:
            RouterError: As `read`.
        """


@runtime_checkable
class GuidedCodec(Protocol):
    """A codec that finds its routing objects by following others, such as a service's provider."""

    @property
    def guides(self) -> tuple[ObjectKind, ...]:
        """
        Further kinds of the target's namespace that every call of the codec looks at.

        They are read with the first search for a target, never written, and not read again as
        long as the objects that they led to are there; kinds that are not installed are left out.
        """


@runtime_checkable
class SidedCodec(Protocol):
    """A codec that knows releases whose sides are no Services of their own."""

    def has_services(self, target: Target) -> bool:
        """Whether each side is a Service with endpoints of its own, so that they can be asked."""


def has_services(codec: MeshCodec, target: Target) -> bool:
    """Whether the endpoints of both sides can be asked; in most meshes they can."""
    return codec.has_services(target) if isinstance(codec, SidedCodec) else True


def around_of(codec: MeshCodec, target: Target) -> tuple[ObjectKind, ...]:
    """The further kinds that a codec looks at; most look at none."""
    return codec.surroundings(target) if isinstance(codec, SurroundedCodec) else ()


def guides_of(codec: MeshCodec) -> tuple[ObjectKind, ...]:
    """The kinds that lead a codec to its routing objects; most need none."""
    return codec.guides if isinstance(codec, GuidedCodec) else ()


def ref_of(manifest: Manifest, target: Target) -> ResourceRef:
    """The address of an object; one without a namespace is in the target's."""
    meta = mapping(manifest.get("metadata"))
    return ResourceRef(
        api_version=str(manifest.get("apiVersion", "")),
        kind=str(manifest.get("kind", "")),
        namespace=namespace_of(manifest, target),
        name=str(meta.get("name", "")),
    )


def namespace_of(manifest: Manifest, target: Target) -> str:
    """The namespace of an object; one that names none is in the target's."""
    return str(inner(manifest, "metadata", "namespace") or target.namespace)


def version_test(manifest: Manifest) -> Iterator[Operation]:
    """The test that nobody wrote the object since it was read; nothing for one never stored."""
    version = inner(manifest, "metadata", "resourceVersion")
    if version is not None:
        yield {"op": "test", "path": _VERSION, "value": version}
