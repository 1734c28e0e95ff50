"""What a VirtualService is like: its three lists of rules, hosts, matches, mirrors and cookies.

Floor 3, pure. A `Layout` of `_mesh/rules/`; `codec.py` is the codec of Istio.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from progressive._mesh.access import inner, mapping, pointer, sequence, text
from progressive._mesh.codec import Manifest, ObjectKind, Operation, namespace_of
from progressive._mesh.hosts import qualified
from progressive._mesh.istio import mirrors
from progressive._mesh.rules.destination import Destination
from progressive._mesh.rules.layout import Draft, Layout, Rule
from progressive._mesh.rules.matching import header_conditions, require_new
from progressive._model.traffic import Capabilities, Match, Side, Target, TextMatch
from progressive.errors import InvalidRequest, Unsupported

VIRTUAL_SERVICE = ObjectKind(
    group="networking.istio.io",
    kind="VirtualService",
    plural="virtualservices",
    versions=("v1", "v1beta1", "v1alpha3"),
)
"""The storage version is v1; the two older ones have the same fields."""

LONGEST_REGEX = 1024
"""istiod's webhook refuses longer ones (pkg/config/validation, `validateStringMatchRegexp`)."""

PROTOCOLS = ("http", "tcp", "tls")

_NOT_KEPT = frozenset(
    {"name", "match", "route", "mirror", "mirrors", "mirrorPercentage", "mirrorPercent"}
)
"""What a managed rule does not take over from its base; the mirror belongs to the base alone."""

_COOKIE_AT = ("headers", "response", "add")
_SET_COOKIE = "Set-Cookie"


class VirtualServiceLayout(Layout):
    """The layout of VirtualServices, of host style and of subset style."""

    kind = VIRTUAL_SERVICE
    features = Capabilities(weights=True, match=True, mirror=True, sticky=True)
    missing = 0
    lone_has_all = True
    managed_first = True
    subsets = True
    weights_path = ".spec.http[].route[].weight"

    def rules(self, manifest: Manifest, target: Target) -> Iterator[Rule]:
        """The rules of all three lists."""
        for protocol in PROTOCOLS:
            section = ("spec", protocol)
            for index, body in enumerate(sequence(inner(manifest, *section))):
                body = mapping(body)
                path = (*section, index, "route")
                yield Rule(
                    manifest=manifest,
                    layout=self,
                    section=section,
                    index=index,
                    protocol=protocol,
                    name=text(body.get("name")),
                    body=body,
                    destinations=tuple(
                        self._destination(mapping(one), (*path, place), manifest, target)
                        for place, one in enumerate(sequence(body.get("route")))
                    ),
                )

    def _destination(
        self,
        body: Mapping[str, Any],
        path: tuple[str | int, ...],
        manifest: Manifest,
        target: Target,
    ) -> Destination:
        named = mapping(body.get("destination"))
        known = tuple(
            ((*path, "destination", key), named[key]) for key in ("host", "subset") if key in named
        )
        return Destination(
            path=path, body=body, side=self.side_of(body, manifest, target), identity=known
        )

    # destinations

    def side_of(self, body: Mapping[str, Any], manifest: Manifest, target: Target) -> Side | None:
        """Which side a destination is: by its host, or by its subset of the apex."""
        return side_of(mapping(body.get("destination")), manifest, target)

    def is_service(
        self, body: Mapping[str, Any], service: str, manifest: Manifest, target: Target
    ) -> bool:
        """Whether a destination is a service of the release's namespace, in full or in short."""
        host = text(inner(body, "destination", "host"))
        wanted = qualified(service, target.namespace)
        return qualified(host, namespace_of(manifest, target)) == wanted

    def naming(self, body: Mapping[str, Any], service: str, port: int) -> dict[str, Any]:
        """The same destination with another host."""
        return {**body, "destination": {"host": service, "port": {"number": port}}}

    # managed rules

    def managed(self, draft: Draft) -> dict[str, Any]:
        """A rule like its base for matched requests; alternatives are multiplied out."""
        given = [mapping(one) for one in sequence(draft.base.body.get("match"))] or [{}]
        return {
            "name": draft.name,
            "match": [_product(one, match) for one in given for match in draft.matches],
            **draft.rest(*_NOT_KEPT),
            "route": draft.destinations,
        }

    # mirror

    def mirror(self, rule: Rule, target: Target) -> float | None:
        """Percent of the rule's requests that are copied to the canary."""
        return mirrors.percent(rule, target)

    def mirrored(self, rule: Rule, target: Target) -> bool:
        """Whether a mirror to the canary stands there."""
        return mirrors.stands(rule, target)

    def mirror_operations(
        self, rule: Rule, target: Target, percent: float | None
    ) -> list[Operation]:
        """What makes the mirror so."""
        if percent is None:
            return mirrors.removal(rule, target)
        return mirrors.writing(rule, target, percent)

    # stickiness

    def cookies(self, rule: Rule) -> Iterator[tuple[int, str]]:
        """Set-Cookie values that destinations add to answers."""
        for place, one in enumerate(rule.destinations):
            for header, value in mapping(inner(one.body, *_COOKIE_AT)).items():
                if header.lower() == "set-cookie":
                    yield place, str(value)

    def cookie_patterns(self, rule: Rule) -> Iterator[str]:
        """Regular expressions of the Cookie header that a rule asks for."""
        for match in sequence(rule.body.get("match")):
            asked = mapping(inner(match, "headers", "cookie"))
            yield from (text(one) for one in asked.values())

    def cookie_operations(
        self, rule: Rule, place: int, old: str | None, new: str | None
    ) -> list[Operation]:
        """What replaces one of our Set-Cookie values."""
        destination = rule.destinations[place]
        added = mapping(inner(destination.body, *_COOKIE_AT))
        if old is None:
            if any(header.lower() == "set-cookie" for header in added):
                raise Unsupported(
                    f"a destination of rule {rule.name or rule.index} sets a cookie already, and "
                    "a VirtualService can add one only; let the application set its own"
                )
            return _adding(destination, str(new))
        header = next(one for one, value in added.items() if str(value) == old)
        path = pointer((*destination.path, *_COOKIE_AT, header))
        test: Operation = {"op": "test", "path": path, "value": old}
        if new is not None:
            return [test, {"op": "replace", "path": path, "value": new}]
        way = _shortest(destination.body, (*_COOKIE_AT, header))
        return [test, {"op": "remove", "path": pointer((*destination.path, *way))}]

    def with_cookie(self, entry: dict[str, Any], cookie: str) -> dict[str, Any]:
        """A destination that sets a cookie."""
        made = deepcopy(entry)
        added = made.setdefault("headers", {}).setdefault("response", {}).setdefault("add", {})
        added[_SET_COOKIE] = cookie
        return made

    def without_cookie(self, entry: dict[str, Any], cookie: str) -> dict[str, Any]:
        """The same without it, and without what would be left empty."""
        added = mapping(inner(entry, *_COOKIE_AT))
        header = next((one for one, value in added.items() if str(value) == cookie), None)
        if header is None:
            return entry
        made = deepcopy(entry)
        *way, last = _shortest(made, (*_COOKIE_AT, header))
        held = made
        for key in way:
            held = held[key]
        del held[last]
        return made


