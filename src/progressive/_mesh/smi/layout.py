"""What a TrafficSplit is like: one rule, whose backends are services of its namespace.

Floor 3, pure. A `Layout` of `_mesh/rules/`, for the codecs of SMI and of Linkerd.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import evolve

from progressive._mesh.access import inner, mapping, text
from progressive._mesh.codec import Manifest, ObjectKind, namespace_of
from progressive._mesh.hosts import qualified
from progressive._mesh.rules.destination import Destination
from progressive._mesh.rules.layout import Layout, Number, Rule
from progressive._mesh.smi.quantity import weight_of
from progressive._model.traffic import Capabilities, Target
from progressive.errors import InvalidRequest

TRAFFIC_SPLIT = ObjectKind(
    group="split.smi-spec.io",
    kind="TrafficSplit",
    plural="trafficsplits",
    versions=("v1alpha4", "v1alpha3", "v1alpha2", "v1alpha1"),
)
"""The newest that is served comes first: a write through an older one would lose `matches`."""


class TrafficSplitLayout(Layout):
    """
    The layout of TrafficSplits.

    Args:
        version: The only API version to use; None: the newest that is served.
    """

    features = Capabilities(weights=True)
    weights_path = ".spec.backends[].weight"

    def __init__(self, version: str | None = None) -> None:
        self.kind = evolve(TRAFFIC_SPLIT, versions=(version,)) if version else TRAFFIC_SPLIT

    def rules(self, manifest: Manifest, target: Target) -> Iterator[Rule]:
        """The one rule of a split; what it is limited to by `matches` is the user's business."""
        spec = mapping(manifest.get("spec"))
        path = ("spec", "backends")
        yield Rule(
            manifest=manifest,
            layout=self,
            section=("spec",),
            index=None,
            protocol="http",
            body=spec,
            destinations=self.destinations(
                spec.get("backends"), path, manifest, target, "service"
            ),
        )

    def weight(self, destination: Destination) -> Number:
        """
        The weight of a backend, which the schema requires, in whatever form.

        Raises:
            InvalidRequest: There is none, or it is no number.
        """
        stored = destination.body.get(self.weight_key)
        if stored is None:
            name = text(destination.body.get("service"))
            raise InvalidRequest(f"backend {name} has no weight, and a TrafficSplit requires one")
        return weight_of(stored)

    def is_service(
        self, body: Mapping[str, Any], service: str, manifest: Manifest, target: Target
    ) -> bool:
        """Whether a backend is a service of the release's namespace, in full or in short."""
        named = qualified(text(body.get("service")), namespace_of(manifest, target))
        return named == qualified(service, target.namespace)

    def naming(self, body: Mapping[str, Any], service: str, port: int) -> dict[str, Any]:
        """The same backend with another service; a split names no ports."""
        return {**body, "service": service}


def splits_apex(manifest: Manifest, target: Target) -> bool:
    """Whether a TrafficSplit says how the apex of a release is shared."""
    apex = qualified(text(inner(manifest, "spec", "service")), namespace_of(manifest, target))
    return apex == qualified(target.service, target.namespace)
