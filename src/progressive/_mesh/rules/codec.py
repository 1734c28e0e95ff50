"""The codec of every mesh whose objects hold rules: reads, and plans one patch for each object.

Floor 3, pure; a `MeshCodec` that `_adapters/mesh/router.py` carries out. A mesh subclasses it with
its layouts, and with what it alone must ask before a write (`preflight`) or can make (`make`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from progressive._mesh.codec import (
    Manifest,
    ObjectKind,
    ObjectPatch,
    Operation,
    ResourceRef,
    ref_of,
)
from progressive._mesh.ownership import (
    foreign,
    gitops_warnings,
    last_writer,
    refuse_foreign,
    written_by_us,
)
from progressive._mesh.preflight import require_ready
from progressive._mesh.rules import cookies, managed, original, weights
from progressive._mesh.rules.cookies import Jar
from progressive._mesh.rules.find import Finder
from progressive._mesh.rules.layout import MATCH, Layout, Rule, manifests_of
from progressive._mesh.rules.matching import require_sound
from progressive._mesh.rules.patch import patch_of
from progressive._mesh.rules.refusals import refuse_features, refuse_weight
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Capabilities, Observed, Split, Target
from progressive.errors import (
    Drift,
    RouterError,
    Unsupported,
)


class RuleCodec:
    """
    Plans for one mesh; what a mesh must give are `name`, `capabilities` and `layouts`.

    Attributes:
        name: The registered name.
        capabilities: What the mesh can express; a single layout may claim less.
        layouts: Its kinds of routing object, in order of preference.
        around: Further kinds that `preflight` looks at.
    """

    name: str
    capabilities: Capabilities
    layouts: tuple[Layout, ...]
    around: tuple[ObjectKind, ...] = ()

    @property
    def kinds(self) -> tuple[ObjectKind, ...]:
        """The kinds of routing object, in order of preference."""
        return tuple(one.kind for one in self.layouts)

    def surroundings(self, target: Target) -> tuple[ObjectKind, ...]:
        """Further kinds that `preflight` looks at, for this release."""
        return self.around

    @property
    def finder(self) -> Finder:
        """What searches for the rules."""
        return Finder(layouts=self.layouts)

    # what a mesh may add

    def scope(self, objects: Sequence[Manifest], target: Target) -> Sequence[Manifest]:
        """
        The routing objects that can steer this release at all.

        Raises:
            RouterError: There can be none, and the mesh knows why.
        """
        return self.finder.routing(objects)

    def home_scope(self, objects: Sequence[Manifest], target: Target) -> Sequence[Manifest]:
        """The routing objects that a reset brings home; more than `scope` where kinds compete."""
        return self.scope(objects, target)

    def preflight(
        self, objects: Sequence[Manifest], target: Target, split: Split, rules: Sequence[Rule]
    ) -> None:
        """
        Do nothing when a write that gives the canary weight may be done.

        Raises:
            PreflightFailed: What stands around the rules forbids it.
        """
        require_ready(objects, target, split)

    def has_services(self, target: Target) -> bool:
        """Whether each side is a Service with endpoints of its own, so that they can be asked."""
        return True

    def notes(self, manifests: Sequence[Manifest], target: Target) -> Sequence[str]:
        """Further warnings, as ``Type: text`` lines."""
        return ()

    def refuse_others(self, manifest: Manifest, target: Target) -> None:
        """
        Do nothing when nobody else moves the traffic of an object.

        Raises:
            ForeignController, NotOwned: Somebody does.
        """
        refuse_foreign(manifest, target)

    def managed_for(
        self, objects: Sequence[Manifest], rules: Sequence[Rule], target: Target
    ) -> Sequence[Rule]:
        """The managed rules that belong to steered ones; by default those in the same objects."""
        return [one for it in manifests_of(rules) for one in self.finder.managed(it, target)]

    def beside(
        self,
        objects: Sequence[Manifest],
        target: Target,
        split: Split | None,
        rules: Sequence[Rule],
    ) -> Sequence[ObjectPatch]:
        """
        Patches of further objects, where a mesh keeps managed rules or mirrors apart.

        Args:
            split: The order; None: the way home, all of ours goes.
            rules: The steered ones; none on the way home.

        Raises:
            RouterError: What cannot be said, or an object in the way that is not ours.
        """
        return ()

    def make(self, target: Target, service: ServiceSpec) -> dict[str, Any]:
        """
        The routing object to create where there is none, all traffic on the primary.

        Raises:
            Unsupported: The mesh's objects are made by people alone.
        """
        raise Unsupported(
            f"{target}: the router {self.name} makes no route; make one with "
            f"{target.primary} and {target.canary}"
        )

    def rival(
        self, objects: Sequence[Manifest], manifest: Manifest, target: Target
    ) -> ResourceRef | None:
        """Another object that claims the same traffic, so that the outcome is not defined."""
        return None

    # reading

    def steered(self, objects: Sequence[Manifest], target: Target) -> tuple[ResourceRef, ...]:
        """The objects that a write would touch; empty: none is there."""
        try:
            found = self._find(objects, target)
        except RouterError:
            return ()
        return tuple(dict.fromkeys(ref_of(rule.manifest, target) for rule in found))

    def read(
        self,
        objects: Sequence[Manifest],
        target: Target,
        *,
        total: int = 100,
    ) -> Observed:
        """
        The split of the base rules; `matched` and `inside` tell of managed ones.

        Args:
            total: Parts in which the split is told where that can be done exactly.

        Raises:
            RouteNotFound, DestinationNotFound, AmbiguousRoute: As for a write; only a rule that
                is named may hold one side alone.
            InvalidRequest: The weights mean nothing.
            Drift: Several rules are steered, and they differ.
        """
        rules = self._find(objects, target)
        standing = self.managed_for(objects, rules, target)
        canary, whole = weights.in_parts(*self._share(rules, target), total)
        mirrors = [rule.layout.mirror(rule, target) for rule in rules]
        return Observed(
            canary=canary,
            total=whole,
            mirror=next((one for one in mirrors if one is not None), None),
            matched=bool(standing),
            inside=self._inside(standing, target, total),
            writer=last_writer(rules[0].manifest, *(str(one) for one in rules[0].section)),
            warnings=self._warnings(rules, target),
        )

    def _inside(
        self, standing: Sequence[Rule], target: Target, total: int
    ) -> tuple[int, int] | None:
        matching = [one for one in standing if one.purpose == MATCH]
        if not matching:
            return None
        return weights.in_parts(*self._share(matching, target), total)

    def _share(self, rules: Sequence[Rule], target: Target) -> tuple[Any, Any]:
        shares = []
        for rule in rules:
            if not rule.held:
                self.finder.require_both(rule, target)
            shares.append(weights.share(rule, target))
        first = shares[0]
        if any(one[0] * first[1] != first[0] * one[1] for one in shares[1:]):
            states = "; ".join(
                f"{rule.called(target)}: canary {float(one[0]):g} of {float(one[1]):g}"
                for rule, one in zip(rules, shares, strict=True)
            )
            raise Drift(f"{target}: the rules of this release differ: {states}")
        return first

    def _find(self, objects: Sequence[Manifest], target: Target) -> tuple[Rule, ...]:
        return self.finder.find(self.scope(objects, target), target)

    def _warnings(self, rules: Sequence[Rule], target: Target) -> tuple[str, ...]:
        manifests = manifests_of(rules)
        paths = {id(rule.manifest): rule.layout.weights_path for rule in rules}
        found: list[str] = []
        for one in manifests:
            found.extend(gitops_warnings(one, target, weights=paths[id(one)]))
            if other := foreign(one, target):
                found.append(f"ForeignController: {ref_of(one, target)}: {other}")
        return (*found, *self.notes(manifests, target))

    # writing

    def write(
        self, objects: Sequence[Manifest], target: Target, split: Split
    ) -> tuple[ObjectPatch, ...]:
        """
        One patch for each object that is not yet as wanted.

        Raises:
            Unsupported: The mesh, or this rule, cannot express the order.
            InvalidWeight: Outside the bounds, or no room beside third destinations.
            ForeignController, NotOwned: Another controller moves this traffic.
            PreflightFailed: A side has no ready endpoint, or something else forbids the write.
        """
        rules = self._find(objects, target)
        require_sound(split.match, target)
        for rule in rules:
            self.finder.require_both(rule, target)
            refuse_features(rule.layout.features, self.name, rule, target, split)
            rule.layout.check(rule, target, split)
        refuse_weight(self.capabilities, target, split)
        for manifest in manifests_of(rules):
            self.refuse_others(manifest, target)
        patches: list[ObjectPatch] = []
        for manifest in manifests_of(rules):
            own = [rule for rule in rules if rule.manifest is manifest]
            patches.extend(self.plan(manifest, own, target, split))
        patches.extend(self.beside(objects, target, split, rules))
        if patches and split.canary > 0:
            self.preflight(objects, target, split, rules)
        return tuple(patches)

    def plan(
        self, manifest: Manifest, rules: Sequence[Rule], target: Target, split: Split
    ) -> Sequence[ObjectPatch]:
        """
        The patch that carries out an order on the steered rules of one object; none as wanted.

        Raises:
            RouterError: What does not fit, or cannot be said.
        """
        standing = self.finder.managed(manifest, target)
        tests: list[Operation] = []
        changes: list[Operation] = []
        wanted: list[managed.Wanted] = []
        for rule in rules:
            if not split.match:
                # planned even where nothing differs, because what does not fit is refused
                new = weights.wanted_weights(rule, target, split)
                fits = weights.as_wanted(rule, target, split)
                beside, edits = rule.layout.weight_operations(rule, {} if fits else new)
                tests += beside
                changes += edits
            idle = split.mirror is None and rule.layout.mirrored(rule, target)
            if idle or rule.layout.mirror(rule, target) != split.mirror:
                changes += rule.layout.mirror_operations(rule, target, split.mirror)
            jar = None
            if split.sticky is not None:
                jar = Jar.of(rule, target, split, split.sticky, standing)
            # with a match it is the matched users who are kept, by the rule for them
            sets = jar.wanted if jar and split.canary > 0 and not split.match else {}
            changes += cookies.operations(rule, sets, standing)
            if rule.layout.apart:
                continue
            wanted += managed.wanted_rules(rule, target, split, jar, beside=tuple(wanted))
        rules[0].layout.room(rules[0], [one.body for one in wanted], target)
        wanted = managed.in_order(rules[0], wanted, target)
        changes += managed.operations(manifest, rules[0], wanted, target)
        return patch_of(manifest, target, tests, changes)

    # objects of people, adopted and given back

    def remembering(self, objects: Sequence[Manifest], target: Target) -> tuple[ObjectPatch, ...]:
        """One patch for each steered object whose first weights are not written down yet."""
        return tuple(self._noted(objects, target, original.remembering))

    def giving_back(self, objects: Sequence[Manifest], target: Target) -> tuple[ObjectPatch, ...]:
        """One patch for each steered object whose first weights are remembered: they are back."""
        return tuple(self._noted(objects, target, original.giving_back))

    def _noted(
        self, objects: Sequence[Manifest], target: Target, note: Callable[..., Any]
    ) -> Iterator[ObjectPatch]:
        rules = self._find(objects, target)
        for manifest in manifests_of(rules):
            yield from note(manifest, [one for one in rules if one.manifest is manifest], target)

    # the way home

    def reset(
        self, objects: Sequence[Manifest], target: Target, *, total: int = 100
    ) -> tuple[ObjectPatch, ...]:
        """
        One patch for each object where something of the canary is left.

        Raises:
            DestinationNotFound: The route holds the canary alone, and nothing else is left to do.
            ForeignController: Another controller moves this traffic, and nothing of ours is there.
        """
        patches: list[ObjectPatch] = []
        found = self._reset_scope(objects, target)
        for manifest in found:
            planned = self._homeward(manifest, target, total)
            if planned and not written_by_us(manifest):
                self.refuse_others(manifest, target)
            patches.extend(planned)
        patches.extend(self.beside(objects, target, None, ()))
        if not patches:
            self.finder.require_home(found, target)
        return tuple(patches)

    def _homeward(self, manifest: Manifest, target: Target, total: int) -> Sequence[ObjectPatch]:
        standing = self.finder.managed(manifest, target)
        tests: list[Operation] = []
        changes: list[Operation] = []
        for rule in self.finder.homeward(manifest, target):
            most = self.capabilities.max_total
            new = weights.home_weights(rule, target, total, most=most) if rule.both else {}
            beside, edits = rule.layout.weight_operations(rule, new)
            tests += beside
            changes += edits
            changes += cookies.operations(rule, {}, standing)
            if rule.layout.mirrored(rule, target):
                changes += rule.layout.mirror_operations(rule, target, None)
        spare = managed.spare(manifest, standing)
        changes += managed.removals(spare)
        if len(spare) == len(standing):
            changes += managed.listing(manifest, ())
        return patch_of(manifest, target, tests, changes)

    def _reset_scope(self, objects: Sequence[Manifest], target: Target) -> list[Manifest]:
        try:
            found = list(self.home_scope(objects, target))
        except RouterError:
            return []
        if not target.routes:
            return found
        named = [self.finder.named_object(found, entry, target) for entry in target.routes]
        return list({id(one): one for one in named if one is not None}.values())
