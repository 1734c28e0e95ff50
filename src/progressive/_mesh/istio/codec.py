"""The Istio codec: VirtualServices of host style and of subset style.

Floor 3, pure; one of the codecs that `_adapters/mesh/router.py` carries out. What all meshes share
is `_mesh/rules/`; `layout.py` knows the object, `make.py` makes one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from progressive._mesh.access import inner, mapping, sequence, text
from progressive._mesh.codec import Manifest, ObjectKind, ResourceRef, namespace_of, ref_of
from progressive._mesh.hosts import qualified
from progressive._mesh.istio import subsets
from progressive._mesh.istio.layout import VirtualServiceLayout
from progressive._mesh.istio.make import virtual_service
from progressive._mesh.preflight import ports_of, require_ready
from progressive._mesh.rules.find import Finder
from progressive._mesh.rules.handing import HandsBack
from progressive._mesh.rules.layout import Rule
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Capabilities, Side, Split, Target
from progressive.errors import PreflightFailed

SETTLE = timedelta(seconds=10)
"""How long proxies may still follow the old split: release.md L24 (istiod gathers changes for at
most 10 s before it pushes, `PILOT_DEBOUNCE_MAX`)."""

MAX_TOTAL = 2**31 - 1
"""Weights are int32 in the CRD, and Envoy's sum of weights must fit in 32 bits."""

_PLAIN = frozenset({"name", "route"})


class IstioCodec(HandsBack):
    """Plans for Istio; a `MeshCodec`."""

    name = "istio"
    capabilities = Capabilities(
        weights=True,
        match=True,
        mirror=True,
        sticky=True,
        max_total=MAX_TOTAL,
        dialect="istio",
        settle=SETTLE,
    )
    layouts = (VirtualServiceLayout(),)

    @property
    def finder(self) -> Finder:
        """Names subsets, and says where a rule delegates."""
        return Finder(layouts=self.layouts, side_name=_side_name, hint=_delegation)

    def rival(
        self, objects: Sequence[Manifest], manifest: Manifest, target: Target
    ) -> ResourceRef | None:
        """Another VirtualService with a mesh host of this one; istiod follows one of the two."""
        hosts = _mesh_hosts(manifest, target)
        for other in self.finder.routing(objects):
            if ref_of(other, target) == ref_of(manifest, target):
                continue
            if hosts & _mesh_hosts(other, target):
                here = namespace_of(other, target) == namespace_of(manifest, target)
                if here or inner(other, "spec", "exportTo") != ["."]:
                    return ref_of(other, target)
        return None

    def preflight(
        self, objects: Sequence[Manifest], target: Target, split: Split, rules: Sequence[Rule]
    ) -> None:
        """
        Do nothing when both sides can take traffic, by the ports that the rules name.

        Raises:
            PreflightFailed: A side is not ready, a port is not clear, or a host has two objects.
        """
        if target.subsets is None:
            require_ready(objects, target, split)
        subsets.require_known(objects, target)
        for rule in rules:
            for side in Side:
                _require_port(rule, side, objects, target)
            if rival := self.rival(objects, rule.manifest, target):
                raise PreflightFailed(
                    f"{rival} has a host of {ref_of(rule.manifest, target)} as well; which of the "
                    "two the mesh follows is not defined: delete or merge one of them"
                )

    def surroundings(self, target: Target) -> tuple[ObjectKind, ...]:
        """DestinationRules, which name the subsets; services as sides need none."""
        return () if target.subsets is None else (subsets.DESTINATION_RULE,)

    def has_services(self, target: Target) -> bool:
        """Whether each side is a service of its own; subsets are pods of one."""
        return target.subsets is None

    def is_spare(self, manifest: Manifest, target: Target) -> bool:
        """
        Whether the mesh serves its hosts just so without it: it only names the apex, for the mesh.

        A gateway has no other route to a service, and rewrites, retries and further hosts would
        be lost; such an object is kept, and sent to the apex.
        """
        spec = mapping(manifest.get("spec"))
        namespace = namespace_of(manifest, target)
        apex = qualified(target.service, target.namespace)
        rules: list[Mapping[str, Any]] = [mapping(one) for one in sequence(spec.get("http"))]
        return (
            (spec.get("gateways") or ["mesh"]) == ["mesh"]
            and {qualified(str(host), namespace) for host in sequence(spec.get("hosts"))} == {apex}
            and not spec.get("tcp")
            and not spec.get("tls")
            and len(rules) == 1
            and set(rules[0]) <= _PLAIN
        )

    def make(self, target: Target, service: ServiceSpec) -> dict[str, Any]:
        """The VirtualService that a managed release starts with."""
        return virtual_service(target, service)


def _side_name(side: Side, target: Target) -> str:
    if target.subsets is None:
        return target.on(side)
    subset = target.subsets.primary if side is Side.PRIMARY else target.subsets.canary
    return f"{target.service}, subset {subset}"


def _delegation(manifest: Manifest, target: Target) -> str:
    """Where the rules of an object send what is not theirs; empty: nowhere."""
    names = [
        f"{text(inner(body, 'delegate', 'namespace')) or namespace_of(manifest, target)}/"
        f"{text(inner(body, 'delegate', 'name'))}"
        for body in sequence(inner(manifest, "spec", "http"))
        if inner(body, "delegate", "name")
    ]
    return f"it delegates to {', '.join(names)}: name that one" if names else ""


def _require_port(rule: Rule, side: Side, objects: Sequence[Manifest], target: Target) -> None:
    service = target.service if target.subsets is not None else target.on(side)
    ports = ports_of(objects, target, service) or 1
    if ports > 1 and not inner(rule.first(side).body, "destination", "port"):
        raise PreflightFailed(
            f"{rule.called(target)}: service {service} has {ports} ports, so its "
            f"destination needs a port, such as port: {{number: {target.port or 80}}}"
        )


def _mesh_hosts(manifest: Manifest, target: Target) -> set[str]:
    """Its hosts inside the mesh; those of a gateway are merged by istiod, and harmless."""
    spec = mapping(manifest.get("spec"))
    if "mesh" not in sequence(spec.get("gateways") or ["mesh"]):
        return set()
    namespace = namespace_of(manifest, target)
    return {qualified(str(host), namespace) for host in sequence(spec.get("hosts"))}
