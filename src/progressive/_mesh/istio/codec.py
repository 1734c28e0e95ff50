"""The Istio codec: reads and plans the weights of VirtualServices.

Floor 3, pure; one of the codecs that `_adapters/mesh/router.py` carries out.
Host style (a service for each side) is read and written; subsets are read, and brought home.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from attrs import evolve

from progressive._mesh.codec import (
    Manifest,
    ObjectKind,
    ObjectPatch,
    Operation,
    ResourceRef,
    namespace_of,
    ref_of,
    version_test,
)
from progressive._mesh.istio import edits, handing
from progressive._mesh.istio.hosts import qualified
from progressive._mesh.istio.make import virtual_service
from progressive._mesh.istio.rules import (
    KIND,
    Rule,
    candidates,
    find,
    named_object,
    require_both,
    rules_of,
    virtual_services,
)
from progressive._mesh.ownership import (
    foreign,
    gitops_warnings,
    last_writer,
    refuse_foreign,
    written_by_us,
)
from progressive._mesh.preflight import ports_of, require_ready
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Capabilities, Observed, RouteRef, Side, Split, Target
from progressive.errors import (
    DestinationNotFound,
    Drift,
    InvalidWeight,
    PreflightFailed,
    RouterError,
    Unsupported,
)

SETTLE = timedelta(seconds=10)
"""How long proxies may still follow the old split: release.md L24 (istiod gathers changes for at
most 10 s before it pushes, `PILOT_DEBOUNCE_MAX`)."""

MAX_TOTAL = 2**31 - 1
"""Weights are int32 in the CRD, and Envoy's sum of weights must fit in 32 bits."""

_CAPABILITIES = Capabilities(weights=True, max_total=MAX_TOTAL, dialect="istio", settle=SETTLE)


