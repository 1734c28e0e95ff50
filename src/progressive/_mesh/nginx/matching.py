"""Puts a match into the canary annotations: one header, one cookie, or either of the two.

Floor 3, pure. Asked by `codec.py`. The controller asks for the header first and then for the
cookie, so two items with one of them each mean what a list of items means: any of them.
Source: ingress-nginx, `rootfs/etc/nginx/lua/balancer.lua`, and the validators of
`internal/ingress/annotations/parser/validators.go`, which drop a value in silence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from progressive._mesh.nginx.annotations import COOKIE, HEADER, MATCHING, PATTERN, VALUE
from progressive._model.traffic import Match, Target, TextMatch
from progressive.errors import Unsupported

_ALWAYS = "always"

_PLAIN = re.compile(r"[-._~a-zA-Z0-9/: ]+", re.ASCII)
"""What the controller takes in a name or a value; spaces are passed over."""

_EXPRESSION = re.compile(r"[-._~a-zA-Z0-9/:^$\[\](){}*+?|&=\\]+", re.ASCII)
"""What it takes in a regular expression."""


def matching(match: Sequence[Match], target: Target) -> dict[str, str | None]:
    """
    All annotations that match single requests, for these items; None: it must not be there.

    Raises:
        Unsupported: The items say more than one header and one cookie can.
    """
    wanted: dict[str, str | None] = dict.fromkeys(MATCHING)
    for item in match:
        if item.query:
            raise _too_much(target, "a query parameter")
        if len(item.headers) + len(item.cookies) != 1:
            raise _too_much(target, "several conditions at once")
        for name, text in item.headers.items():
            if wanted[HEADER] is not None:
                raise _too_much(target, "a second header")
            wanted |= _header(name, text, target)
        for name, text in item.cookies.items():
            if wanted[COOKIE] is not None:
                raise _too_much(target, "a second cookie")
            wanted[COOKIE] = _cookie(name, text, target)
    return wanted


def _header(name: str, text: TextMatch, target: Target) -> dict[str, str | None]:
    _require(_PLAIN, name, f"header {name}", target)
    if text.prefix is not None:
        raise _too_much(target, f"a prefix of the header {name}", 'write regex: "^…" instead')
    if text.exact is not None:
        _require(_PLAIN, text.exact, f"the value of header {name}", target)
        return {HEADER: name, VALUE: text.exact}
    expression = text.regex or ""
    _require(_EXPRESSION, expression, f"the expression of header {name}", target)
    return {HEADER: name, PATTERN: expression}


def _cookie(name: str, text: TextMatch, target: Target) -> str:
    if text.exact != _ALWAYS:
        raise _too_much(
            target,
            f"another value of the cookie {name}",
            f"the annotation names a cookie whose value must be {_ALWAYS}",
        )
    _require(_PLAIN, name, f"cookie {name}", target)
    return name


def _require(pattern: re.Pattern[str], text: str, what: str, target: Target) -> None:
    if not pattern.fullmatch(text):
        raise Unsupported(
            f"{target}: {what} is empty or has characters that ingress-nginx does not take in an "
            "annotation; it would drop the condition in silence"
        )


def _too_much(target: Target, what: str, hint: str = "") -> Unsupported:
    words = "ingress-nginx matches one header, one cookie, or either of the two"
    return Unsupported(f"{target}: {what} cannot be matched: {hint or words}")
