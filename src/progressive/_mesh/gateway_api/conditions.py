"""Conditions on requests as routes hold them: lists of names with a type and a value.

Floor 3, pure. The API knows exact values and regular expressions, no prefixes. Asked by
`layout.py`; the limits are those of the CRDs of release 1.6.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

from progressive._mesh.access import inner, sequence, text
from progressive._mesh.rules.matching import header_conditions, require_new
from progressive._model.traffic import Match, TextMatch
from progressive.errors import InvalidRequest, Unsupported

COOKIE = "Cookie"
"""The header of cookies, as Flagger writes it."""

MOST_MATCHES = 64
"""Matches of one rule."""

MOST_CONDITIONS = 16
"""Headers, and query parameters, of one match."""

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]{1,256}")
_LONGEST = {"headers": 4096, "queryParams": 1024}
_CALLED = {"headers": "header", "queryParams": "query parameter"}

Condition = dict[str, str]


def product(
    given: Sequence[Mapping[str, Any]], matches: Sequence[Match], *, query: bool
) -> list[dict[str, Any]]:
    """
    Each match of a rule with each alternative: what a rule for these requests asks for.

    Args:
        given: Matches of the rule; none: it takes every request.
        query: Whether the kind knows query parameters.

    Raises:
        InvalidRequest: Too many, or one header or parameter would be asked for twice.
        Unsupported: A condition that the API cannot express.
    """
    made = [_joined(one, wanted, query) for one in given or [{}] for wanted in matches]
    if len(made) > MOST_MATCHES:
        raise InvalidRequest(
            f"{len(given) or 1} matches of the rule times {len(matches)} of the release are "
            f"{len(made)}, and a rule holds {MOST_MATCHES}; use fewer, or one regular expression"
        )
    return made


def require_expressible(match: Match, *, query: bool) -> None:
    """
    Do nothing when an alternative can be said at all.

    Raises:
        InvalidRequest, Unsupported: It cannot.
    """
    _joined({}, match, query)


def cookie_patterns(matches: object) -> Iterator[str]:
    """What matches ask of the Cookie header."""
    for match in sequence(matches):
        for one in sequence(inner(match, "headers")):
            if text(inner(one, "name")).lower() == COOKIE.lower():
                yield text(inner(one, "value"))


def _joined(given: Mapping[str, Any], wanted: Match, query: bool) -> dict[str, Any]:
    made = deepcopy(dict(given))
    headers = [
        _condition("headers", name, one, whole=name == COOKIE and bool(wanted.cookies))
        for name, one in header_conditions(wanted, cookie=COOKIE)
    ]
    _extend(made, "headers", headers)
    if wanted.query and not query:
        raise Unsupported(
            f"a GRPCRoute has no query parameters, so {', '.join(wanted.query)} cannot be "
            "matched; use a header"
        )
    _extend(made, "queryParams", [_condition("queryParams", *one) for one in wanted.query.items()])
    return made


def _extend(made: dict[str, Any], key: str, conditions: Sequence[Condition]) -> None:
    if not conditions:
        return
    there = list(sequence(made.get(key)))
    require_new([text(inner(one, "name")) for one in there], [one["name"] for one in conditions])
    made[key] = [*there, *conditions]
    if len(made[key]) > MOST_CONDITIONS:
        raise InvalidRequest(
            f"a match with {len(made[key])} {_CALLED[key]}s; a route takes {MOST_CONDITIONS}"
        )


def _condition(key: str, name: str, wanted: TextMatch, *, whole: bool = False) -> Condition:
    called = f"{_CALLED[key]} {name}"
    if wanted.prefix is not None:
        raise Unsupported(
            f"{called}: the Gateway API matches exact values and regular expressions, no "
            f"prefixes; write regex: {re.escape(wanted.prefix)}.* if your gateway compares the "
            "whole value"
        )
    if _NAME.fullmatch(name) is None:
        raise InvalidRequest(f"{called}: this is no name that a route can match")
    value = wanted.exact if wanted.exact is not None else str(wanted.regex)
    if whole:
        # some gateways look for an expression anywhere in the value
        value = f"^{value}$"
    if not 1 <= len(value) <= _LONGEST[key]:
        raise InvalidRequest(
            f"{called}: a value of {len(value)} characters; a route takes 1 to {_LONGEST[key]}"
        )
    kind = "Exact" if wanted.exact is not None else "RegularExpression"
    return {"type": kind, "name": name, "value": value}
