"""The routers of ingress controllers and smaller meshes: their codecs on a cluster.

Floor 4: touches a cluster. Reading and writing is `../router.py`; what to write is
`_mesh/proxies/`. All of them take the arguments of `ProxyRouter`; those of Contour and Knative,
whose objects carry a status, wait for it as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Unpack

from progressive._adapters.mesh.accepted import status_acceptance
from progressive._adapters.mesh.router import MeshRouter
from progressive._adapters.mesh.settings import Settings
from progressive._mesh.codec import MeshCodec
from progressive._mesh.proxies import made_up
from progressive._mesh.proxies.apisix import ApisixCodec
from progressive._mesh.proxies.contour import ContourCodec
from progressive._mesh.proxies.gloo import GlooCodec
from progressive._mesh.proxies.knative import KnativeCodec
from progressive._mesh.proxies.kuma import KumaCodec
from progressive._mesh.proxies.skipper import SkipperCodec
from progressive._mesh.traefik.codec import TraefikCodec
from progressive._mesh.traefik.ingressroute import INGRESS_ROUTE
from progressive._model.traffic import Observed, Split, Target
from progressive.ports import Cluster


class ProxyRouter(MeshRouter):
    """
    Moves weights in the objects of one ingress controller or mesh; a subclass names its codec.

    Args:
        cluster: None: the cluster that kubectl would speak to, found at first use.
        settings: `proof`, `offline`, `now` and `pause`, as of `MeshRouter`.
    """

    codec: Callable[[], MeshCodec]
    worlds: tuple[tuple[Callable[[Target], dict[str, Any]], ...], ...] = ()

    def __init__(
        self,
        cluster: Cluster | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        super().__init__(type(self).codec(), cluster, **settings)

    def made_up(self, target: Target) -> Sequence[list[dict[str, Any]]]:
        """What the router does not make itself, for a rehearsal of what a release asks for."""
        return [[make(target) for make in one] for one in self.worlds] or ([],)


class StatusRouter(ProxyRouter):
    """
    A `ProxyRouter` whose objects carry a status.

    Args:
        cluster, settings: As of `ProxyRouter`.
        patience: How long each shift waits for the controller to accept what it wrote; None: it
            does not wait, and `accepted` asks.
    """

    def __init__(
        self,
        cluster: Cluster | None = None,
        *,
        patience: timedelta | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        super().__init__(cluster, **settings)
        self._acceptance = status_acceptance(self._codec, patience, self._pause)


class ContourRouter(StatusRouter):
    """Moves weights in Contour's HTTPProxies."""

    codec = ContourCodec


class TraefikRouter(ProxyRouter):
    """Moves weights in Traefik's TraefikServices and IngressRoutes."""

    codec = TraefikCodec
    worlds = (
        (made_up.edge,),
        (made_up.edge, made_up.traefik_service),
        (made_up.ingress_route,),
        (made_up.ingress_route_tcp,),
    )

    def shift(self, target: Target, split: Split) -> Observed:
        """Write one whole order, as `MeshRouter`; a match is in an object of its own."""
        seen = self._objects.seen(target)
        if split.match and seen is not None and not any(map(INGRESS_ROUTE.holds, seen.objects)):
            # without a match it need not be read, so it may be forgotten by now
            self._objects.forget(target)
        return super().shift(target, split)


class KumaRouter(ProxyRouter):
    """Moves weights in Kuma's MeshHTTPRoutes and MeshTCPRoutes."""

    codec = KumaCodec
    worlds = ((), (made_up.mesh_tcp_route,))


class GlooRouter(ProxyRouter):
    """Moves weights in Gloo Edge's RouteTables; its open-source edition ends on 2026-12-31."""

    codec = GlooCodec


class SkipperRouter(ProxyRouter):
    """Moves weights in Skipper's Ingresses and RouteGroups."""

    codec = SkipperCodec
    worlds = ((made_up.ingress,), (made_up.route_group,))


class ApisixRouter(ProxyRouter):
    """Moves weights in APISIX's ApisixRoutes."""

    codec = ApisixCodec
    worlds = ((made_up.apisix_route,),)


class KnativeRouter(StatusRouter):
    """Moves percents in Knative's Services, whose sides are revisions."""

    codec = KnativeCodec
    worlds = ((made_up.knative_service,),)
