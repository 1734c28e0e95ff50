"""Conditions on requests: how alternatives multiply, and cookies as one regular expression.

Floor 3, pure. Used by layouts that write managed rules, and by `sticky.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import permutations
from typing import Any

from progressive._mesh.access import sequence
from progressive._model.traffic import TOKEN, Match, Target, TextMatch
from progressive.errors import InvalidRequest, Unsupported

_BEYOND_RE2 = re.compile(r"\(\?(?:[=!>]|<[=!]|\(|P=)|\\[1-9]")
"""Look-around, atomic groups, conditionals and back references: of Python and PCRE, not of RE2."""

MOST_COOKIES = 3
"""Cookies in one item: a regular expression must name every order of them, 3! = 6 at most."""


def cookie_expression(cookies: Mapping[str, TextMatch]) -> str:
    """
    A regular expression of a whole Cookie header that holds all these cookies, in RE2's syntax.

    Names and exact values are literal; a value is that of one whole cookie, wherever it stands.

    Raises:
        Unsupported: More than `MOST_COOKIES`.

    >>> print(cookie_expression({"a.b": TextMatch(exact="x+y")}))
    (.*;\\s*)?a\\.b=x\\+y(;.*)?
    """
    if len(cookies) > MOST_COOKIES:
        raise Unsupported(
            f"{len(cookies)} cookies in one match item; one Cookie header can be asked for "
            f"{MOST_COOKIES} at most: use fewer, or one header"
        )
    pairs = [f"{re.escape(name)}={_value(wanted)}" for name, wanted in cookies.items()]
    orders = [r"(;.*)?;\s*".join(order) for order in permutations(pairs)]
    said = orders[0] if len(orders) == 1 else f"({'|'.join(orders)})"
    return rf"(.*;\s*)?{said}(;.*)?"


def _value(wanted: TextMatch) -> str:
    if wanted.exact is not None:
        return re.escape(wanted.exact)
    if wanted.prefix is not None:
        return f"{re.escape(wanted.prefix)}[^;]*"
    return f"({wanted.regex})"


def expression(wanted: TextMatch) -> str:
    r"""
    A condition as a regular expression of the whole text, in RE2's syntax; it is never empty.

    >>> print(expression(TextMatch(prefix="a.b")))
    a\.b.*
    """
    if wanted.exact is not None:
        said = re.escape(wanted.exact)
    elif wanted.prefix is not None:
        said = f"{re.escape(wanted.prefix)}.*"
    else:
        said = wanted.regex or ""
    # an empty expression is one that is not there, to APIs that leave empty texts out
    return said or "^$"


def header_conditions(match: Match, *, cookie: str = "cookie") -> Iterator[tuple[str, TextMatch]]:
    """
    The headers that an item asks for, its cookies as one regular expression of theirs.

    Args:
        cookie: How the Cookie header is written.

    Raises:
        InvalidRequest: A header is named twice, in whatever case, or the Cookie header is asked
            for as a header and by its cookies.
        Unsupported: Too many cookies.
    """
    headers = dict(match.headers)
    require_new((), headers)
    yield from headers.items()
    if match.cookies:
        require_new(headers, [cookie])
        yield cookie, TextMatch(regex=cookie_expression(match.cookies))


def require_new(
    there: Sequence[str] | Mapping[str, object], names: Sequence[str] | Mapping[str, object]
) -> None:
    """
    Do nothing when no header is asked for twice; names are compared without their case.

    Raises:
        InvalidRequest: One is: the mesh would hold only one of the two conditions, or neither.
    """
    seen = {name.lower() for name in there}
    for name in names:
        if name.lower() in seen:
            raise InvalidRequest(
                f"header {name} is asked for already, and one header cannot be matched twice; "
                "leave it out of the match, or give the release a rule of its own"
            )
        seen.add(name.lower())


def require_free(there: Sequence[str], wanted: Match) -> None:
    """
    Do nothing when no query parameter of an item is asked for already.

    Raises:
        InvalidRequest: One is.
    """
    for name in wanted.query:
        if name in there:
            raise InvalidRequest(
                f"query parameter {name} is asked for already, and cannot be matched twice; "
                "leave it out of the match, or give the release a rule of its own"
            )


def add_named(
    made: dict[str, Any],
    key: str,
    asked: Mapping[str, TextMatch],
    say: Callable[[TextMatch], Mapping[str, Any]],
) -> None:
    """
    Add conditions to a list whose items have a ``name``; without any there is no such list.

    Args:
        made: What holds the list, or shall.
        say: The rest of an item.
    """
    listed = [*sequence(made.get(key)), *({"name": name, **say(it)} for name, it in asked.items())]
    if listed:
        made[key] = listed


def require_sound(matches: Sequence[Match], target: Target) -> None:
    """
    Do nothing when every condition says something that a mesh can be asked for.

    Raises:
        InvalidRequest: An item asks for nothing, a name is none of a header or cookie, or a
            regular expression is none of RE2's, the only one that meshes take.
    """
    for place, one in enumerate(matches):
        where = f"{target}: match[{place}]"
        parts = {"header": one.headers, "cookie": one.cookies, "query parameter": one.query}
        if not any(parts.values()):
            raise InvalidRequest(f"{where} has no conditions, so it would match everyone")
        for what, conditions in parts.items():
            for name, wanted in conditions.items():
                if what != "query parameter" and not re.fullmatch(TOKEN, name):
                    raise InvalidRequest(f"{where}: {name!r} is no name of a {what}")
                if fault := _fault(wanted):
                    raise InvalidRequest(f"{where}: {what} {name}: {fault}")


def _fault(wanted: TextMatch) -> str:
    """What is wrong with a condition; empty: nothing."""
    if wanted.prefix == "" or wanted.regex == "":
        return "an empty prefix or regex would match everyone"
    if wanted.regex is None:
        return ""
    if beyond := _BEYOND_RE2.search(wanted.regex):
        return f"{beyond[0]} is unknown to RE2, the regular expressions of meshes"
    try:
        re.compile(wanted.regex)
    except (re.error, RecursionError, OverflowError) as error:
        return f"{wanted.regex!r} is no regular expression ({error})"
    return ""


def narrowed(matches: Sequence[Match], cookie: str, value: str) -> tuple[Match, ...]:
    """
    The same alternatives, each for users with a cookie; without alternatives that alone.

    Raises:
        InvalidRequest: An alternative asks for the cookie already.
    """
    wanted = {cookie: TextMatch(exact=value)}
    for one in matches:
        if cookie in one.cookies:
            raise InvalidRequest(
                f"cookie {cookie} is the one of stickiness, so it cannot be matched as well"
            )
    alternatives = matches or (Match(),)
    return tuple(
        Match(headers=one.headers, cookies={**one.cookies, **wanted}, query=one.query)
        for one in alternatives
    )
