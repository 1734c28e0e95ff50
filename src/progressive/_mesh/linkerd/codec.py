"""The Linkerd codec: routes with a Service as parent, and TrafficSplits where only those are.

Floor 3, pure; one of the codecs that `_adapters/mesh/router.py` carries out. What all meshes share
is `_mesh/rules/`; `layouts.py` knows the objects, `preflight.py` the traps.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from progressive._mesh.access import text
from progressive._mesh.builtin import SERVICE
from progressive._mesh.codec import Manifest, ResourceRef, ref_of
from progressive._mesh.gateway_api.status import standing_of
from progressive._mesh.linkerd.layouts import LAYOUTS
from progressive._mesh.linkerd.make import is_plain, mesh_route, rivals
from progressive._mesh.linkerd.parents import service_parents
from progressive._mesh.linkerd.preflight import SERVICE_PROFILE, require_followed
from progressive._mesh.preflight import require_ready
from progressive._mesh.rules.find import Finder
from progressive._mesh.rules.handing import HandsBack
from progressive._mesh.rules.layout import Rule
from progressive._mesh.smi.codec import SmiCodec
from progressive._mesh.smi.layout import TRAFFIC_SPLIT
from progressive._mesh.standing import Standing, StandingKind
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Capabilities, Split, Target
from progressive.errors import VersionNotServed

SETTLE = timedelta(seconds=10)
"""Proxies get a change by their watch within moments; the controller writes status every 10 s,
and a route that it has not converted by then keeps the old routing."""

MAX_TOTAL = 1_000_000
"""The largest weight that the CRDs of both groups take."""


class LinkerdCodec(HandsBack):
    """
    Plans for Linkerd; a `MeshCodec`.

    Args:
        adopt: Whether a TrafficSplit that another controller owns may be written.
    """

    name = "linkerd"
    capabilities = Capabilities(
        weights=True,
        match=True,
        sticky=True,
        max_total=MAX_TOTAL,
        dialect="linkerd",
        settle=SETTLE,
    )
    layouts = LAYOUTS
    around = (SERVICE_PROFILE, SERVICE)

    def __init__(self, *, adopt: bool = False) -> None:
        self._splits = SmiCodec(adopt=adopt)

    @property
    def finder(self) -> Finder:
        """Says of a route why it is none of the mesh's."""
        return Finder(layouts=self.layouts, hint=_parentless)

    def scope(self, objects: Sequence[Manifest], target: Target) -> Sequence[Manifest]:
        """
        Routes with weights; TrafficSplits where the release names them, or no route has a side.

        Raises:
            VersionNotServed: The only route is of a version without weights.
        """
        found = self.finder.routing(objects)
        routes = [one for one in found if not TRAFFIC_SPLIT.holds(one)]
        splits = [one for one in found if TRAFFIC_SPLIT.holds(one)]
        weighted = [one for one in routes if self._has_weights(one)]
        if target.routes:
            self._refuse_versions([one for one in routes if self._is_named(one, target)], target)
            return (*weighted, *splits)
        if not splits and len(weighted) == len(routes):
            # nearly always so: then nothing competes, and no rule needs to be read for it
            return weighted
        if self._steers(weighted, target):
            return weighted
        if self._steers(splits, target):
            return splits
        self._refuse_versions(routes, target)
        return weighted or splits

    def home_scope(self, objects: Sequence[Manifest], target: Target) -> Sequence[Manifest]:
        """All of them: a split may send users to the canary beside a route that is steered."""
        return [one for one in self.finder.routing(objects) if self._has_weights(one)]

    def preflight(
        self, objects: Sequence[Manifest], target: Target, split: Split, rules: Sequence[Rule]
    ) -> None:
        """
        Do nothing when both sides can take traffic, and the mesh will follow the weights.

        Raises:
            PreflightFailed: A side is not ready, something overrides a route, or the controller
                cannot convert it.
        """
        require_ready(objects, target, split)
        for rule in rules:
            if TRAFFIC_SPLIT.holds(rule.manifest):
                self._splits.preflight(objects, target, split, [rule])
            else:
                require_followed(objects, target, rule, self.finder)

    def notes(self, manifests: Sequence[Manifest], target: Target) -> Sequence[str]:
        """That a TrafficSplit is retired."""
        return self._splits.notes([one for one in manifests if TRAFFIC_SPLIT.holds(one)], target)

    def standing(self, manifest: Manifest, target: Target) -> Standing:
        """
        Whether the policy controller has accepted a route.

        Its status never tells of which generation it is, so the best answer is `UNVERIFIED`; a
        refusal that is still there after settling counts.
        """
        if TRAFFIC_SPLIT.holds(manifest):
            words = f"{ref_of(manifest, target)} has no status"
            return Standing(kind=StandingKind.UNVERIFIED, words=words)
        return standing_of(manifest, target)

    def refuse_others(self, manifest: Manifest, target: Target) -> None:
        """
        Do nothing when nobody else moves the traffic of an object.

        Raises:
            ForeignController, NotOwned: Somebody does.
        """
        if TRAFFIC_SPLIT.holds(manifest):
            self._splits.refuse_others(manifest, target)
        else:
            super().refuse_others(manifest, target)

    def rival(
        self, objects: Sequence[Manifest], manifest: Manifest, target: Target
    ) -> ResourceRef | None:
        """Another object that certainly takes the requests of a route that is made now."""
        return next(rivals(self.finder, objects, manifest, target), None)

    def is_spare(self, manifest: Manifest, target: Target) -> bool:
        """Whether the mesh serves the apex just so without the object."""
        if TRAFFIC_SPLIT.holds(manifest):
            return self._splits.is_spare(manifest, target)
        return is_plain(self.finder, manifest, target)

    def make(self, target: Target, service: ServiceSpec) -> dict[str, Any]:
        """
        The route that a managed release starts with, all traffic on the primary.

        Raises:
            Unsupported: The document asks for what such a route cannot hold.
        """
        return mesh_route(target, service)

    # below: which routes count

    def _has_weights(self, manifest: Manifest) -> bool:
        version = text(manifest.get("apiVersion")).rpartition("/")[2]
        layout = self.finder.layout_of(manifest)
        return layout is not None and version in layout.kind.versions

    def _steers(self, manifests: Sequence[Manifest], target: Target) -> bool:
        return any(rule.held for one in manifests for rule in self.finder.rules_of(one, target))

    def _is_named(self, manifest: Manifest, target: Target) -> bool:
        named = (self.finder.named_object([manifest], one, target) for one in target.routes)
        return any(one is not None for one in named)

    def _refuse_versions(self, manifests: Sequence[Manifest], target: Target) -> None:
        for one in manifests:
            layout = self.finder.layout_of(one)
            if layout is None or self._has_weights(one) or not self._steers([one], target):
                continue
            raise VersionNotServed(
                f"{ref_of(one, target)} is of {text(one.get('apiVersion'))}, which has no "
                f"weights; apply it as {' or '.join(layout.kind.versions)}"
            )


def _parentless(manifest: Manifest, target: Target) -> str:
    if TRAFFIC_SPLIT.holds(manifest) or service_parents(manifest, target):
        return ""
    return (
        f"{ref_of(manifest, target)} has no Service as parent, so it is no route of the mesh: a "
        "parent needs kind: Service and group: core"
    )
