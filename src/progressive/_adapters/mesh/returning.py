"""Takes the sides of a release out of the routes, for a release that is given up.

Floor 4: writes routing objects. What a release made is removed, or sent to the apex where its
removal would lose traffic; what others made is not touched, and named: the services of the sides
must go on as long as it does. Used by `router.py` alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from progressive._adapters.mesh.marked import every
from progressive._adapters.mesh.objects import MeshObjects, refused
from progressive._kube.marks import is_flaggers, is_ours
from progressive._kube.workload.giving_back import freed
from progressive._mesh.codec import Manifest, MeshCodec, ObjectPatch, ref_of
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Target
from progressive.errors import ClusterError, ErrorKind
from progressive.ports import Cluster, HandedBack

_TRIES = 5


@runtime_checkable
class HandingCodec(Protocol):
    """A codec that can send what a release made to the apex; others keep it, and the services."""

    def names_sides(self, manifest: Manifest, target: Target) -> bool:
        """Whether an object sends, or could send, traffic to one of the sides."""

    def is_spare(self, manifest: Manifest, target: Target) -> bool:
        """Whether the mesh serves the apex just so without the object."""

    def sent_to_apex(self, manifest: Manifest, target: Target, *, port: int) -> ObjectPatch:
        """The patch after which the object names the apex alone."""

    def split_again(self, manifest: Manifest, target: Target, *, port: int) -> ObjectPatch | None:
        """The inverse, all traffic on the primary; None: nothing names the apex."""


def take_up(
    codec: MeshCodec,
    objects: MeshObjects,
    cluster: Cluster,
    target: Target,
    service: ServiceSpec,
    manifest: Manifest,
) -> bool:
    """
    Give a route of ours its sides again, which an earlier detach took from it; whether it was so.

    Raises:
        RouterError: The API refuses it.
    """
    if not isinstance(codec, HandingCodec) or not is_ours(manifest):
        return False
    one = codec.split_again(manifest, target, port=target.port or service.port)
    if codec.names_sides(manifest, target) or one is None:
        return False
    try:
        cluster.json_patch(objects.path(one.ref), list(one.patch))
    except ClusterError as error:
        raise refused(error, f"patch {one.ref}") from error
    objects.forget(target)
    return True


def hand_back(
    codec: MeshCodec, objects: MeshObjects, cluster: Cluster, target: Target, service: ServiceSpec
) -> HandedBack:
    """
    Take the sides out of all routing objects of the target's namespace that a release made.

    Raises:
        RouterError: The API could not be read or written.
    """
    if not isinstance(codec, HandingCodec):
        words = f"the router {codec.name} cannot send its routes to {target.service}"
        return HandedBack(foreign=(words,))
    removed, sent, foreign = [], [], []
    for manifest in _naming(codec, cluster, target):
        ref = ref_of(manifest, target)
        if not (is_ours(manifest) or is_flaggers(manifest)):
            foreign.append(str(ref))
        elif codec.is_spare(manifest, target):
            _delete(cluster, objects.path(ref), f"delete {ref}")
            removed.append(str(ref))
        else:
            _send(codec, objects, cluster, target, service, manifest)
            sent.append(str(ref))
    objects.forget(target)
    return HandedBack(removed=tuple(removed), kept=tuple(sent), foreign=tuple(foreign))


def _naming(codec: Any, cluster: Cluster, target: Target) -> Iterator[Manifest]:
    for manifest in list(every(codec, cluster, target.namespace)):
        if codec.names_sides(manifest, target):
            yield manifest


def _send(
    codec: HandingCodec,
    objects: MeshObjects,
    cluster: Cluster,
    target: Target,
    service: ServiceSpec,
    manifest: Manifest,
) -> None:
    port = target.port or service.port
    for attempt in range(_TRIES):
        one = codec.sent_to_apex(manifest, target, port=port)
        patch = [*one.patch, *freed(manifest)]
        try:
            cluster.json_patch(objects.path(one.ref), patch)
            return
        except ClusterError as error:
            if error.kind is not ErrorKind.CONFLICT or attempt + 1 == _TRIES:
                raise refused(error, f"patch {one.ref}") from error
        found = objects.by_name(one.ref)
        if found is None or not codec.names_sides(found, target):
            return
        manifest = found


def _delete(cluster: Cluster, path: str, deed: str) -> None:
    try:
        cluster.delete(path)
    except ClusterError as error:
        raise refused(error, deed) from error
