"""The App Mesh router: VirtualRouters in a cluster, found through the VirtualService of the apex.

Floor 4: touches a cluster. Reading and writing is `../router.py`; what to write is
`_mesh/app_mesh/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Unpack

from progressive._adapters.mesh.accepted import status_acceptance
from progressive._adapters.mesh.objects import refused
from progressive._adapters.mesh.router import MeshRouter
from progressive._adapters.mesh.settings import Settings
from progressive._mesh.app_mesh.codec import AppMeshCodec
from progressive._mesh.codec import ref_of
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Target
from progressive.errors import ClusterError
from progressive.ports import Cluster


class AppMeshRouter(MeshRouter):
    """
    Moves weights in App Mesh's VirtualRouters, of a mesh whose controller runs in the cluster.

    AWS ended the service on 2026-09-30; every answer says so. Where no controller runs there is
    `AppMeshApiRouter`.

    Args:
        cluster: None: the cluster that kubectl would speak to, found at first use.
        patience: How long each shift waits until the controller has brought what it wrote to AWS;
            None: it does not wait, and `accepted` asks.
        settings: `proof`, `offline`, `now` and `pause`, as of `MeshRouter`.
    """

    def __init__(
        self,
        cluster: Cluster | None = None,
        *,
        patience: timedelta | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        self._own = codec = AppMeshCodec()
        super().__init__(codec, cluster, **settings)
        self._acceptance = status_acceptance(codec, patience, self._pause)

    def establish(
        self, target: Target, service: ServiceSpec, owner: Mapping[str, Any] | None
    ) -> None:
        """
        Make what is not there of both nodes, the VirtualService and its router.

        The router comes last, so that a repetition after a crash completes what was begun.

        Raises:
            RouterError: What stands there leads elsewhere, or the API refuses it.
        """
        sight = self._objects.look(target)
        sight.fresh = False
        if not sight.refs:
            known = [*sight.objects, *sight.guides]
            services = self._objects.services(target)
            for made in self._own.make_beside(known, target, service, services):
                self._create(made, target, owner)
            self._objects.forget(target)
        super().establish(target, service, owner)

    def _create(
        self, made: dict[str, Any], target: Target, owner: Mapping[str, Any] | None
    ) -> None:
        if owner is not None:
            made["metadata"]["ownerReferences"] = [dict(owner)]
        kind = next(one for one in self._own.guides if one.holds(made))
        try:
            self.cluster.create(self._objects.collection(kind, target.namespace), made)
        except ClusterError as error:
            if error.reason != "AlreadyExists":
                raise refused(error, f"create {ref_of(made, target)}") from error
