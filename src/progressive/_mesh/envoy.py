"""Where an Envoy route configuration holds the two sides' weights, and which of them must change.

Floor 3, pure: a document as plain values in, edits of single numbers out; it knows no file and
no network. The document is what Envoy reads from a file: a discovery response whose `resources`
are `RouteConfiguration`s. Keys may be written as in the Protobuf (``virtual_hosts``) or as in
its JSON form (``virtualHosts``), as Envoy takes both.
Carried out by `_adapters/envoy/router.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from progressive._model.traffic import Observed, RouteRef, Side, Split, Target
from progressive.errors import (
    AmbiguousRoute,
    DestinationNotFound,
    Drift,
    InvalidRequest,
    InvalidWeight,
    RouteNotFound,
    Unsupported,
)

LARGEST_TOTAL = 2**32 - 1
"""Envoy refuses a larger sum of weights (route_components.proto, `WeightedCluster`)."""

Path = tuple[str | int, ...]
"""Keys and indexes from the top of the document."""


@frozen(kw_only=True)
class Destination:
    """
    One cluster of a rule.

    Attributes:
        cluster: Its name; empty where a request header names it.
        weight: As the document has it, unchecked; None: it has none.
        path: Where the weight is, or would be.
    """

    cluster: str
    weight: object
    path: Path


@frozen(kw_only=True)
class Rule:
    """
    One route that sends its requests to clusters.

    Attributes:
        configuration: Name of the `RouteConfiguration`.
        name: Name of the route; may be empty.
        index: Place among all routes of the configuration, from 0.
        host: Name of its virtual host.
        weighted: Whether the clusters have weights; a route to a single cluster has none.
        destinations: In the order of the document.
        declared_total: ``total_weight``, which older Envoys hold the sum to; None: not there.
        runtime: Prefix of runtime keys that replace the weights; empty: none.
        affine: Whether one user always lands on the same side.
    """

    configuration: str
    name: str
    index: int
    host: str
    weighted: bool
    destinations: tuple[Destination, ...]
    declared_total: object = None
    runtime: str = ""
    affine: bool = False

    def __str__(self) -> str:
        return f"{self.configuration}/{self.host}/{self.name or f'route {self.index}'}"

    def holds(self, cluster: str) -> bool:
        """Whether requests can go to this cluster."""
        return any(one.cluster == cluster for one in self.destinations)


@frozen(kw_only=True)
class Edit:
    """One number that must change: where, which cluster's, and to what."""

    path: Path
    cluster: str
    weight: int


def rules(document: object) -> tuple[Rule, ...]:
    """
    Every route of the document that names its clusters.

    Raises:
        InvalidRequest: The document is not what Envoy reads.
    """
    if not isinstance(document, Mapping) or not isinstance(document.get("resources"), list):
        raise InvalidRequest(
            "not a route configuration as Envoy reads it from a file: "
            'a discovery response is wanted, {"resources": [{"@type": …RouteConfiguration, …}]}'
        )
    return tuple(
        rule
        for place, resource in enumerate(document["resources"])
        if isinstance(resource, Mapping) and _is_configuration(resource)
        for rule in _rules_of(resource, ("resources", place))
    )


def stat_name(cluster: str) -> str:
    """The cluster's name inside names of statistics, where colons separate nothing."""
    for text in ("://", ":/", ":", "\0"):
        cluster = cluster.replace(text, "_")
    return cluster


def chosen(found: Sequence[Rule], target: Target) -> tuple[Rule, ...]:
    """
    The rules that the target means: those that its `routes` name, else the one that holds both
    sides.

    Raises:
        RouteNotFound: No rule sends traffic to either side, or a named one is not there.
        DestinationNotFound: A rule holds one side only, or a single cluster.
        AmbiguousRoute: Several rules could be meant, or one holds a side twice.
    """
    if not target.routes:
        return (_only(found, target, ""),)
    picked: list[Rule] = []
    for ref in target.routes:
        rule = _only([one for one in found if _named(one, ref)], target, _words(ref))
        if rule not in picked:
            picked.append(rule)
    return tuple(picked)


def homeward(found: Sequence[Rule], target: Target) -> tuple[Rule, ...]:
    """
    Every rule whose traffic must go home: like `chosen`, but where several rules hold both
    sides each of them is meant, and none at all is no error.
    """
    meant = [one for one in found if not target.routes or _any_named(one, target.routes)]
    return tuple(one for one in meant if one.weighted and _holds_both(one, target))


