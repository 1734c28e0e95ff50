"""Finds the rules that share the traffic of a release, and says why where there are none.

Floor 3, pure. Managed rules are never candidates; a rule of a person that holds the canary alone
is none either. Asked by `codec.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from attrs import evolve, field, frozen

from progressive._mesh.access import Path, inner, text
from progressive._mesh.codec import Manifest, ResourceRef, namespace_of, ref_of
from progressive._mesh.rules.layout import Layout, Rule
from progressive._model.traffic import RouteRef, Side, Target
from progressive.errors import (
    AmbiguousRoute,
    DestinationNotFound,
    InvalidRequest,
    RouteNotFound,
    RouterError,
)

MANAGED_RULES = "progressive.dev/managed-rules"
"""Annotation: the indexes of managed rules, for schemas whose rules have no names."""


Asked = Sequence[frozenset[str]]
"""What a rule asks of a request: alternatives, each a set of conditions as text."""


def _no_hint(manifest: Manifest, target: Target) -> str:
    return ""


def _its_name(side: Side, target: Target) -> str:
    return target.on(side)


@frozen(kw_only=True)
class Finder:
    """
    Searches objects of several layouts.

    Attributes:
        layouts: Kind by kind, in order of preference.
        side_name: How a side is called in messages.
        hint: What else to say of an object without a rule, such as where it delegates.
    """

    layouts: tuple[Layout, ...]
    side_name: Callable[[Side, Target], str] = field(default=_its_name)
    hint: Callable[[Manifest, Target], str] = field(default=_no_hint)

    def layout_of(self, manifest: Manifest) -> Layout | None:
        """What its kind is like; None: it is no routing object of this mesh."""
        return next((one for one in self.layouts if one.kind.holds(manifest)), None)

    def routing(self, objects: Sequence[Manifest]) -> list[Manifest]:
        """The routing objects among others, in whatever version."""
        return [one for one in objects if self.layout_of(one) is not None]

    def rules_of(self, manifest: Manifest, target: Target) -> Iterable[Rule]:
        """All rules of an object, managed ones too."""
        layout = self.layout_of(manifest)
        return () if layout is None else layout.rules(manifest, target)

    def managed(self, manifest: Manifest, target: Target) -> list[Rule]:
        """The rules of an object that this project made for the release."""
        return [rule for rule in self.rules_of(manifest, target) if rule.managed]

    def candidates(
        self, found: Sequence[Manifest], target: Target, entry: RouteRef | None = None
    ) -> list[Rule]:
        """All rules that hold both sides and are not managed."""
        rules = (rule for manifest in found for rule in self.rules_of(manifest, target))
        return _spoken([rule for rule in rules if rule.both and not rule.managed], entry)

    def find(self, objects: Sequence[Manifest], target: Target) -> tuple[Rule, ...]:
        """
        The rules that the release steers, each once, in the order of its `routes` entries.

        Without entries it is the one rule of all objects that holds both sides.

        Raises:
            RouteNotFound: There is none, or an entry names an object or rule that does not exist.
            DestinationNotFound: There is one, but it lacks a side.
            AmbiguousRoute: Several could be meant.
            InvalidRequest: A named rule sends its requests nowhere.
        """
        found = self.routing(objects)
        if not target.routes:
            return (self._only(found, target, None),)
        rules: dict[tuple[int, tuple[str | int, ...]], Rule] = {}
        for entry in target.routes:
            manifest = self.named_object(found, entry, target)
            if manifest is None:
                where = f"{entry.namespace or target.namespace}/{entry.name}"
                kind = entry.kind or " or ".join(
                    dict.fromkeys(one.kind.kind for one in self.layouts)
                )
                raise RouteNotFound(f"{kind} {where} does not exist")
            rule = (
                self._only([manifest], target, entry)
                if entry.rule is None
                else self._named_rule(manifest, entry, target)
            )
            rules[(id(manifest), rule.path)] = rule
        return tuple(rules.values())

    def named_object(
        self, found: Sequence[Manifest], entry: RouteRef, target: Target
    ) -> Manifest | None:
        """The object that a `routes` entry names; by group and kind, in any version."""
        wanted = (entry.namespace or target.namespace, entry.name)
        for layout in self.layouts:
            kind = layout.kind
            if entry.kind not in (None, kind.kind):
                continue
            if entry.api_version and entry.api_version.rpartition("/")[0] != kind.group:
                continue
            for one in found:
                name = inner(one, "metadata", "name")
                if kind.holds(one) and (namespace_of(one, target), name) == wanted:
                    return one
        return None

    def require_both(self, rule: Rule, target: Target) -> None:
        """
        Do nothing when the rule holds both sides, each once.

        Raises:
            InvalidRequest: It has no destinations at all.
            DestinationNotFound: It lacks a side.
            AmbiguousRoute: A side is there twice.
        """
        if not rule.destinations:
            raise InvalidRequest(
                f"{rule.called(target)} has no weighted destinations; name a rule that has "
                f"{target.primary} and {target.canary}"
            )
        for side in Side:
            places = rule.places(side)
            name = f"{self.side_name(side, target)} ({side})"
            if not places:
                raise DestinationNotFound(
                    f"{rule.called(target)} has no destination {name}; "
                    "add it to the rule, with weight 0"
                )
            if len(places) > 1:
                raise AmbiguousRoute(f"{rule.called(target)} holds {name} {len(places)} times")

    def homeward(self, manifest: Manifest, target: Target) -> list[Rule]:
        """The rules of an object that a reset brings home; never an error for what is gone."""
        if named := self._named_rules(manifest, target):
            return named
        both = self.candidates([manifest], target)
        if both:
            return both
        return [
            rule
            for rule in self.rules_of(manifest, target)
            if rule.places(Side.PRIMARY) and not rule.managed
        ]

    def require_home(self, found: Sequence[Manifest], target: Target) -> None:
        """
        Do nothing when weights can bring all traffic of the release home.

        Raises:
            DestinationNotFound: A named rule holds the canary alone; or no rule holds the primary,
                and some object nothing but the canary. (Beside others it is a tester's rule.)
        """
        named = [rule for one in found for rule in self._named_rules(one, target)]
        lone = [rule for rule in named if _is_lone(rule)]
        if not named:
            own = [
                [rule for rule in self.rules_of(one, target) if rule.destinations] for one in found
            ]
            if not any(rule.places(Side.PRIMARY) for rules in own for rule in rules):
                lone = [rules[0] for rules in own if rules and all(map(_is_lone, rules))]
        if lone:
            raise DestinationNotFound(
                f"{lone[0].called(target)} holds the canary alone; put {target.primary} into "
                "it to bring the traffic home"
            )

    def _named_rules(self, manifest: Manifest, target: Target) -> list[Rule]:
        """The rules of an object that `routes` entries mean, where one of them names a rule."""
        entries = [
            entry
            for entry in target.routes
            if self.named_object([manifest], entry, target) is not None
        ]
        if all(entry.rule is None for entry in entries):
            return []
        rules = [rule for one in entries for rule in self._entry_rules(manifest, one, target)]
        return list({rule.path: rule for rule in rules}.values())

    def _entry_rules(self, manifest: Manifest, entry: RouteRef, target: Target) -> list[Rule]:
        try:
            return list(self.find([manifest], evolve(target, routes=(entry,))))
        except RouterError:
            # renamed or doubled meanwhile: then every rule that holds both sides goes home
            return self.candidates([manifest], target)

    # below: one of several, and words for none

    def _only(self, found: Sequence[Manifest], target: Target, entry: RouteRef | None) -> Rule:
        meant = self.candidates(found, target, entry)
        if len(meant) > 1:
            listed = "; ".join(rule.called(target) for rule in meant)
            raise AmbiguousRoute(
                f"{len(meant)} rules hold both {target.primary} and {target.canary}: {listed}; "
                "name the one that is meant in spec.traffic.routes"
            )
        if not meant:
            self._explain_none(found, target)
        return meant[0]

    def _explain_none(self, found: Sequence[Manifest], target: Target) -> NoReturn:
        some = [
            rule
            for manifest in found
            for rule in self.rules_of(manifest, target)
            if not rule.managed and rule.held
        ]
        # a rule with the primary alone is the likelier one to have lost something
        for rule in sorted(some, key=lambda one: not one.places(Side.PRIMARY)):
            self.require_both(rule, target)
        kinds = " or ".join(dict.fromkeys(one.kind.kind for one in self.layouts))
        sides = " and ".join(self.side_name(side, target) for side in Side)
        hints = [hint for one in found if (hint := self.hint(one, target))]
        hint = f"; {'; '.join(hints)}" if hints else ""
        names = ", ".join(str(ref_of(one, target)) for one in found)
        if len(found) == 1:
            raise RouteNotFound(f"{names} has no rule with {sides}{hint}")
        where = f"of namespace {target.namespace} "
        raise RouteNotFound(
            f"no {kinds} {where}has a rule with {sides}"
            + (f" (looked at {names})" if found else "")
            + hint
        )

    def _named_rule(self, manifest: Manifest, entry: RouteRef, target: Target) -> Rule:
        own = [rule for rule in self.rules_of(manifest, target) if not rule.managed]
        rules = _spoken(own, entry)
        ref = ref_of(manifest, target)
        if isinstance(entry.rule, int):
            rule = _by_index(own, entry.rule, ref, section=rules[0].section if rules else ())
            if not any(rule is one for one in rules):
                raise RouteNotFound(
                    f"{rule.called(target)} is a rule for {rule.protocol or 'nothing known'}, not "
                    f"for {entry.protocol}; leave the protocol out, or name another rule"
                )
            return rule
        meant = [rule for rule in rules if rule.name == entry.rule]
        if len(meant) > 1:
            raise AmbiguousRoute(
                f"{ref} has {len(meant)} rules named {entry.rule!r}; "
                "give them different names, or name one by its index"
            )
        if not meant:
            names = ", ".join(rule.name for rule in rules if rule.name)
            raise RouteNotFound(
                f"{ref} has no rule named {entry.rule!r}"
                + (f"; it has {names}" if names else "; its rules have no names")
            )
        return meant[0]


def _is_lone(rule: Rule) -> bool:
    return bool(rule.places(Side.CANARY)) and not rule.places(Side.PRIMARY)


def listed_rules(manifest: Manifest) -> frozenset[int]:
    """
    The indexes that the annotation lists; what is no number there is passed over.

    >>> sorted(listed_rules({"metadata": {"annotations": {MANAGED_RULES: "1,3"}}}))
    [1, 3]
    """
    noted = text(inner(manifest, "metadata", "annotations", MANAGED_RULES))
    return frozenset(int(one) for one in noted.strip("[]").split(",") if one.strip().isdecimal())


def conditions(listed: Iterable[Any]) -> frozenset[str]:
    """Conditions that must all hold, to be compared with others."""
    return frozenset(json.dumps(one, sort_keys=True, default=str) for one in listed)


def ours(manifest: Manifest, asked: Sequence[Asked]) -> frozenset[int]:
    """
    The listed rules of an object that can be ours.

    Somebody may have put a rule in front since, so that the indexes are off, and a rule of theirs
    must not be taken for ours, for ours are removed: one from which another was narrowed down, as
    ours are from theirs, is the base of it.

    Args:
        asked: What each rule of the list asks for.
    """
    listed = listed_rules(manifest)
    others = [one for place, one in enumerate(asked) if place not in listed]
    return frozenset(
        place
        for place in listed
        if place < len(asked) and not any(_narrower(one, asked[place]) for one in others)
    )


def _spoken(rules: Sequence[Rule], entry: RouteRef | None) -> list[Rule]:
    """Those of the protocol of an entry; gRPC is HTTP where nothing tells the two apart."""
    if entry is None or entry.protocol is None:
        return list(rules)
    exact = [rule for rule in rules if rule.protocol == entry.protocol]
    if exact or entry.protocol != "grpc":
        return exact
    return [rule for rule in rules if rule.protocol == "http"]


def _by_index(rules: Sequence[Rule], index: int, ref: ResourceRef, *, section: Path) -> Rule:
    # an index counts the rules of the user alone, so that ours in front does not shift it
    rules = [rule for rule in rules if rule.section == section]
    if 0 <= index < len(rules):
        return rules[index]
    name = f"{section[-1]} " if section else ""
    raise RouteNotFound(f"{ref} has no {name}rule {index} (it has {len(rules)}, counted from 0)")


def _narrower(one: Asked, base: Asked) -> bool:
    return bool(one) and all(any(kept < alternative for kept in base) for alternative in one)
