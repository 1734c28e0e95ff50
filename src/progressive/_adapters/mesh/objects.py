"""Finds and reads the routing objects of a release, for every mesh.

Floor 4: reads a cluster; never writes. What was seen is remembered for each target, with its
resource version, so that a write after a read needs no second read: a write that rests on an
old reading fails its own test. Refusals of the API become `RouterError`s here.
Used by `router.py` and `writes.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from attrs import define, field

from progressive._kube.paths import root
from progressive._mesh.builtin import ENDPOINT_SLICE, SERVICE
from progressive._mesh.codec import (
    Manifest,
    MeshCodec,
    ObjectKind,
    ResourceRef,
    around_of,
    guides_of,
    ref_of,
)
from progressive._mesh.preflight import SERVICE_LABEL
from progressive._model.traffic import RouteRef, Side, Target
from progressive.errors import (
    ClusterError,
    Conflict,
    ErrorKind,
    InvalidRequest,
    RouteNotFound,
    RouterError,
    VersionNotServed,
)
from progressive.ports import Cluster


@define
class Sight:
    """
    What is known of one target.

    Attributes:
        refs: The objects that are steered; read by name from now on.
        objects: Those objects as they were last seen, after the last write.
        neighbours: Other routing objects of the first search; they can forbid the first write.
        partial: Whether `neighbours` are kept no longer, so that a plan may lack one of them.
        guides: What led to them, where a codec follows such objects.
        services: The Services of both sides, once asked for.
        around: Objects of the further kinds that the codec looks at; None: not asked for yet.
        fresh: Whether `objects` was read for the present call.
    """

    refs: tuple[ResourceRef, ...]
    objects: list[Manifest]
    neighbours: list[Manifest] = field(factory=list)
    partial: bool = False
    guides: list[Manifest] = field(factory=list)
    services: list[Manifest] = field(factory=list)
    around: list[Manifest] | None = None
    fresh: bool = True

    @property
    def everything(self) -> tuple[Manifest, ...]:
        """All that is known, for a plan."""
        around = (*self.services, *(self.around or ()))
        return (*self.objects, *self.neighbours, *self.guides, *around)

    @property
    def readable(self) -> tuple[Manifest, ...]:
        """What a reading rests on: the routing objects, and what leads to or is around them."""
        return (*self.objects, *self.guides, *(self.around or ()))

    def steered(self, target: Target) -> list[tuple[ResourceRef, Manifest]]:
        """The steered objects and their addresses."""
        known = [(ref_of(one, target), one) for one in self.objects]
        return [(ref, one) for ref, one in known if ref in self.refs]

    def replace(self, ref: ResourceRef, manifest: Manifest | None, target: Target) -> None:
        """Keep the newer state of one object; None: it is gone."""
        others = [one for one in self.objects if ref_of(one, target) != ref]
        if manifest is None:
            self.objects = others
            self.refs = tuple(one for one in self.refs if one != ref)
        elif len(others) == len(self.objects):
            self.objects.append(manifest)
            self.refs = (*self.refs, ref)
        else:
            self.objects = [
                manifest if ref_of(one, target) == ref else one for one in self.objects
            ]


class MeshObjects:
    """
    The routing objects of a mesh in a cluster.

    Args:
        codec: What the mesh's objects are.
        cluster: Where they are.
        offline: The cluster is a file: all that it holds is read at once, and a kind of which it
            holds nothing is a kind without objects.
    """

    def __init__(self, codec: MeshCodec, cluster: Cluster, *, offline: bool = False) -> None:
        self._codec, self._cluster, self._offline = codec, cluster, offline
        self._versions: dict[tuple[str, str], str] = {}
        self._sights: dict[Target, Sight] = {}

    def seen(self, target: Target) -> Sight | None:
        """What was seen last; None: nothing, or it is no longer of use."""
        return self._sights.get(target)

    def forget(self, target: Target) -> None:
        """Search anew next time."""
        self._sights.pop(target, None)

    def look(self, target: Target) -> Sight:
        """
        Read the objects of a target: by name where they are known, else by a search.

        Raises:
            RouterError: The API is not installed, or cannot be read.
        """
        known = self._sights.get(target)
        if known is not None and known.refs:
            again = [self.by_name(ref) for ref in known.refs]
            if None not in again:
                known.objects = [one for one in again if one is not None]
                known.fresh = True
                return known
        found = self._search(target)
        guides = self._guides(target)
        refs = self._codec.steered((*found, *guides), target)
        steered = [one for one in found if ref_of(one, target) in refs]
        others = [one for one in found if ref_of(one, target) not in refs]
        # without a single rule the codec explains what it saw, so it must see all
        sight = Sight(refs, steered or found, others if steered else [], guides=guides)
        if self._offline:
            sight.around = self.around(target, (SERVICE, ENDPOINT_SLICE))
        self._sights[target] = sight
        return sight

    def by_name(self, ref: ResourceRef) -> dict[str, Any] | None:
        """One object; None: it does not exist."""
        try:
            return _whole(self._cluster.get(self.path(ref)), ref.api_version, ref.kind)
        except ClusterError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return None
            raise refused(error, f"read {ref}") from error

    def path(self, ref: ResourceRef) -> str:
        """Where an object is in the API."""
        group, _, version = ref.api_version.rpartition("/")
        known = (one for one in self._codec.kinds if (one.group, one.kind) == (group, ref.kind))
        if (kind := next(known, None)) is None:
            words = f"the router {self._codec.name} writes no {ref.kind} of {ref.api_version}"
            raise InvalidRequest(f"{ref}: {words}")
        return f"{_collection(kind, version, ref.namespace)}/{ref.name}"

    def around(self, target: Target, kinds: Sequence[ObjectKind] = ()) -> list[Manifest]:
        """
        The objects of `kinds`, and of the further kinds of the codec.

        Those of the target's namespace, and of namespaces whose routes the release names, for
        what stands beside a route decides about it. What is not installed or may not be read is
        left out: a codec can only judge what it sees.
        """
        found: list[Manifest] = []
        for kind in (*kinds, *around_of(self._codec, target)):
            # objects of the whole cluster take a right that no release should need
            if kind in self._codec.kinds or not (kind.namespaced or self._offline):
                continue
            for namespace in self._namespaces(target):
                try:
                    found.extend(self._listed(kind, target, namespace))
                except RouterError as error:
                    if error.kind not in (ErrorKind.NOT_FOUND, ErrorKind.FORBIDDEN):
                        raise
        return found

    def collection(self, kind: ObjectKind, namespace: str) -> str:
        """Where objects of a kind are made; in the version that the cluster serves."""
        return _collection(kind, self._version(kind), namespace)

    def api_version(self, kind: ObjectKind) -> str:
        """What objects of a kind carry; in the version that the cluster serves."""
        return kind.api_version(self._version(kind))

    def services(self, target: Target) -> list[Manifest]:
        """The Services of both sides, as far as they exist."""
        found: list[Manifest] = []
        for side in Side:
            path = f"/api/v1/namespaces/{target.namespace}/services/{target.on(side)}"
            try:
                found.append(_whole(self._cluster.get(path), "v1", "Service"))
            except ClusterError as error:
                if error.kind is not ErrorKind.NOT_FOUND:
                    raise refused(error, f"read service {target.on(side)}") from error
        return found

    def endpoints(self, target: Target) -> list[Manifest]:
        """All EndpointSlices of both sides, in one request."""
        names = f"{target.primary},{target.canary}"
        path = f"/apis/discovery.k8s.io/v1/namespaces/{target.namespace}/endpointslices"
        try:
            listed = self._cluster.get(
                path, query={"labelSelector": f"{SERVICE_LABEL} in ({names})"}
            )
        except ClusterError as error:
            words = f"ask for ready endpoints of {target} (list endpointslices)"
            raise refused(error, words) from error
        return [
            _whole(one, "discovery.k8s.io/v1", "EndpointSlice")
            for one in listed.get("items") or ()
        ]

    # below: the search

    def _search(self, target: Target) -> list[Manifest]:
        found: list[Manifest] = []
        absent: list[VersionNotServed] = []
        for kind in self._codec.kinds:
            try:
                found.extend(self._listed(kind, target))
            except VersionNotServed as error:
                # of several kinds one may be missing, as long as the mesh is there at all
                absent.append(error)
                continue
            except RouterError as error:
                # a named object can be read with less rights than a list of all
                if not (target.routes and error.kind is ErrorKind.FORBIDDEN):
                    raise
            found.extend(self._named(kind, target, found))
        if len(absent) == len(self._codec.kinds) and not self._offline:
            raise absent[0] if len(absent) == 1 else self._none_served()
        return found

    def _namespaces(self, target: Target) -> list[str]:
        # of a file all namespaces are read at once
        named = () if self._offline else (one.namespace or "" for one in target.routes)
        return list(dict.fromkeys((target.namespace, *filter(None, named))))

    def _guides(self, target: Target) -> list[Manifest]:
        found: list[Manifest] = []
        for kind in guides_of(self._codec):
            try:
                found.extend(self._listed(kind, target))
            except RouterError as error:
                # named objects need no guide; for others a missing right must be told
                absent = isinstance(error, VersionNotServed)
                if not absent and not (target.routes and error.kind is ErrorKind.FORBIDDEN):
                    raise
        return found

    def _listed(
        self, kind: ObjectKind, target: Target, namespace: str | None = None
    ) -> list[Manifest]:
        # of a file everything is searched; of a cluster one namespace, for larger rights are rare
        everywhere = self._offline and not (target.routes and kind in self._codec.kinds)
        namespace = namespace or target.namespace
        where = None if everywhere else namespace
        for version in self._candidates(kind):
            try:
                answer = self._cluster.get(_collection(kind, version, where))
            except ClusterError as error:
                if error.kind is ErrorKind.NOT_FOUND:
                    # only a version that is not served has no list; discovery tells the rest
                    self._versions.pop((kind.group, kind.plural), None)
                    continue
                words = f"list {kind.resource} in namespace {namespace}"
                raise refused(error, words) from error
            self._versions[(kind.group, kind.plural)] = version
            api_version = kind.api_version(version)
            return [_whole(one, api_version, kind.kind) for one in answer.get("items") or ()]
        raise self._not_served(kind)

    def _named(
        self, kind: ObjectKind, target: Target, found: Iterable[Manifest]
    ) -> list[Manifest]:
        # one object may be known in another version than the one that is asked for here
        there = {_place(ref_of(one, target)) for one in found}
        named: list[Manifest] = []
        for entry in target.routes:
            if entry.kind not in (None, kind.kind) or not _in_group(entry, kind):
                continue
            ref = ResourceRef(
                api_version=kind.api_version(self._version(kind)),
                kind=kind.kind,
                namespace=entry.namespace or target.namespace,
                name=entry.name,
            )
            if _place(ref) not in there:
                there.add(_place(ref))
                one = self.by_name(ref)
                named.extend([one] if one is not None else [])
        return named

    def _candidates(self, kind: ObjectKind) -> Iterable[str]:
        # the preferred version first, without asking: nearly every cluster serves it
        first = self._versions.get((kind.group, kind.plural), kind.versions[0])
        yield first
        yield from (one for one in self._served(kind) if one != first)

    def _version(self, kind: ObjectKind) -> str:
        known = (kind.group, kind.plural)
        if known not in self._versions:
            served = self._served(kind)
            if not served:
                raise self._not_served(kind)
            self._versions[known] = served[0]
        return self._versions[known]

    def _served(self, kind: ObjectKind) -> tuple[str, ...]:
        try:
            served = self._cluster.served(kind.group, kind.plural)
        except ClusterError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return ()
            raise refused(error, f"ask which versions of {kind.group} are served") from error
        return tuple(one for one in kind.versions if one in served)

    def _not_served(self, kind: ObjectKind) -> VersionNotServed:
        known = ", ".join(kind.versions)
        return VersionNotServed(
            f"this cluster serves no {kind.resource} in a version that the router "
            f"{self._codec.name} knows ({known}); install the CRDs of the mesh"
        )

    def _none_served(self) -> VersionNotServed:
        known = ", ".join(
            f"{kind.resource} ({', '.join(kind.versions)})" for kind in self._codec.kinds
        )
        return VersionNotServed(
            f"this cluster serves none of the kinds and versions that the router "
            f"{self._codec.name} knows: {known}; install the CRDs of the mesh"
        )


def refused(error: ClusterError, deed: str) -> RouterError:
    """
    The API's refusal as an error of the router; the server's words stay in it.

    Args:
        deed: What was tried, such as ``patch VirtualService shop/web``.
    """
    words = f"cannot {deed}: {error}"
    match error.kind:
        case ErrorKind.INVALID:
            return InvalidRequest(words)
        case ErrorKind.CONFLICT:
            return Conflict(words)
        case ErrorKind.NOT_FOUND:
            return RouteNotFound(words)
        case _:
            return RouterError(words, error.kind, error.retry_after)


def _collection(kind: ObjectKind, version: str, namespace: str | None) -> str:
    place = f"/namespaces/{namespace}" if namespace and kind.namespaced else ""
    return f"{root(kind.api_version(version))}{place}/{kind.plural}"


def _place(ref: ResourceRef) -> tuple[str, str, str, str]:
    return (ref.api_version.rpartition("/")[0], ref.kind, ref.namespace, ref.name)


def _in_group(entry: RouteRef, kind: ObjectKind) -> bool:
    """Whether an entry may mean this kind; one without a version may mean any of its name."""
    if entry.api_version is None:
        return True
    return entry.api_version.rpartition("/")[0] == kind.group


def _whole(manifest: dict[str, Any], api_version: str, kind: str) -> dict[str, Any]:
    """Items of a list do not say what they are."""
    return {"apiVersion": api_version, "kind": kind, **manifest}
