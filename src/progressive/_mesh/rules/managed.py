"""Managed rules: one for matched requests, and those that keep users with a side.

Floor 3, pure: rules and an order in, wanted bodies and patch operations out. Each steered rule
has its own; a second one of the same purpose in an object is numbered, since names must differ.
Asked by `codec.py`; `cookies.py` knows the values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import chain, count, takewhile
from typing import Any

from attrs import evolve, frozen

from progressive._mesh.access import at, pointer, sequence
from progressive._mesh.codec import Manifest, Operation
from progressive._mesh.rules import weights
from progressive._mesh.rules.cookies import Jar
from progressive._mesh.rules.find import MANAGED_RULES, listed_rules
from progressive._mesh.rules.layout import MATCH, PINNED, STICKY, Draft, Rule
from progressive._mesh.rules.matching import narrowed
from progressive._mesh.rules.patch import annotating, unannotating
from progressive._model.traffic import Match, Side, Split, Target
from progressive.errors import InvalidRequest, Unsupported


@frozen(kw_only=True)
class Wanted:
    """A managed rule that shall stand; `split` is what its destinations share, where they do."""

    name: str
    body: dict[str, Any]
    split: Split


def wanted_rules(
    base: Rule, target: Target, split: Split, jar: Jar | None, *, beside: Sequence[Wanted]
) -> Iterator[Wanted]:
    """
    The managed rules of one steered rule, in the order in which they must be tried.

    Args:
        jar: The cookies of stickiness; None: there is none.
        beside: Managed rules of the same object for other steered rules; their names are taken.

    Raises:
        Unsupported, InvalidRequest: The match cannot be said by this mesh, or for this rule.
    """
    layout = base.layout
    taken = {one.name for one in beside}

    def rules(
        purpose: str, matches: Sequence[Match], *destinations: dict[str, Any]
    ) -> Iterator[Wanted]:
        for held in [matches] if layout.alternatives else [[one] for one in matches]:
            name = _unused(purpose, taken)
            taken.add(name)
            draft = Draft(
                base=base,
                name=name,
                matches=held,
                destinations=list(destinations),
                target=target,
            )
            try:
                body = layout.managed(draft)
            except (Unsupported, InvalidRequest) as error:
                raise type(error)(f"{base.called(target)}: {error.message}") from None
            yield Wanted(name=name, body=body, split=split)

    if jar is not None and (split.canary > 0 or jar.standing):
        kept = narrowed(split.match, jar.name, jar.value)
        if split.canary > 0:
            yield from rules(STICKY, kept, _entry(base, Side.CANARY, split.total))
        else:
            leaving = layout.with_cookie(_entry(base, Side.PRIMARY, split.total), jar.expired)
            yield from rules(STICKY, kept, leaving)
    if jar is not None and jar.primary_name is not None and split.canary > 0:
        pinned = narrowed(split.match, jar.primary_name, jar.primary_value)
        yield from rules(PINNED, pinned, _entry(base, Side.PRIMARY, split.total))
    if split.match and split.canary > 0:
        yield from rules(MATCH, split.match, *_shares(base, split, jar))


def _unused(purpose: str, taken: Collection[str]) -> str:
    """The name of a purpose, numbered from the second on."""
    numbered = (f"{purpose}-{number}" for number in count(2))
    return next(name for name in chain([purpose], numbered) if name not in taken)


def in_order(steered: Rule, wanted: Sequence[Wanted], target: Target) -> list[Wanted]:
    """The managed rules of an object with what tells the mesh to try them in this order."""
    bodies = steered.layout.ordered(steered.manifest, [one.body for one in wanted], target)
    return [evolve(one, body=body) for one, body in zip(wanted, bodies, strict=True)]


def _entry(base: Rule, side: Side, weight: int) -> dict[str, Any]:
    """A side as the base rule names it, without a cookie of ours."""
    layout = base.layout
    entry = layout.entry(base.first(side), weight)
    for place, cookie in layout.cookies(base):
        if base.destinations[place] is base.first(side):
            entry = layout.without_cookie(entry, cookie)
    return entry


def _shares(base: Rule, split: Split, jar: Jar | None) -> list[dict[str, Any]]:
    """Destinations of matched requests: the canary alone when it gets all of them."""
    canary = _entry(base, Side.CANARY, split.canary)
    primary = _entry(base, Side.PRIMARY, split.primary)
    if jar is not None:
        canary = base.layout.with_cookie(canary, jar.wanted[Side.CANARY])
        if (cookie := jar.wanted.get(Side.PRIMARY)) is not None:
            primary = base.layout.with_cookie(primary, cookie)
    return [canary] if split.canary == split.total else [primary, canary]


def operations(
    manifest: Manifest, steered: Rule, wanted: Sequence[Wanted], target: Target
) -> list[Operation]:
    """
    What makes the managed rules beside a steered rule these ones; the last part of a patch, for
    it moves the indexes.

    Rules that stand are replaced in place, others are put in and taken out; so are those that
    would be tried too late, where the mesh tries them in the order of the list.
    """
    layout = steered.layout
    rules = [one for one in layout.rules(manifest, target) if one.section == steered.section]
    standing = [one for one in rules if one.managed]
    if not standing and not wanted:
        return []
    if layout.managed_first:
        pairs = _paired(list(takewhile(lambda one: one.managed, rules)), wanted, ordered=True)
    else:
        pairs = _paired(standing, wanted)
    spare = [rule for rule in standing if all(rule is not mate for _, mate in pairs)]
    changes = [*_replacements(pairs, target), *removals(spare)]
    length = len(sequence(at(manifest, steered.section)))
    # the list as it will stand: managed rules at their places, None for those of people
    order: list[Rule | Wanted | None] = [None] * length
    for rule in standing:
        order[rule.index or 0] = rule
    order = [one for one in order if not any(one is rule for rule in spare)]
    cursor = 0
    for one, mate in pairs:
        if mate is not None:
            cursor = next(place for place, it in enumerate(order) if it is mate) + 1
            continue
        place = cursor if layout.managed_first else len(order)
        path = pointer((*steered.section, place))
        changes.append({"op": "add", "path": path, "value": one.body})
        order.insert(place, one)
        cursor = place + 1
    if layout.names:
        return changes
    return [*changes, *listing(manifest, [n for n, it in enumerate(order) if it is not None])]


def spare(manifest: Manifest, standing: Sequence[Rule]) -> list[Rule]:
    """
    Those of an object's managed rules that can go, for their list keeps a rule of somebody.

    No API takes an empty list. Where the rules they were made for are gone, they stay, and it is
    told that the route holds the canary alone.
    """
    left = Counter(rule.section for rule in standing)
    return [
        one for one in standing if left[one.section] < len(sequence(at(manifest, one.section)))
    ]


def removals(spare: Sequence[Rule]) -> list[Operation]:
    """What takes managed rules away, the last of a list first."""
    changes: list[Operation] = []
    for rule in sorted(spare, key=lambda one: (str(one.section), -(one.index or 0))):
        changes += [_test(rule), {"op": "remove", "path": pointer(rule.path)}]
    return changes


def listing(manifest: Manifest, places: Sequence[int]) -> list[Operation]:
    """What makes the annotation list these managed rules."""
    if frozenset(places) == listed_rules(manifest):
        return []
    if not places:
        return unannotating(manifest, MANAGED_RULES)
    return annotating(manifest, MANAGED_RULES, ",".join(str(place) for place in sorted(places)))


def _paired(
    standing: Sequence[Rule], wanted: Sequence[Wanted], *, ordered: bool = False
) -> list[tuple[Wanted, Rule | None]]:
    """Each wanted rule with the one that becomes it; `ordered`: no pair may cross another."""
    left = list(standing)
    pairs: list[tuple[Wanted, Rule | None]] = []
    for one in wanted:
        mate = next((rule for rule in left if not rule.name or rule.name == one.name), None)
        if mate is not None:
            place = next(place for place, rule in enumerate(left) if rule is mate)
            left = left[place + 1 :] if ordered else [*left[:place], *left[place + 1 :]]
        pairs.append((one, mate))
    return pairs


def _replacements(
    pairs: Sequence[tuple[Wanted, Rule | None]], target: Target
) -> Iterator[Operation]:
    for one, mate in pairs:
        if mate is not None and not _same(one, mate, target):
            yield _test(mate)
            yield {"op": "replace", "path": pointer(mate.path), "value": one.body}


def _test(rule: Rule) -> Operation:
    if rule.name:
        return {"op": "test", "path": pointer((*rule.path, "name")), "value": rule.name}
    return {"op": "test", "path": pointer(rule.path), "value": rule.body}


def _same(one: Wanted, mate: Rule, target: Target) -> bool:
    """Whether a rule stands as wanted; shares in other numbers are as good."""
    if one.body == mate.body:
        return True
    bare = mate.layout.without_weights
    if bare(one.body) != bare(mate.body):
        return False
    if len(mate.destinations) == 1:
        return mate.layout.lone_has_all or _positive(mate, target)
    return weights.as_wanted(mate, target, one.split)


def _positive(rule: Rule, target: Target) -> bool:
    try:
        return weights.stored(rule, 0, target) > 0
    except InvalidRequest:
        return False
