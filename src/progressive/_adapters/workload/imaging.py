"""Sets the images of a target, unless another driver has it by now (L18).

Floor 4. Used by `deployment.py`; the patch itself is made in `_kube/workload/images.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from progressive._adapters.workload.objects import Document, again
from progressive._adapters.workload.replicas import Replicas
from progressive._kube.paths import path_of
from progressive._kube.workload.images import set_images
from progressive._model.traffic import Target
from progressive.ports import Cluster


def write_images(
    cluster: Cluster,
    target: Target,
    images: Mapping[str, str],
    read: Callable[[], Document],
    turn: Replicas,
) -> Document | None:
    """
    The target's Deployment as it was written; None: it has these images already.

    Args:
        read: Reads it.
        turn: Whose turn it is to write to it.

    Raises:
        SpecError: A container that the target does not have; the message names those it has.
        ClusterError: Kind ``lost``: another driver has the target.
    """
    readings: list[Document] = []

    def write() -> Document | None:
        shown = read()
        readings.append(shown)
        changes = set_images(shown, images)
        if not changes:
            return None
        # of a driver that took the target and has not written to it yet nothing tells us: it
        # takes a late image for a newer revision
        turn.refuse_overtaken(target, shown, again=len(readings) > 1)
        return cluster.json_patch(path_of(shown), turn.tested(target, shown, changes))

    return again(write)
