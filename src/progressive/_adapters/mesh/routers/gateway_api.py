"""The Gateway API router: routes of gateways and of meshes in a cluster.

Floor 4: touches a cluster. Reading and writing is `../router.py`; what to write is
`_mesh/gateway_api/`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Unpack

from progressive._adapters.mesh.accepted import status_acceptance
from progressive._adapters.mesh.objects import Sight, refused
from progressive._adapters.mesh.router import MeshRouter
from progressive._adapters.mesh.settings import Settings
from progressive._mesh.access import inner, text
from progressive._mesh.codec import Manifest, ObjectPatch
from progressive._mesh.gateway_api import features
from progressive._mesh.gateway_api.codec import GatewayApiCodec
from progressive._mesh.gateway_api.kinds import GROUP, HTTP_ROUTE
from progressive._mesh.gateway_api.layout import RouteLayout
from progressive._mesh.rules.codec import RuleCodec
from progressive._model.traffic import Observed, Split, Target
from progressive.errors import ClusterError, ErrorKind, InvalidRequest
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

    A mirror is refused where the GatewayClass publishes its features and has none; that is read
    before the first mirror, if the user may read Gateways and GatewayClasses.

    Args:
        cluster: None: the cluster that kubectl would speak to, found at first use.
        dialect: Whose metrics the built-in checks and `in_effect` ask, such as ``envoy-gateway``,
            ``contour``, ``traefik`` or ``istio``; None: the application's own.
        patience: How long each shift waits for the controllers to accept what it wrote; None: it
            does not wait, and `accepted` asks.
        settings: `proof`, `offline`, `now` and `pause`, as of `MeshRouter`.
    """

    def __init__(
        self,
        cluster: Cluster | None = None,
        *,
        dialect: str | None = None,
        patience: timedelta | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        codec = GatewayApiCodec(dialect)
        super().__init__(codec, cluster, **settings)
        self._acceptance = status_acceptance(codec, patience, self._pause)
        self._published = PublishedFeatures(lambda: self.cluster)

    def _plan(self, sight: Sight, target: Target, split: Split) -> Sequence[ObjectPatch]:
        patches = super()._plan(sight, target, split)
        if patches and split.mirror is not None:
            for ref, route in sight.steered(target):
                if ref.kind == HTTP_ROUTE.kind:
                    self._published.require_mirror(route, target, split.mirror)
        return patches


class PublishedFeatures:
    """
    What the implementations of Gateways say that they can, asked for once for each Gateway.

    What is not there or may not be read is not known, and forbids nothing.

    Args:
        cluster: Where they are; asked for at first use.
    """

    def __init__(self, cluster: Callable[[], Cluster]) -> None:
        self._cluster = cluster
        self._known: dict[tuple[str, str], tuple[str, frozenset[str]]] = {}

    def require_mirror(self, route: Manifest, target: Target, percent: float) -> None:
        """
        Refuse a mirror that the implementation of one of the route's Gateways does not have.

        Raises:
            Unsupported: It publishes its features, and this one is not among them.
            RouterError: The API cannot be asked.
        """
        for gateway in features.gateways_of(route, target):
            if gateway not in self._known:
                self._known[gateway] = self._asked(*gateway)
            name, known = self._known[gateway]
            called = f"GatewayClass {name} of Gateway {'/'.join(gateway)}"
            features.require_mirror(known, percent, called=called)

    def _asked(self, namespace: str, name: str) -> tuple[str, frozenset[str]]:
        gateway = self._optional(f"namespaces/{namespace}/gateways/{name}")
        called = text(inner(gateway, "spec", "gatewayClassName"))
        found = self._optional(f"gatewayclasses/{called}") if called else {}
        return called, features.published(found)

    def _optional(self, place: str) -> Manifest:
        try:
            return self._cluster().get(f"/apis/{GROUP}/v1/{place}")
        except ClusterError as error:
            if error.kind in (ErrorKind.NOT_FOUND, ErrorKind.FORBIDDEN):
                return {}
            raise refused(error, f"read {place}") from error
