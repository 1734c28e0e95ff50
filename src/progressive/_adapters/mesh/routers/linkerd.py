"""The Linkerd router: routes of the mesh, and TrafficSplits, in a cluster.

Floor 4: touches a cluster. Reading and writing is `../router.py`; what to write is
`_mesh/linkerd/`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Unpack

from progressive._adapters.mesh.accepted import status_acceptance
from progressive._adapters.mesh.routers.gateway_api import RouteRouter
from progressive._adapters.mesh.routers.profiles import ProfileRouter
from progressive._adapters.mesh.settings import Settings
from progressive._mesh.linkerd.codec import LinkerdCodec
from progressive.ports import Cluster


class LinkerdRouter(RouteRouter, ProfileRouter):
    """
    Moves weights in routes whose parent is a Service, and in TrafficSplits where only those steer.

    The routes are HTTPRoutes, GRPCRoutes, TLSRoutes and TCPRoutes of the Gateway API, and
    HTTPRoutes of ``policy.linkerd.io``.

    Args:
        cluster: None: the cluster that kubectl would speak to, found at first use.
        adopt: Whether a TrafficSplit that another controller owns may be written.
        patience: How long each shift waits for the policy controller to accept what it wrote; its
            status tells no generation, so that an unchanged one is a note after settling (10 s).
            None: a shift does not wait, and `accepted` asks.
        settings: `proof`, `offline`, `now` and `pause`, as of `MeshRouter`.
    """

    def __init__(
        self,
        cluster: Cluster | None = None,
        *,
        adopt: bool = False,
        patience: timedelta | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        codec = LinkerdCodec(adopt=adopt)
        super().__init__(codec, cluster, **settings)
        self._acceptance = status_acceptance(codec, patience, self._pause)