def split_of(rule: Rule, target: Target) -> Observed:
    """
    The split that the document gives.

    Raises:
        InvalidWeight: A weight is missing or no whole number, or all of them are zero.
        Unsupported: Runtime keys replace the weights, so the document does not tell them.
    """
    if rule.runtime:
        raise Unsupported(
            f"{rule}: runtime keys {rule.runtime}.… replace its weights; "
            "remove runtime_key_prefix, so that the file alone decides"
        )
    weights = [_weight(rule, one) for one in rule.destinations]
    if sum(weights) == 0:
        raise InvalidWeight(f"{rule}: all weights are zero, which Envoy refuses")
    canary = sum(
        weight
        for weight, one in zip(weights, rule.destinations, strict=True)
        if one.cluster == target.canary
    )
    affine = f"Affinity: {rule} picks a side by a hash, so one user always gets the same"
    return Observed(canary=canary, total=sum(weights), warnings=(affine,) if rule.affine else ())


def agreed(observed: Sequence[Observed]) -> Observed:
    """
    The one split that several rules show.

    Raises:
        Drift: They do not agree.
    """
    first, *others = observed
    for other in others:
        if other.canary * first.total != first.canary * other.total:
            shown = ", ".join(f"{one.canary}/{one.total}" for one in observed)
            raise Drift(f"the rules disagree about the canary's share: {shown}")
    return first


def edits(rule: Rule, target: Target, split: Split) -> tuple[Edit, ...]:
    """
    What must change for the split; nothing where the weights stand in this proportion.

    Third clusters keep their numbers; the primary gets what the canary and they leave.

    Raises:
        InvalidWeight: They leave less than nothing, or the total is one that Envoy refuses.
        Unsupported: Runtime keys replace the weights.
    """
    third = sum(_weight(rule, one) for one in _third(rule, target))
    primary = split.total - split.canary - third
    if primary < 0:
        raise InvalidWeight(
            f"{rule}: other clusters hold {third} of {split.total}, "
            f"so the canary can get {split.total - third} at most, not {split.canary}"
        )
    if split.total > LARGEST_TOTAL:
        raise InvalidWeight(f"a total of {split.total} is above {LARGEST_TOTAL}")
    if rule.declared_total is not None and _whole(rule.declared_total) != split.total:
        raise InvalidWeight(
            f"{rule}: total_weight is {rule.declared_total}, so a total of {split.total} "
            "would be refused by older Envoys; remove total_weight, which newer ones ignore"
        )
    if rule.runtime:
        split_of(rule, target)  # says why it cannot be steered
    return _changes(rule, target, {target.primary: primary, target.canary: split.canary})


def home_edits(rule: Rule, target: Target) -> tuple[Edit, ...]:
    """
    What must change so that the canary gets nothing; the present total is kept where there is
    one, and weights that Envoy would refuse are no obstacle.
    """
    third = sum(_whole(one.weight) or 0 for one in _third(rule, target))
    present = sum(_whole(one.weight) or 0 for one in rule.destinations)
    declared = _whole(rule.declared_total)
    total = present or declared or 100
    return _changes(rule, target, {target.primary: total - third, target.canary: 0})


def _changes(rule: Rule, target: Target, wanted: Mapping[str, int]) -> tuple[Edit, ...]:
    pairs = [(one, wanted.get(one.cluster, _whole(one.weight) or 0)) for one in rule.destinations]
    stored = [_whole(one.weight) for one, _ in pairs]
    if None not in stored:
        now, then = sum(n or 0 for n in stored), sum(weight for _, weight in pairs)
        same = all(
            (n or 0) * then == weight * now for n, (_, weight) in zip(stored, pairs, strict=True)
        )
        if now > 0 and same:
            return ()
    return tuple(
        Edit(path=one.path, cluster=one.cluster, weight=weight)
        for one, weight in pairs
        if one.cluster in wanted and _whole(one.weight) != weight
    )


def _third(rule: Rule, target: Target) -> list[Destination]:
    sides = {target.primary, target.canary}
    return [one for one in rule.destinations if one.cluster not in sides]


def _only(found: Sequence[Rule], target: Target, named: str) -> Rule:
    whole = [one for one in found if one.weighted and _holds_both(one, target)]
    where = f" among {named}" if named else ""
    if len(whole) > 1:
        told = ", ".join(map(str, whole))
        raise AmbiguousRoute(
            f"{len(whole)} routes{where} send traffic to both {target.primary!r} and "
            f"{target.canary!r} ({told}): name one in the target's routes"
        )
    if whole:
        return _once(whole[0], target)
    for rule in found:
        lacking = [side for side in Side if not rule.holds(target.on(side))]
        if len(lacking) == 1 or (not lacking and not rule.weighted):
            raise DestinationNotFound(
                f"{rule} sends no traffic to the {lacking[0]} {target.on(lacking[0])!r}: it needs "
                "weighted_clusters with both sides, the canary with weight 0"
            )
    raise RouteNotFound(
        f"no route{where} sends traffic to {target.primary!r} and {target.canary!r}"
    )


