"""What would make Linkerd ignore a write, or answer with errors: asked before weight grows.

Floor 3, pure. None of it shows in the status of a route, and none of it stops a reset. Asked by
`codec.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from progressive._mesh.access import inner, mapping, sequence, text
from progressive._mesh.codec import Manifest, ObjectKind, namespace_of, ref_of
from progressive._mesh.gateway_api.claims import has_all_of
from progressive._mesh.linkerd.layouts import MeshRouteLayout
from progressive._mesh.linkerd.parents import Parent, service_parents, steered_parents
from progressive._mesh.preflight import require_cluster_ip
from progressive._mesh.rules.find import Finder
from progressive._mesh.rules.layout import Rule
from progressive._model.traffic import Side, Target
from progressive.errors import PreflightFailed

SERVICE_PROFILE = ObjectKind(
    group="linkerd.io", kind="ServiceProfile", plural="serviceprofiles", versions=("v1alpha2",)
)
"""Named after its Service, ``NAME.NAMESPACE.svc.DOMAIN``; in the namespace of the Service it is
for all clients, in another one for the clients there."""


def require_followed(
    objects: Sequence[Manifest], target: Target, rule: Rule, finder: Finder
) -> None:
    """
    Do nothing when the mesh will follow the weights of a rule of a route.

    Raises:
        PreflightFailed: Something overrides the route, or the controller cannot convert it.
    """
    for parent in steered_parents(rule.manifest, target):
        ref = ref_of(rule.manifest, target)
        require_cluster_ip(objects, target, parent.name, parent.namespace, ref)
        _refuse_profile(objects, target, parent)
        _refuse_stronger(objects, target, rule, parent, finder)
    _refuse_older(objects, target, rule, finder)
    _refuse_filters(rule, target)
    for side in Side:
        _require_port(rule, side, target)


def profiles_of(objects: Iterable[Manifest], parent: Parent) -> Iterator[Manifest]:
    """The ServiceProfiles of a Service, in whatever namespace and with whatever domain."""
    start = f"{parent.name}.{parent.namespace}.svc"
    for one in objects:
        name = text(inner(one, "metadata", "name"))
        if SERVICE_PROFILE.holds(one) and (name == start or name.startswith(f"{start}.")):
            yield one


def is_left_over(profile: Manifest) -> bool:
    """Whether a ServiceProfile says nothing: linkerd-smi leaves such a one after its split."""
    spec = mapping(profile.get("spec"))
    return not sequence(spec.get("routes")) and not sequence(spec.get("dstOverrides"))


def _refuse_profile(objects: Sequence[Manifest], target: Target, parent: Parent) -> None:
    for profile in profiles_of(objects, parent):
        ref = ref_of(profile, target)
        whose = (
            ""
            if ref.namespace == parent.namespace
            else f" of the clients in namespace {ref.namespace}"
        )
        hint = (
            "it is empty, as linkerd-smi leaves one behind, and can be deleted"
            if is_left_over(profile)
            else "move what it says into the route and delete it"
        )
        raise PreflightFailed(
            f"{ref} overrides every route{whose} for {parent}, so the weights would not be "
            f"followed; {hint}. Long-lived clients may keep the old routing until they restart"
        )


def _refuse_stronger(
    objects: Sequence[Manifest], target: Target, rule: Rule, parent: Parent, finder: Finder
) -> None:
    own = rule.layout
    if not isinstance(own, MeshRouteLayout):
        return
    namespace = namespace_of(rule.manifest, target)
    for other in finder.routing(objects):
        layout = finder.layout_of(other)
        if not isinstance(layout, MeshRouteLayout) or layout.rank <= own.rank:
            continue
        # routes of another namespace are for the clients there
        same = namespace_of(other, target) == namespace
        if same and any(one.overlaps(parent) for one in service_parents(other, target)):
            raise PreflightFailed(
                f"{ref_of(other, target)} has the same parent and port, and a "
                f"{layout.kind.kind} comes before every {own.kind.kind}, so "
                f"{ref_of(rule.manifest, target)} would not be followed; move its rules there, or "
                "give the two different ports"
            )


def _refuse_older(objects: Sequence[Manifest], target: Target, rule: Rule, finder: Finder) -> None:
    ref, namespace = ref_of(rule.manifest, target), namespace_of(rule.manifest, target)
    for other in finder.routing(objects):
        layout = finder.layout_of(other)
        if not isinstance(layout, MeshRouteLayout) or layout.protocol != rule.protocol:
            continue
        same = namespace_of(other, target) == namespace and ref_of(other, target) != ref
        if same and has_all_of(other, [rule], rule.manifest, target):
            raise PreflightFailed(
                f"{ref_of(other, target)} is older than {ref} and asks for the same requests, so "
                "that no weight here moves any: delete or change one of them"
            )


def _refuse_filters(rule: Rule, target: Target) -> None:
    """One filter that cannot be converted keeps the whole route as it was before."""
    layout = rule.layout
    if not isinstance(layout, MeshRouteLayout):
        return
    for index, body in enumerate(sequence(inner(rule.manifest, "spec", "rules"))):
        for name in _strange(body, layout):
            other = list(layout.rules(rule.manifest, target))[index]
            raise PreflightFailed(
                f"{other.called(target)}: Linkerd cannot convert a filter {name}, and then keeps "
                "the routing that the route had before, for ever; take the filter out"
            )
    for side in Side:
        for name in _strange(rule.first(side).body, layout):
            raise PreflightFailed(
                f"{rule.called(target)}: Linkerd answers 500 for a backend with a filter {name}; "
                f"take it out of {target.on(side)}"
            )


def _strange(body: Any, layout: MeshRouteLayout) -> Iterator[str]:
    for one in sequence(inner(body, "filters")):
        kind = inner(one, "type")
        if not isinstance(kind, str) or kind not in layout.filters:
            yield text(kind)[:60] or "without a type"


def _require_port(rule: Rule, side: Side, target: Target) -> None:
    if rule.first(side).body.get("port") is None:
        raise PreflightFailed(
            f"{rule.called(target)}: backend {target.on(side)} has no port, and Linkerd answers "
            f"500 for such a one; add port: {target.port or 80}"
        )