class IstioCodec:
    """Plans for Istio; a `MeshCodec`."""

    name = "istio"
    capabilities = _CAPABILITIES
    kinds: tuple[ObjectKind, ...] = (KIND,)

    def steered(self, objects: Sequence[Manifest], target: Target) -> tuple[ResourceRef, ...]:
        """The VirtualServices that a write would touch; empty: none is there."""
        try:
            found = find(objects, target)
        except RouterError:
            return ()
        return tuple(dict.fromkeys(ref_of(rule.manifest, target) for rule in found))

    def read(self, objects: Sequence[Manifest], target: Target, *, total: int = 100) -> Observed:
        """
        The base split; `matched` tells whether a managed rule stands.

        Raises:
            RouteNotFound, DestinationNotFound, AmbiguousRoute: As for a write; only a rule that
                is named may hold one side alone.
            InvalidRequest: The weights mean nothing.
            Drift: Several rules are steered, and they differ.
        """
        rules = find(objects, target)
        shares = []
        for rule in rules:
            if not (rule.canaries or rule.primaries):
                require_both(rule, target)
            shares.append(edits.share(rule, target))
        first = shares[0]
        if any(one[0] * first[1] != first[0] * one[1] for one in shares[1:]):
            states = "; ".join(
                f"{rule.called(target)}: canary {one[0]} of {one[1]}"
                for rule, one in zip(rules, shares, strict=True)
            )
            raise Drift(f"{target}: the rules of this release differ: {states}")
        canary, whole = _in_parts(*first, total)
        mirrors = [edits.mirror_of(rule, target) for rule in rules]
        manifests = _manifests(rules)
        return Observed(
            canary=canary,
            total=whole,
            mirror=next((one for one in mirrors if one is not None), None),
            matched=any(_managed(one, target) for one in manifests),
            writer=last_writer(rules[0].manifest, "spec", rules[0].protocol),
            warnings=_warnings(manifests, target),
        )

    def write(
        self, objects: Sequence[Manifest], target: Target, split: Split
    ) -> tuple[ObjectPatch, ...]:
        """
        One patch for each VirtualService that is not yet as wanted.

        Raises:
            Unsupported: Match, mirror, stickiness, subsets or TCP, which are not written yet.
            InvalidWeight: Outside the bounds, or no room beside third destinations.
            ForeignController: Another controller moves this traffic.
            PreflightFailed: A side has no ready endpoint, or a port or a host is not clear.
        """
        _refuse_unsupported(target, split)
        _refuse_weight(target, split)
        rules = find(objects, target)
        for rule in rules:
            require_both(rule, target)
            if rule.protocol != "http":
                raise Unsupported(f"{rule.called(target)}: {rule.protocol} is not steered yet")
        for manifest in _manifests(rules):
            refuse_foreign(manifest, target)
        patches: list[ObjectPatch] = []
        for manifest in _manifests(rules):
            own = []
            for rule in rules:
                if rule.manifest is manifest:
                    # planned even where nothing differs, because what does not fit is refused
                    wanted = edits.wanted_weights(rule, target, split)
                    own.append((rule, {} if edits.as_wanted(rule, target, split) else wanted))
            patches.extend(_patch(manifest, target, own))
        if patches and split.canary > 0:
            _preflight(objects, target, split, rules)
        return tuple(patches)

    def reset(
        self, objects: Sequence[Manifest], target: Target, *, total: int = 100
    ) -> tuple[ObjectPatch, ...]:
        """
        One patch for each VirtualService where something of the canary is left.

        Raises:
            DestinationNotFound: A rule of the release holds the canary alone.
            ForeignController: Another controller moves this traffic, and nothing of ours is there.
        """
        patches: list[ObjectPatch] = []
        for manifest in _scope(objects, target):
            own = [
                (rule, edits.home_weights(rule, target, total) if rule.both else {})
                for rule in _homeward(manifest, target)
            ]
            planned = _patch(manifest, target, own)
            if planned and not written_by_us(manifest):
                refuse_foreign(manifest, target)
            patches.extend(planned)
        return tuple(patches)

    def rival(
        self, objects: Sequence[Manifest], manifest: Manifest, target: Target
    ) -> ResourceRef | None:
        """Another VirtualService with a mesh host of this one; istiod follows one of the two."""
        return _same_host(objects, manifest, target)

    def names_sides(self, manifest: Manifest, target: Target) -> bool:
        """Whether an object sends, or could send, traffic to one of the sides."""
        return handing.names_sides(manifest, target)

    def is_spare(self, manifest: Manifest, target: Target) -> bool:
        """Whether the mesh serves the apex just so without the object."""
        return handing.is_spare(manifest, target)

    def sent_to_apex(self, manifest: Manifest, target: Target, *, port: int) -> ObjectPatch:
        """The patch after which the object names the apex alone."""
        return handing.sent_to_apex(manifest, target, port=port)

    def split_again(self, manifest: Manifest, target: Target, *, port: int) -> ObjectPatch | None:
        """The inverse of `sent_to_apex`; None: nothing names the apex."""
        return handing.split_again(manifest, target, port=port)

    def make(self, target: Target, service: ServiceSpec) -> dict[str, Any]:
        """The VirtualService that a managed release starts with."""
        return virtual_service(target, service)


