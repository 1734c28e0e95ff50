"""The SMI router: TrafficSplits in a cluster.

Floor 4: touches a cluster. Reading and writing is `../router.py`; what to write is `_mesh/smi/`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from progressive._adapters.mesh.routers.profiles import ProfileRouter
from progressive._mesh.effect import CountsTraffic
from progressive._mesh.smi.codec import SmiCodec
from progressive.ports import Cluster


class SmiRouter(ProfileRouter):
    """
    Moves weights in SMI's TrafficSplits.

    Done has two levels: stored (every call), and in effect (asked by `in_effect`, with `proof`):
    a TrafficSplit has no status that could tell more.

    Args:
        cluster: None: the cluster that kubectl would speak to, found at first use.
        version: The only API version to use, such as ``v1alpha2``; None: the newest that the
            cluster serves.
        adopt: Whether a split that another controller owns may be written; its owner stays.
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
        version: str | None = None,
        adopt: bool = False,
        proof: CountsTraffic | None = None,
        offline: bool = False,
        now: Callable[[], datetime] | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(
            SmiCodec(adopt=adopt, version=version),
            cluster,
            proof=proof,
            offline=offline,
            now=now,
            pause=pause,
        )