def _once(rule: Rule, target: Target) -> Rule:
    for side in Side:
        if sum(one.cluster == target.on(side) for one in rule.destinations) > 1:
            raise AmbiguousRoute(f"{rule} holds the {side} {target.on(side)!r} more than once")
    return rule


def _holds_both(rule: Rule, target: Target) -> bool:
    return rule.holds(target.primary) and rule.holds(target.canary)


def _any_named(rule: Rule, refs: Sequence[RouteRef]) -> bool:
    return any(_named(rule, ref) for ref in refs)


def _named(rule: Rule, ref: RouteRef) -> bool:
    return (
        ref.name == rule.configuration
        and ref.kind in (None, "RouteConfiguration")
        and (ref.rule is None or ref.rule in (rule.index, rule.name))
    )


def _words(ref: RouteRef) -> str:
    return f"{ref.name}" if ref.rule is None else f"{ref.name}, rule {ref.rule!r}"


def _weight(rule: Rule, one: Destination) -> int:
    number = _whole(one.weight)
    if number is None:
        told = "has no weight" if one.weight is None else f"has the weight {one.weight!r}"
        raise InvalidWeight(
            f"{rule}: cluster {one.cluster!r} {told}, which Envoy refuses; write a whole number"
        )
    return number


def _whole(value: object) -> int | None:
    # Protobuf's JSON form writes an unsigned number as a number or as a text
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_TOTAL:
        return value
    return None


def _is_configuration(resource: Mapping[str, Any]) -> bool:
    kind = resource.get("@type", "envoy.config.route.v3.RouteConfiguration")
    return str(kind).endswith("envoy.config.route.v3.RouteConfiguration")


def _rules_of(resource: Mapping[str, Any], path: Path) -> Iterator[Rule]:
    name = str(resource.get("name", ""))
    index = 0
    hosts_key, hosts = _list(resource, "virtual_hosts")
    for host_place, host in enumerate(hosts):
        routes_key, routes = _list(host, "routes")
        for place, route in enumerate(routes):
            here = (*path, hosts_key, host_place, routes_key, place)
            action = route.get("route")
            if isinstance(action, Mapping):
                yield _rule(name, str(host.get("name", "")), route, index, (*here, "route"))
            index += 1


def _rule(configuration: str, host: str, route: Mapping[str, Any], index: int, path: Path) -> Rule:
    action = route["route"]
    key, weighted = _either(action, "weighted_clusters")
    name = str(route.get("name", ""))
    if not isinstance(weighted, Mapping):
        single = str(action.get("cluster", ""))
        return Rule(
            configuration=configuration,
            name=name,
            index=index,
            host=host,
            weighted=False,
            destinations=(Destination(cluster=single, weight=None, path=(*path, "cluster")),),
        )
    clusters_key, clusters = _list(weighted, "clusters")
    header = _either(weighted, "header_name")[1]
    return Rule(
        configuration=configuration,
        name=name,
        index=index,
        host=host,
        weighted=True,
        destinations=tuple(
            Destination(
                cluster=str(one.get("name", "")),
                weight=one.get("weight"),
                path=(*path, key, clusters_key, place, "weight"),
            )
            for place, one in enumerate(clusters)
        ),
        declared_total=_either(weighted, "total_weight")[1],
        runtime=str(_either(weighted, "runtime_key_prefix")[1] or ""),
        affine=bool(header or _either(weighted, "use_hash_policy")[1]),
    )


def _either(mapping: Mapping[str, Any], key: str) -> tuple[str, Any]:
    head, *tail = key.split("_")
    camel = head + "".join(word.capitalize() for word in tail)
    found = camel if camel in mapping and key not in mapping else key
    return found, mapping.get(found)


def _list(mapping: Mapping[str, Any], key: str) -> tuple[str, list[Mapping[str, Any]]]:
    # an index must stay that of the document, so entries that are no mappings become empty ones
    found, value = _either(mapping, key)
    items = value if isinstance(value, list) else []
    return found, [one if isinstance(one, Mapping) else {} for one in items]
