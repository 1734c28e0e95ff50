"""The SMI codec: TrafficSplits, as linkerd-smi and other adaptors follow them.

Floor 3, pure; one of the codecs that `_adapters/mesh/router.py` carries out. What all meshes share
is `_mesh/rules/`; `layout.py` knows the object.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from datetime import timedelta
from typing import Any

from progressive._mesh.access import inner, mapping, text
from progressive._mesh.builtin import SERVICE
from progressive._mesh.codec import Manifest, ResourceRef, namespace_of, ref_of
from progressive._mesh.hosts import qualified
from progressive._mesh.ownership import refuse_foreign, refuse_owned
from progressive._mesh.preflight import require_cluster_ip, require_ready
from progressive._mesh.rules.handing import HandsBack
from progressive._mesh.rules.layout import Rule
from progressive._mesh.smi.layout import TRAFFIC_SPLIT, TrafficSplitLayout, splits_apex
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Capabilities, Side, Split, Target
from progressive.errors import Unsupported

MAX_TOTAL = 1_000_000
"""Linkerd takes weights in thousandths as 32 bits, so that 4 million would be the most; this is
the round number below, and that of its other routes."""

SETTLE = timedelta(seconds=10)
"""Between the split and the proxies are the adaptor's watch and the mesh's own; neither says when
it is done, so this is a guess on the safe side."""

RETIRED = (
    "Deprecated: {ref}: the Service Mesh Interface is archived, and its adaptors get no fixes; "
    "move to routes of the Gateway API (router linkerd or gateway-api)"
)


class SmiCodec(HandsBack):
    """
    Plans for SMI; a `MeshCodec`.

    Args:
        adopt: Whether a split that another controller owns may be written.
        version: The only API version to use; None: the newest that is served.
    """

    name = "smi"
    capabilities = Capabilities(
        weights=True, max_total=MAX_TOTAL, dialect="linkerd", settle=SETTLE
    )
    around = (SERVICE,)

    def __init__(self, *, adopt: bool = False, version: str | None = None) -> None:
        self._adopt = adopt
        self.layouts = (TrafficSplitLayout(version),)

    def preflight(
        self, objects: Sequence[Manifest], target: Target, split: Split, rules: Sequence[Rule]
    ) -> None:
        """
        Do nothing when both sides can take traffic, and the apex can be split at all.

        Raises:
            PreflightFailed: A side is not ready, or the apex has no cluster IP.
        """
        require_ready(objects, target, split)
        for rule in rules:
            apex = text(inner(rule.manifest, "spec", "service"))
            namespace = namespace_of(rule.manifest, target)
            ref = ref_of(rule.manifest, target)
            require_cluster_ip(objects, target, apex, namespace, ref)

    def notes(self, manifests: Sequence[Manifest], target: Target) -> Sequence[str]:
        """That the interface is retired."""
        return [RETIRED.format(ref=ref_of(one, target)) for one in manifests]

    def refuse_others(self, manifest: Manifest, target: Target) -> None:
        """
        Do nothing when nobody else moves the traffic of a split.

        Raises:
            ForeignController, NotOwned: Somebody does.
        """
        refuse_foreign(manifest, target)
        if not self._adopt:
            refuse_owned(manifest, target)

    def rival(
        self, objects: Sequence[Manifest], manifest: Manifest, target: Target
    ) -> ResourceRef | None:
        """Another TrafficSplit of the same apex; the adaptor follows the one written last."""
        apex = _apex(manifest, target)
        for other in self.finder.routing(objects):
            ref = ref_of(other, target)
            if ref != ref_of(manifest, target) and _apex(other, target) == apex:
                return ref
        return None

    def is_spare(self, manifest: Manifest, target: Target) -> bool:
        """Whether a split shares the apex among the two sides alone; then it serves as well."""
        return splits_apex(manifest, target) and all(
            one.side is not None
            for rule in self.finder.rules_of(manifest, target)
            for one in rule.destinations
        )

    def make(self, target: Target, service: ServiceSpec) -> dict[str, Any]:
        """
        The TrafficSplit that a managed release starts with, as Flagger makes it.

        Raises:
            Unsupported: The services have no cluster IP, and a split needs one.
        """
        if service.headless:
            raise Unsupported(f"{target}: a headless service cannot be split by a TrafficSplit")
        return traffic_split(target, service)


def traffic_split(target: Target, service: ServiceSpec) -> dict[str, Any]:
    """A TrafficSplit with all traffic on the primary."""
    apex = mapping(service.metadata.get("apex"))
    metadata: dict[str, Any] = {
        "name": target.service,
        "namespace": target.namespace,
        "labels": {
            **mapping(apex.get("labels")),
            "app.kubernetes.io/managed-by": "progressive",
        },
    }
    if apex.get("annotations"):
        metadata["annotations"] = deepcopy(dict(mapping(apex["annotations"])))
    return {
        "apiVersion": f"{TRAFFIC_SPLIT.group}/{TRAFFIC_SPLIT.versions[0]}",
        "kind": TRAFFIC_SPLIT.kind,
        "metadata": metadata,
        "spec": {
            "service": target.service,
            "backends": [
                {"service": target.on(Side.CANARY), "weight": 0},
                {"service": target.on(Side.PRIMARY), "weight": 100},
            ],
        },
    }


def _apex(manifest: Manifest, target: Target) -> str:
    return qualified(text(inner(manifest, "spec", "service")), namespace_of(manifest, target))