def _in_parts(canary: int, whole: int, total: int) -> tuple[int, int]:
    exact = canary * total % whole == 0
    return (canary * total // whole, total) if exact else (canary, whole)


def _manifests(rules: Sequence[Rule]) -> list[Manifest]:
    return list({id(rule.manifest): rule.manifest for rule in rules}.values())


def _managed(manifest: Manifest, target: Target) -> list[Rule]:
    return [rule for rule in rules_of(manifest, target) if rule.managed]


def _warnings(manifests: Sequence[Manifest], target: Target) -> tuple[str, ...]:
    found: list[str] = []
    for one in manifests:
        found.extend(gitops_warnings(one, target, weights=".spec.http[].route[].weight"))
        if other := foreign(one, target):
            found.append(f"ForeignController: {ref_of(one, target)}: {other}")
    return tuple(found)


def _refuse_unsupported(target: Target, split: Split) -> None:
    asked = {
        "match": bool(split.match),
        "mirror": split.mirror is not None,
        "stickiness": split.sticky is not None,
        "subsets": target.subsets is not None,
    }
    for what, is_asked in asked.items():
        if is_asked:
            raise Unsupported(f"{target}: {what} is not written by the router istio yet")


def _refuse_weight(target: Target, split: Split) -> None:
    if split.total > MAX_TOTAL:
        raise InvalidWeight(f"{target}: a total of {split.total} is above {MAX_TOTAL}")
    bounds = target.bounds
    if bounds is not None and not bounds.min <= split.canary <= bounds.max:
        raise InvalidWeight(
            f"{target}: weight {split.canary} is outside the bounds of the release, "
            f"{bounds.min} to {bounds.max}"
        )


def _patch(
    manifest: Manifest, target: Target, rules: Sequence[tuple[Rule, edits.Weights]]
) -> Sequence[ObjectPatch]:
    managed = _managed(manifest, target)
    tests: list[Operation] = []
    changes: list[Operation] = []
    for rule, weights in rules:
        beside, edited = edits.weight_operations(rule, weights)
        tests.extend(beside)
        changes.extend(edited)
        changes.extend(edits.cookie_removal(rule, managed))
        changes.extend(edits.mirror_removal(rule, target))
    changes.extend(edits.managed_removal(managed))
    if not changes:
        return ()
    patch = (*version_test(manifest), *tests, *changes)
    return (ObjectPatch(ref=ref_of(manifest, target), patch=patch),)


def _preflight(
    objects: Sequence[Manifest], target: Target, split: Split, rules: Sequence[Rule]
) -> None:
    require_ready(objects, target, split)
    for rule in rules:
        for side, places in ((Side.PRIMARY, rule.primaries), (Side.CANARY, rule.canaries)):
            destination = rule.destinations[places[0]].get("destination") or {}
            ports = ports_of(objects, target, target.on(side)) or 1
            if ports > 1 and not destination.get("port"):
                raise PreflightFailed(
                    f"{rule.called(target)}: service {target.on(side)} has {ports} ports, so its "
                    f"destination needs a port, such as port: {{number: {target.port or 80}}}"
                )
        if rival := _same_host(objects, rule.manifest, target):
            raise PreflightFailed(
                f"{rival} has a host of {ref_of(rule.manifest, target)} as well; which of the "
                "two the mesh follows is not defined: delete or merge one of them"
            )


def _same_host(
    objects: Sequence[Manifest], manifest: Manifest, target: Target
) -> ResourceRef | None:
    hosts = _mesh_hosts(manifest, target)
    for other in virtual_services(objects):
        if ref_of(other, target) != ref_of(manifest, target) and hosts & _mesh_hosts(
            other, target
        ):
            here = namespace_of(other, target) == namespace_of(manifest, target)
            if here or (other.get("spec") or {}).get("exportTo") != ["."]:
                return ref_of(other, target)
    return None


def _mesh_hosts(manifest: Manifest, target: Target) -> set[str]:
    """Its hosts inside the mesh; those of a gateway are merged by istiod, and harmless."""
    spec = manifest.get("spec") or {}
    if "mesh" not in (spec.get("gateways") or ["mesh"]):
        return set()
    namespace = namespace_of(manifest, target)
    return {qualified(str(host), namespace) for host in spec.get("hosts") or ()}


def _scope(objects: Sequence[Manifest], target: Target) -> list[Manifest]:
    found = virtual_services(objects)
    if not target.routes:
        return found
    named = [named_object(found, entry, target) for entry in target.routes]
    return list({id(one): one for one in named if one is not None}.values())


def _homeward(manifest: Manifest, target: Target) -> list[Rule]:
    """The rules of an object that a reset brings home; never an error for what is gone."""
    entries = [
        entry for entry in target.routes if named_object([manifest], entry, target) is not None
    ]
    if any(entry.rule is not None for entry in entries):
        own: dict[tuple[str, int], Rule] = {}
        for entry in entries:
            for rule in _entry_rules(manifest, entry, target):
                own[(rule.protocol, rule.index)] = rule
        lone = [rule for rule in own.values() if rule.canaries and not rule.primaries]
        if lone:
            raise DestinationNotFound(
                f"{lone[0].called(target)} holds the canary alone; put {target.primary} into it "
                "to bring the traffic home"
            )
        return list(own.values())
    both = candidates([manifest], target)
    if both:
        return both
    return [rule for rule in rules_of(manifest, target) if rule.primaries and not rule.managed]


def _entry_rules(manifest: Manifest, entry: RouteRef, target: Target) -> list[Rule]:
    try:
        return list(find([manifest], evolve(target, routes=(entry,))))
    except RouterError:
        # renamed or doubled meanwhile: then every rule that holds both sides goes home
        return candidates([manifest], target)
