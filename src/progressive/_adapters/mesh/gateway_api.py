"""The Gateway API router: routes of gateways and of meshes in a cluster.

Floor 4: touches a cluster. Reading and writing is `router.py`; what to write is
`_mesh/gateway_api/`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from progressive._adapters.mesh.accepted import status_acceptance
from progressive._adapters.mesh.router import MeshRouter
from progressive._mesh.effect import CountsTraffic
from progressive._mesh.gateway_api.codec import GatewayApiCodec
from progressive._mesh.gateway_api.layout import RouteLayout
from progressive._mesh.rules.codec import RuleCodec
from progressive._model.traffic import Observed, Split, Target
from progressive.errors import InvalidRequest
from progressive.ports import Cluster

_UNKNOWN_NAME = re.compile(r'unknown field "spec\.rules\[\d+\]\.name"')


class RouteRouter(MeshRouter):
    """A router of Gateway API routes, which does without names of rules where there are none."""

    def __init__(self, codec: RuleCodec, cluster: Cluster | None = None, **more: Any) -> None:
        super().__init__(codec, cluster, **more)
        self._routes = codec

    def shift(self, target: Target, split: Split) -> Observed:
        """
        Write one whole order and read it back; the same order again writes nothing.

        Before release 1.4 the standard channel gives rules no name. Its refusal tells, once;
        from then on an annotation lists the rules that this project made.

        Raises:
            RouterError: As every router.
        """
        try:
            return super().shift(target, split)
        except InvalidRequest as error:
            if not _UNKNOWN_NAME.search(str(error)):
                raise
            self._routes.layouts = tuple(
                one.nameless if isinstance(one, RouteLayout) else one
                for one in self._routes.layouts
            )
        return super().shift(target, split)


class GatewayApiRouter(RouteRouter):
    """
    Moves weights in HTTPRoutes, GRPCRoutes, TCPRoutes and TLSRoutes of any implementation.

    Args:
        cluster: None: the cluster that kubectl would speak to, found at first use.
        dialect: Whose metrics the built-in checks and `in_effect` ask, such as ``envoy-gateway``,
            ``contour``, ``traefik`` or ``istio``; None: the application's own.
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
        dialect: str | None = None,
        patience: timedelta | None = None,
        proof: CountsTraffic | None = None,
        offline: bool = False,
        now: Callable[[], datetime] | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        codec = GatewayApiCodec(dialect)
        super().__init__(
            codec,
            cluster,
            acceptance=status_acceptance(codec, patience, pause),
            proof=proof,
            offline=offline,
            now=now,
            pause=pause,
        )
