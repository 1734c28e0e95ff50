"""What each kind of route can carry in Linkerd.

Floor 3, pure. Layouts of `_mesh/rules/`: those of the Gateway API, without a mirror, and the
policy route of Linkerd's own group, which has neither names nor answers to change. A route
without a Service as parent is none of the mesh's, so it has no rules here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from progressive._mesh.access import sequence
from progressive._mesh.codec import Manifest, ObjectKind
from progressive._mesh.gateway_api.layout import (
    GrpcRouteLayout,
    HttpRouteLayout,
    RouteLayout,
    TcpRouteLayout,
    TlsRouteLayout,
)
from progressive._mesh.linkerd.parents import CORE, service_parents
from progressive._mesh.rules.layout import Draft, Layout, Rule
from progressive._mesh.smi.layout import TrafficSplitLayout
from progressive._model.traffic import Capabilities, Target
from progressive.errors import InvalidRequest

POLICY_ROUTE = ObjectKind(
    group="policy.linkerd.io",
    kind="HTTPRoute",
    plural="httproutes",
    versions=("v1beta3", "v1beta2"),
)
"""The older versions have no weights: writing through them would make every split 1 to 1."""

_POLICY_MATCHES = 8
"""Matches of one rule of a policy route, by its CRD."""

_REQUESTS = Capabilities(weights=True, match=True, sticky=True)

_MODIFIERS = frozenset({"RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect"})
_POLICY_FILTERS = frozenset({"RequestHeaderModifier", "RequestRedirect"})


class MeshRouteLayout(RouteLayout):
    """
    A route of the mesh: its parent is a Service.

    Attributes:
        filters: Types of filters that the policy controller converts; a route with any other
            keeps the routing that it had before.
        rank: Of routes of one parent those with the highest rank alone are followed.
    """

    core_groups = CORE
    lone_has_all = True
    filters: frozenset[str] = frozenset()
    rank: int = 0

    def rules(self, manifest: Manifest, target: Target) -> Iterator[Rule]:
        """The rules of a route; none where no Service is its parent."""
        if service_parents(manifest, target):
            yield from super().rules(manifest, target)


class MeshHttpLayout(MeshRouteLayout, HttpRouteLayout):
    """HTTPRoutes of the Gateway API."""

    features = _REQUESTS
    filters = _MODIFIERS
    rank = 3


class MeshGrpcLayout(MeshRouteLayout, GrpcRouteLayout):
    """GRPCRoutes."""

    features = _REQUESTS
    filters = _MODIFIERS
    rank = 4


class MeshTlsLayout(MeshRouteLayout, TlsRouteLayout):
    """TLSRoutes."""

    rank = 2


class MeshTcpLayout(MeshRouteLayout, TcpRouteLayout):
    """TCPRoutes."""

    rank = 1


class PolicyHttpLayout(MeshHttpLayout):
    """HTTPRoutes of Linkerd's own group."""

    kind = POLICY_ROUTE
    features = Capabilities(weights=True, match=True)
    filters = _POLICY_FILTERS

    def __init__(self, *, names: bool = False) -> None:
        super().__init__(names=names)

    def managed(self, draft: Draft) -> dict[str, Any]:
        """
        A rule like its base for matched requests.

        Raises:
            InvalidRequest: More matches than a policy route holds.
        """
        made = super().managed(draft)
        if (count := len(sequence(made["matches"]))) > _POLICY_MATCHES:
            raise InvalidRequest(
                f"{count} matches in one rule, and a route of "
                f"{POLICY_ROUTE.group} holds {_POLICY_MATCHES}; match less, or move to an "
                "HTTPRoute of gateway.networking.k8s.io"
            )
        return made


LAYOUTS: tuple[Layout, ...] = (
    MeshHttpLayout(),
    MeshGrpcLayout(),
    MeshTlsLayout(),
    MeshTcpLayout(),
    PolicyHttpLayout(),
    TrafficSplitLayout(),
)
"""In order of preference; a TrafficSplit steers where no other route does."""
