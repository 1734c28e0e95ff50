"""Finds routing objects that carry a driver's mark, of whatever release.

Floor 4: reads a cluster. For a split whose journal is gone, the mark on its route object is all
that is left of its run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from attrs import frozen

from progressive._adapters.mesh.fence import token_of
from progressive._adapters.mesh.objects import refused
from progressive._kube.paths import root
from progressive._mesh.codec import Manifest, MeshCodec, ObjectKind, ResourceRef
from progressive._model.traffic import RouteRef, Target
from progressive.errors import ClusterError, ErrorKind
from progressive.ports import Cluster

_SIDES = ("-primary", "-canary")


@frozen(kw_only=True)
class Marked:
    """
    A routing object that a driver marked and that nobody has unmarked yet.

    Attributes:
        ref: The object.
        run: The run whose driver did.
        target: What it splits, as its destinations are named; None: they are not named
            ``NAME-primary`` and ``NAME-canary``, so it is not known.
    """

    ref: ResourceRef
    run: str
    target: Target | None


def marked_routes(codec: MeshCodec, cluster: Cluster, namespace: str | None) -> list[Marked]:
    """
    The marked objects of a mesh in a namespace; None: in all. A mesh that is not there has none.

    Raises:
        RouterError: The API server said no.
    """
    found: list[Marked] = []
    for manifest in every(codec, cluster, namespace):
        token = token_of(manifest)
        if token is not None:
            meta = manifest["metadata"]
            ref = ResourceRef(
                api_version=str(manifest["apiVersion"]),
                kind=str(manifest["kind"]),
                namespace=str(meta.get("namespace", "default")),
                name=str(meta["name"]),
            )
            run = token.rpartition("/")[0] or token
            found.append(Marked(ref=ref, run=run, target=_target(manifest, ref)))
    return found


def every(codec: MeshCodec, cluster: Cluster, namespace: str | None) -> Iterator[Manifest]:
    """
    All routing objects of a mesh; none where its API is not served.

    Raises:
        RouterError: The API server said no.
    """
    for kind in codec.kinds:
        yield from _listed(kind, cluster, namespace)


def _listed(kind: ObjectKind, cluster: Cluster, namespace: str | None) -> Iterator[Manifest]:
    try:
        versions = cluster.served(kind.group, kind.plural)
        version = next((one for one in kind.versions if one in versions), None)
        if version is None:
            return
        everywhere = namespace is None or not kind.namespaced
        place = "" if everywhere else f"/namespaces/{namespace}"
        listed = cluster.get(f"{root(kind.api_version(version))}{place}/{kind.plural}")
    except ClusterError as error:
        if error.kind is ErrorKind.NOT_FOUND:
            return
        raise refused(error, f"list {kind.resource}") from error
    for one in listed.get("items") or ():
        yield {"apiVersion": kind.api_version(version), "kind": kind.kind, **one}


def _target(manifest: Manifest, ref: ResourceRef) -> Target | None:
    """The one pair of services in the object that is named as the sides of a release."""
    names = set(_texts(manifest.get("spec")))
    hosts = [one.split(".") for one in names]
    here = {one[0] for one in hosts if len(one) == 1 or one[1] == ref.namespace}
    pairs = [
        one.removesuffix(_SIDES[0])
        for one in here
        if one.endswith(_SIDES[0]) and one.removesuffix(_SIDES[0]) + _SIDES[1] in here
    ]
    if len(pairs) != 1:
        return None
    return Target(
        namespace=ref.namespace,
        service=pairs[0],
        primary=pairs[0] + _SIDES[0],
        canary=pairs[0] + _SIDES[1],
        routes=(RouteRef(name=ref.name, kind=ref.kind),),
    )


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
