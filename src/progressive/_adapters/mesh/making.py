"""Makes the routing object of a managed release.

Floor 4: one write. Used by `router.py`, which knows that there is none yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from progressive._adapters.mesh.objects import MeshObjects, refused
from progressive._kube.marks import DRIVER
from progressive._mesh.codec import Manifest, MeshCodec, ref_of
from progressive._model.traffic import Target
from progressive.errors import ClusterError
from progressive.ports import Cluster


def made_known(
    made: Manifest, token: str | None, owner: Mapping[str, Any] | None
) -> dict[str, Any]:
    """A new object that says whose it is: of the driver with this token, and of an owner."""
    meta = dict(made["metadata"])
    if token is not None:
        meta["annotations"] = {**(meta.get("annotations") or {}), DRIVER: token}
    if owner is not None:
        meta["ownerReferences"] = [dict(owner)]
    return {**made, "metadata": meta}


def create(
    codec: MeshCodec,
    objects: MeshObjects,
    cluster: Cluster,
    made: Manifest,
    target: Target,
) -> bool:
    """
    Store a new object in the version that the cluster serves.

    Returns:
        Whether it was stored; False: somebody made one of that name meanwhile.

    Raises:
        RouterError: The API said no.
    """
    kind = next(one for one in codec.kinds if one.holds(made))
    wanted = {**made, "apiVersion": objects.api_version(kind)}
    try:
        cluster.create(objects.collection(kind, target.namespace), wanted)
    except ClusterError as error:
        if error.reason != "AlreadyExists":
            raise refused(error, f"create {ref_of(made, target)}") from error
        return False
    finally:
        objects.forget(target)
    return True
