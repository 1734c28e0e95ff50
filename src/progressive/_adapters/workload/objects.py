"""Reads and writes objects so that every write can be repeated.

Floor 4. Used by the workload adapters; knows `ports.Cluster` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from progressive._kube.paths import object_path, path_of
from progressive.errors import ClusterError, ErrorKind, SpecError
from progressive.ports import Cluster

Answer = TypeVar("Answer")
Document = dict[str, Any]

TRIES = 5
"""How often a write that another writer overtook is worked out anew (reference: meshes 1.1)."""

_APPS = "apps/v1"


def deployment_path(namespace: str, name: str | None = None) -> str:
    """Where a Deployment lives, or all of a namespace."""
    return object_path(_APPS, "Deployment", namespace=namespace, name=name)


def service_path(namespace: str, name: str) -> str:
    """Where a Service lives."""
    return object_path("v1", "Service", namespace=namespace, name=name)


def find(cluster: Cluster, path: str) -> Document | None:
    """The object; None where there is none."""
    try:
        return cluster.get(path)
    except ClusterError as error:
        if error.kind is ErrorKind.NOT_FOUND:
            return None
        raise


def existing(cluster: Cluster, path: str, name: str) -> Document:
    """
    The object that must be there; `name` as the error says it.

    Raises:
        ClusterError: Kind ``not-found``: it is not.
    """
    found = find(cluster, path)
    if found is None:
        raise ClusterError(f"{name} does not exist", ErrorKind.NOT_FOUND)
    return found


def create_or_read(cluster: Cluster, manifest: Document) -> tuple[Document, bool]:
    """The object as it is now, and whether it was made just now."""
    path = path_of(manifest)
    try:
        return cluster.create(path.rpartition("/")[0], manifest), True
    except ClusterError as error:
        if error.reason != "AlreadyExists":
            raise
    return cluster.get(path), False


def again(write: Callable[[], Answer]) -> Answer:
    """
    Read, work out and write; once more when another writer was faster.

    Raises:
        ClusterError: Kind ``conflict``: others were faster `TRIES` times.
    """
    for _ in range(TRIES - 1):
        try:
            return write()
        except ClusterError as error:
            if error.kind is not ErrorKind.CONFLICT:
                raise
    return write()


def again_unless_changed(
    read: Callable[[], Document],
    write: Callable[[Document], None],
    *,
    first: Document | None,
    part: Callable[[Document], object],
) -> None:
    """
    Write what was worked out from a reading; anew only while a part of the object is as it was.

    A change of the status, or of replicas, is overtaken by nobody's decision. Another part may be
    another driver's, and this process may have slept meanwhile: then the conflict is raised, and
    the run has to save its journal before it tries again, which tells whose turn it is.

    Args:
        first: An earlier reading; None: it is read now.
        part: What must be as it was.

    Raises:
        ClusterError: Kind ``conflict``: the part was changed, or others were faster `TRIES` times.
    """
    manifest = read() if first is None else first
    for _ in range(TRIES - 1):
        try:
            return write(manifest)
        except ClusterError as error:
            if error.kind is not ErrorKind.CONFLICT:
                raise
            fresh = read()
            if part(fresh) != part(manifest):
                raise
            manifest = fresh
    return write(manifest)


def at_version(manifest: Document, *changes: Document) -> list[Document]:
    """A JSON patch that applies to this very version of the object."""
    version = manifest["metadata"]["resourceVersion"]
    return [{"op": "test", "path": "/metadata/resourceVersion", "value": version}, *changes]


def at_generation(manifest: Document, *changes: Document) -> list[Document]:
    """A JSON patch that applies as long as nobody changed the spec; its status may have moved."""
    generation = manifest["metadata"].get("generation")
    return [{"op": "test", "path": "/metadata/generation", "value": generation}, *changes]


def annotated(manifest: Document, values: dict[str, str | None]) -> Document:
    """The operation that sets annotations, and removes those that shall be None."""
    present = {**(manifest["metadata"].get("annotations") or {}), **values}
    kept = {key: value for key, value in present.items() if value is not None}
    return {"op": "add", "path": "/metadata/annotations", "value": kept}


@contextmanager
def refusals() -> Iterator[None]:
    """What cannot be derived from the cluster's objects is the cluster's refusal."""
    try:
        yield
    except SpecError as fault:
        raise refused(fault.problem) from fault


def refused(message: str) -> ClusterError:
    """An error of kind ``invalid``: no repetition helps."""
    return ClusterError(message, ErrorKind.INVALID)
