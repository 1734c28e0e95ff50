"""The codec of the Gateway API: routes of gateways, and routes of a mesh (GAMMA).

Floor 3, pure; one of the codecs that `_adapters/mesh/router.py` carries out. What all meshes share
is `_mesh/rules/`; `layout.py` knows the routes.
"""

from __future__ import annotations

from datetime import timedelta

from progressive._mesh.codec import Manifest
from progressive._mesh.gateway_api import status
from progressive._mesh.gateway_api.kinds import REFERENCE_GRANT
from progressive._mesh.gateway_api.layout import (
    GrpcRouteLayout,
    HttpRouteLayout,
    TcpRouteLayout,
    TlsRouteLayout,
)
from progressive._mesh.rules.handing import HandsBack
from progressive._mesh.standing import Standing
from progressive._model.traffic import Capabilities, Target

SETTLE = timedelta(seconds=10)
"""How long data planes may still follow the old split once a route is accepted: status says that
a route is valid, not that proxies have it. Istio's implementation gathers changes for at most
10 s; the others push sooner."""

MAX_TOTAL = 1_000_000
"""The largest weight that the CRDs take."""


class GatewayApiCodec(HandsBack):
    """
    Plans for the Gateway API; a `MeshCodec`.

    Args:
        names: Whether the served schema gives rules a name (`RouteLayout`).
    """

    name = "gateway-api"
    capabilities = Capabilities(
        weights=True,
        match=True,
        mirror=True,
        sticky=True,
        max_total=MAX_TOTAL,
        settle=SETTLE,
    )
    around = (REFERENCE_GRANT,)

    def __init__(self, *, names: bool = True) -> None:
        self.layouts = (
            HttpRouteLayout(names=names),
            GrpcRouteLayout(names=names),
            TcpRouteLayout(names=names),
            TlsRouteLayout(names=names),
        )

    def standing(self, manifest: Manifest, target: Target) -> Standing:
        """What the status says of the parents of a route."""
        return status.standing_of(manifest, target)
