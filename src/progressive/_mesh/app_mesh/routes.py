"""One route as AWS keeps it, without a controller: the same weighted targets, nodes by name.

Floor 3, pure; used by `_adapters/aws/`, which reads and writes whole routes. A route stands here
as an object of the Kubernetes shape, so that it goes through the same engine: its mesh is the
namespace, ``ROUTER/ROUTE`` the name, and AWS's version the resource version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from progressive._mesh.access import inner, mapping, sequence
from progressive._mesh.app_mesh.codec import RETIRED, SETTLE
from progressive._mesh.app_mesh.layout import MOST, TARGETS, kind_of, protocol_of
from progressive._mesh.codec import Manifest, ObjectKind
from progressive._mesh.rules.codec import RuleCodec
from progressive._mesh.rules.layout import Layout, Rule
from progressive._model.traffic import Capabilities, Side, Target

_ROUTE = ObjectKind(group="appmesh", kind="Route", plural="routes", versions=("2019-01-25",))
"""The version is that of AWS's API."""


class RouteLayout(Layout):
    """The layout of one route: one rule, and no list of rules that could hold ours."""

    kind = _ROUTE
    missing = 0

    def rules(self, manifest: Manifest, target: Target) -> Iterator[Rule]:
        """The one rule; a route of no kind has no destinations."""
        spec = mapping(manifest.get("spec"))
        kind = kind_of(spec)
        path = ("spec", kind, *TARGETS)
        listed = sequence(inner(spec, kind, *TARGETS)) if kind else ()
        yield Rule(
            manifest=manifest,
            layout=self,
            section=("spec",),
            index=None,
            protocol=protocol_of(spec),
            body=spec,
            destinations=self.destinations(listed, path, manifest, target, "virtualNode"),
        )

    def side_of(self, body: Mapping[str, Any], manifest: Manifest, target: Target) -> Side | None:
        """Which side a node is; a controller once named its nodes ``NAME_NAMESPACE``."""
        for side in Side:
            name = target.on(side)
            if body.get("virtualNode") in (name, f"{name}_{target.namespace}"):
                return side
        return None


class RouteCodec(RuleCodec):
    """Plans the weights of one route; matches would be routes of their own, which are not made."""

    name = "app-mesh-api"
    capabilities = Capabilities(weights=True, max_total=MOST, dialect="app-mesh", settle=SETTLE)
    layouts = (RouteLayout(),)

    def notes(self, manifests: object, target: Target) -> tuple[str, ...]:
        """The service has ended."""
        return (RETIRED,)


def route_manifest(route: Mapping[str, Any]) -> dict[str, Any]:
    """A route as AWS describes it, as an object; ``metadata.version`` counts its writes."""
    name = f"{route.get('virtualRouterName')}/{route.get('routeName')}"
    return {
        "apiVersion": _ROUTE.api_version(_ROUTE.versions[0]),
        "kind": _ROUTE.kind,
        "metadata": {
            "name": name,
            "namespace": str(route.get("meshName")),
            "resourceVersion": str(inner(route, "metadata", "version")),
        },
        "spec": route.get("spec"),
    }
