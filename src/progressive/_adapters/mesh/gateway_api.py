"""The Gateway API router: routes of gateways and of meshes in a cluster.

Floor 4: touches a cluster. Reading and writing is `router.py`; what to write is
`_mesh/gateway_api/`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from progressive._adapters.mesh.accepted import status_acceptance
from progressive._adapters.mesh.router import MeshRouter
from progressive._mesh.effect import CountsTraffic
from progressive._mesh.gateway_api.codec import GatewayApiCodec
from progressive.ports import Cluster


class GatewayApiRouter(MeshRouter):
    """
    Moves weights in HTTPRoutes, GRPCRoutes, TCPRoutes and TLSRoutes of any implementation.

    Args:
        cluster: None: the cluster that kubectl would speak to, found at first use.
        patience: How long each shift waits for the controllers to accept what it wrote; None: it
            does not wait, and `accepted` asks.
        proof: Counts requests, such as a `PrometheusMetrics`; None: `in_effect` cannot be asked.
        offline: The cluster is a file: Services and EndpointSlices that are not there are not
            asked for.
        now: The clock.
        pause: Waits, in seconds.
    """

    def __init__(
        self,
        cluster: Cluster | None = None,
        *,
        patience: timedelta | None = None,
        proof: CountsTraffic | None = None,
        offline: bool = False,
        now: Callable[[], datetime] | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        codec = GatewayApiCodec()
        super().__init__(
            codec,
            cluster,
            acceptance=status_acceptance(codec, patience, pause),
            proof=proof,
            offline=offline,
            now=now,
            pause=pause,
        )
