"""The SMI router: TrafficSplits in a cluster.

Floor 4: touches a cluster. Reading and writing is `../router.py`; what to write is `_mesh/smi/`.
"""

from __future__ import annotations

from typing import Unpack

from progressive._adapters.mesh.routers.profiles import ProfileRouter
from progressive._adapters.mesh.settings import Settings
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
        settings: `proof`, `offline`, `now` and `pause`, as of `MeshRouter`.
    """

    def __init__(
        self,
        cluster: Cluster | None = None,
        *,
        version: str | None = None,
        adopt: bool = False,
        **settings: Unpack[Settings],
    ) -> None:
        super().__init__(
            SmiCodec(adopt=adopt, version=version),
            cluster,
            **settings,
        )
