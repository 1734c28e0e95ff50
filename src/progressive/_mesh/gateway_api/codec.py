"""The codec of the Gateway API: routes of gateways, and routes of a mesh (GAMMA).

Floor 3, pure; one of the codecs that `_adapters/mesh/router.py` carries out. What all meshes share
is `_mesh/rules/`; `layout.py` knows the routes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from attrs import evolve

from progressive._mesh.access import inner, mapping, sequence
from progressive._mesh.codec import Manifest, ResourceRef, namespace_of, ref_of
from progressive._mesh.gateway_api import claims, grants, status
from progressive._mesh.gateway_api.kinds import REFERENCE_GRANT
from progressive._mesh.gateway_api.layout import (
    GrpcRouteLayout,
    HttpRouteLayout,
    TcpRouteLayout,
    TlsRouteLayout,
)
from progressive._mesh.gateway_api.make import http_route
from progressive._mesh.preflight import require_ready
from progressive._mesh.rules.handing import HandsBack
from progressive._mesh.rules.layout import Layout, Rule, manifests_of
from progressive._mesh.standing import Standing
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Capabilities, Split, Target
from progressive.errors import PreflightFailed

SETTLE = timedelta(seconds=10)
"""How long data planes may still follow the old split once a route is accepted: status says that
a route is valid, not that proxies have it. Istio's implementation gathers changes for at most
10 s; the others push sooner."""

MAX_TOTAL = 1_000_000
"""The largest weight that the CRDs take."""

_PLAIN = frozenset({"name", "matches", "backendRefs"})


class GatewayApiCodec(HandsBack):
    """
    Plans for the Gateway API; a `MeshCodec`.

    Args:
        dialect: Of the implementation's metrics. The API has none of its own, so that without a
            word the application's count, as Flagger has it.
    """

    name = "gateway-api"
    capabilities = Capabilities(
        weights=True,
        match=True,
        mirror=True,
        sticky=True,
        max_total=MAX_TOTAL,
        dialect="kubernetes",
        settle=SETTLE,
    )
    layouts: tuple[Layout, ...] = (
        HttpRouteLayout(),
        GrpcRouteLayout(),
        TcpRouteLayout(),
        TlsRouteLayout(),
    )
    around = (REFERENCE_GRANT,)

    def __init__(self, dialect: str | None = None) -> None:
        if dialect is not None:
            self.capabilities = evolve(self.capabilities, dialect=dialect)

    def preflight(
        self, objects: Sequence[Manifest], target: Target, split: Split, rules: Sequence[Rule]
    ) -> None:
        """
        Do nothing when both sides can take traffic, and the traffic is these routes' to give.

        Raises:
            PreflightFailed: A side is not ready, a grant is missing, or an older route has it all.
        """
        require_ready(objects, target, split)
        manifests = manifests_of(rules)
        grants.require_granted(objects, manifests, target)
        for manifest in manifests:
            own = [rule for rule in rules if rule.manifest is manifest]
            others = [one for one in objects if all(one is not it for it in manifests)]
            if rival := self._before(others, own, manifest, target):
                raise PreflightFailed(
                    f"{rival} is older than {ref_of(manifest, target)} and asks for the same "
                    "requests, so that no weight here moves any: delete or change one of them"
                )

    def rival(
        self, objects: Sequence[Manifest], manifest: Manifest, target: Target
    ) -> ResourceRef | None:
        """An older route that has every request of this one already."""
        own = list(self.finder.rules_of(manifest, target))
        return self._before(objects, own, manifest, target)

    def _before(
        self, objects: Sequence[Manifest], own: Sequence[Rule], manifest: Manifest, target: Target
    ) -> ResourceRef | None:
        for other in objects:
            ref = ref_of(other, target)
            same_kind = other.get("kind") == manifest.get("kind") and self.finder.layout_of(other)
            if not same_kind or ref == ref_of(manifest, target):
                continue
            if claims.has_all_of(other, own, manifest, target):
                return ref
        return None

    def make(self, target: Target, service: ServiceSpec) -> dict[str, Any]:
        """The HTTPRoute that a managed release starts with."""
        return http_route(target, service)

    def is_spare(self, manifest: Manifest, target: Target) -> bool:
        """
        Whether the mesh serves the apex just so without it: its parent is the apex Service, and
        it has one plain rule.

        A gateway has no other route to a service; filters, timeouts and matches would be lost.
        """
        namespace = namespace_of(manifest, target)
        parents = [mapping(one) for one in sequence(inner(manifest, "spec", "parentRefs"))]
        apex = ("", "Service", target.namespace, target.service, "")
        rules = [mapping(one) for one in sequence(inner(manifest, "spec", "rules"))]
        return (
            bool(parents)
            and all(status.parent_key(one, namespace) == apex for one in parents)
            and not inner(manifest, "spec", "hostnames")
            and len(rules) == 1
            and set(rules[0]) <= _PLAIN
            and claims.takes_all(rules[0])
        )

    def standing(self, manifest: Manifest, target: Target) -> Standing:
        """What the status says of the parents of a route."""
        return status.standing_of(manifest, target)
