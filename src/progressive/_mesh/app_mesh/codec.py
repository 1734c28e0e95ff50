"""AWS App Mesh: weighted targets of the VirtualRouter behind the apex.

Floor 3, pure; a `MeshCodec`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

from progressive._mesh.access import inner
from progressive._mesh.app_mesh.chain import VIRTUAL_SERVICE, followed, router_of_apex
from progressive._mesh.app_mesh.layout import MOST, VirtualRouterLayout
from progressive._mesh.app_mesh.make import virtual_node, virtual_router, virtual_service
from progressive._mesh.app_mesh.nodes import VIRTUAL_NODE, Nodes
from progressive._mesh.app_mesh.status import standing_of
from progressive._mesh.codec import Manifest, ObjectPatch, ResourceRef
from progressive._mesh.rules.codec import RuleCodec
from progressive._mesh.standing import Standing
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Capabilities, Observed, Side, Split, Target
from progressive.errors import RouterError

RETIRED = (
    "MeshRetired: AWS ended the service App Mesh on 2026-09-30, so a controller may no longer "
    "reach it; move to the Gateway API (router gateway-api, on EKS with VPC Lattice)"
)

SETTLE = timedelta(seconds=30)
"""How long proxies may follow the old weights: a reconciliation, calls to AWS, and its push."""


class AppMeshCodec(RuleCodec):
    """
    The codec of App Mesh.

    Args:
        nodes: What is known of virtual nodes; every call learns more from its objects.
    """

    name = "app-mesh"
    capabilities = Capabilities(
        weights=True, match=True, max_total=MOST, dialect="app-mesh", settle=SETTLE
    )
    guides = (VIRTUAL_SERVICE, VIRTUAL_NODE)

    def __init__(self, nodes: Nodes | None = None) -> None:
        self.layouts = (VirtualRouterLayout(nodes),)

    def scope(self, objects: Sequence[Manifest], target: Target) -> Sequence[Manifest]:
        """
        The VirtualRouter of the apex; those that `routes` name need no way to them.

        Raises:
            RouteNotFound: The apex has no router.
            AmbiguousRoute: Several VirtualServices stand for the apex.
        """
        if target.routes:
            return super().scope(objects, target)
        return [router_of_apex(objects, target)]

    def notes(self, manifests: Sequence[Manifest], target: Target) -> Sequence[str]:
        """The service behind the mesh has ended."""
        return (RETIRED,)

    def standing(self, manifest: Manifest, target: Target) -> Standing:
        """What the status of a VirtualRouter says; never raises."""
        return standing_of(manifest, target)

    # a managed release

    def make(self, target: Target, service: ServiceSpec) -> dict[str, Any]:
        """
        The VirtualRouter that a managed release starts with.

        Raises:
            Unsupported: The document asks for something that is not written into it.
        """
        return virtual_router(target, service)

    def make_beside(
        self,
        objects: Sequence[Manifest],
        target: Target,
        service: ServiceSpec,
        services: Sequence[Manifest],
    ) -> list[dict[str, Any]]:
        """
        What is not there of the objects without which that VirtualRouter steers nothing.

        Args:
            objects: Everything of App Mesh in the namespace.
            services: The Services of both sides, for the pods that they select.

        Raises:
            RouterError: What stands there leads elsewhere, or cannot be completed.
        """
        apex, router = virtual_service(target), virtual_router(target, service)
        there = {(one.get("kind"), inner(one, "metadata", "name")) for one in objects}
        made = []
        if (apex["kind"], target.service) not in there:
            made.append(apex)
        if (router["kind"], target.service) not in there:
            router_of_apex([*objects, *made, router], target)
        else:
            # whoever made the router must have put both sides into it
            self.read([*objects, *made], target)
        nodes = [
            virtual_node(target, service, side, services)
            for side in Side
            if (VIRTUAL_NODE.kind, target.on(side)) not in there
        ]
        return [*nodes, *made]

    # each call knows the nodes among its objects, and follows services to routers

    def steered(self, objects: Sequence[Manifest], target: Target) -> tuple[ResourceRef, ...]:
        """The objects that a write would touch; empty: none is there."""
        try:
            target = followed(objects, target)
        except RouterError:
            return ()
        return super(AppMeshCodec, self._knowing(objects, target)).steered(objects, target)

    def read(self, objects: Sequence[Manifest], target: Target, *, total: int = 100) -> Observed:
        """
        The split of the base routes; `matched` and `inside` tell of managed ones.

        Raises:
            RouterError: As `RuleCodec.read`.
        """
        target = followed(objects, target)
        known = self._knowing(objects, target)
        return super(AppMeshCodec, known).read(objects, target, total=total)

    def write(
        self, objects: Sequence[Manifest], target: Target, split: Split
    ) -> tuple[ObjectPatch, ...]:
        """
        One patch for each VirtualRouter that is not yet as wanted.

        Raises:
            RouterError: As `RuleCodec.write`.
        """
        target = followed(objects, target)
        return super(AppMeshCodec, self._knowing(objects, target)).write(objects, target, split)

    def reset(
        self, objects: Sequence[Manifest], target: Target, *, total: int = 100
    ) -> tuple[ObjectPatch, ...]:
        """
        One patch for each VirtualRouter where something of the canary is left.

        Raises:
            RouterError: As `RuleCodec.reset`.
        """
        try:
            target = followed(objects, target)
        except RouterError:
            return ()
        known = self._knowing(objects, target)
        return super(AppMeshCodec, known).reset(objects, target, total=total)

    def _noted(
        self, objects: Sequence[Manifest], target: Target, note: Callable[..., Any]
    ) -> Iterator[ObjectPatch]:
        target = followed(objects, target)
        yield from super(AppMeshCodec, self._knowing(objects, target))._noted(
            objects, target, note
        )

    def _knowing(self, objects: Sequence[Manifest], target: Target) -> AppMeshCodec:
        return AppMeshCodec(Nodes.among(objects, target))