def side_of(named: Mapping[str, Any], manifest: Manifest, target: Target) -> Side | None:
    """Which side a destination (host and subset) is; None: another one."""
    host = qualified(text(named.get("host")), namespace_of(manifest, target))
    if target.subsets is not None:
        if host != qualified(target.service, target.namespace):
            return None
        names = {target.subsets.primary: Side.PRIMARY, target.subsets.canary: Side.CANARY}
        return names.get(text(named.get("subset")))
    sides = {qualified(target.on(side), target.namespace): side for side in Side}
    return sides.get(host)


def _product(given: Mapping[str, Any], wanted: Match) -> dict[str, Any]:
    made = deepcopy(dict(given))
    headers = dict(mapping(made.get("headers")))
    asked = {name.lower(): _text(one) for name, one in header_conditions(wanted)}
    require_new([*headers, *mapping(given.get("withoutHeaders"))], asked)
    if headers or asked:
        made["headers"] = {**headers, **asked}
    if wanted.query:
        query = dict(mapping(made.get("queryParams")))
        require_new(query, wanted.query)
        made["queryParams"] = {**query, **{name: _text(one) for name, one in wanted.query.items()}}
    return made


def _text(wanted: TextMatch) -> dict[str, str]:
    if wanted.exact is not None:
        return {"exact": wanted.exact}
    if wanted.prefix is not None:
        return {"prefix": wanted.prefix}
    regex = str(wanted.regex)
    if len(regex) > LONGEST_REGEX:
        raise InvalidRequest(
            f"a regular expression of {len(regex)} characters; istiod takes {LONGEST_REGEX} at "
            "most: use fewer cookies in one match item, or shorter names"
        )
    return {"regex": regex}


def _adding(destination: Destination, cookie: str) -> list[Operation]:
    """Adds a Set-Cookie value, with as much of the way to it as is missing."""
    value: Any = cookie
    way = (*_COOKIE_AT, _SET_COOKIE)
    held: Any = destination.body
    there = 0
    while there < len(_COOKIE_AT) and isinstance(mapping(held).get(way[there]), Mapping):
        held = held[way[there]]
        there += 1
    for key in reversed(way[there + 1 :]):
        value = {key: value}
    path = pointer((*destination.path, *way[: there + 1]))
    return [{"op": "add", "path": path, "value": value}]


def _shortest(entry: Mapping[str, Any], way: tuple[str, ...]) -> tuple[str, ...]:
    """The way to the outermost mapping that would be left empty."""
    held: Any = entry
    kept = 0
    for depth, key in enumerate(way):
        if len(held) > 1:
            kept = depth
        held = held[key]
    return way[: kept + 1]
