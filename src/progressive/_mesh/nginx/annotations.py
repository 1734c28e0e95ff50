"""Reads the canary annotations of an Ingress as the controller does, and plans their edits.

Floor 3, pure. Asked by `codec.py` and `ingresses.py`. Every value is a text. Where the controller
falls back to a default in silence, reading refuses.
Source: ingress-nginx, `internal/ingress/annotations/canary/main.go` (what is read) and
`rootfs/etc/nginx/lua/balancer.lua` (header before cookie before weight; a total below 100 is 100).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from progressive._mesh.access import inner, mapping, pointer
from progressive._mesh.codec import Manifest, Operation, ref_of
from progressive._model.traffic import Target
from progressive.errors import InvalidRequest

PREFIX = "nginx.ingress.kubernetes.io"
"""Of the annotations, unless the controller runs with `--annotations-prefix`."""

CANARY, WEIGHT, TOTAL = "canary", "canary-weight", "canary-weight-total"
HEADER, VALUE = "canary-by-header", "canary-by-header-value"
PATTERN, COOKIE = "canary-by-header-pattern", "canary-by-cookie"

MATCHING = (HEADER, VALUE, PATTERN, COOKIE)
"""What sends single requests to the canary, whatever the weight."""

FULL = 100
"""The sum of weights where none is given, and the least that there is."""

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_NUMBER = re.compile(r"[+-]?[0-9]+")


@frozen(kw_only=True)
class Shares:
    """
    What a canary Ingress sends to the canary.

    Attributes:
        is_on: Whether the controller takes it for a canary at all.
        weight: Part of all other requests, 0 to `total`.
        total: 100 or more.
        matching: Annotation without its prefix → value, of those that match single requests.
    """

    is_on: bool
    weight: int
    total: int
    matching: Mapping[str, str]

    @property
    def matched(self) -> bool:
        """Whether single requests go to the canary, whatever the weight."""
        return self.is_on and (HEADER in self.matching or COOKIE in self.matching)


def notes(ingress: Manifest) -> Mapping[str, Any]:
    """The annotations; empty where there are none."""
    return mapping(inner(ingress, "metadata", "annotations"))


def require_texts(ingress: Manifest, target: Target) -> None:
    """
    Do nothing when all annotations are texts, as the API server wants them.

    Raises:
        InvalidRequest: One is not.
    """
    found = inner(ingress, "metadata", "annotations")
    if found is None:
        return
    if not isinstance(found, Mapping) or not all(
        isinstance(one, str) for pair in found.items() for one in pair
    ):
        raise InvalidRequest(
            f"{ref_of(ingress, target)}: metadata.annotations is no mapping of texts; numbers and "
            'words such as true need quotes: "true"'
        )


def is_canary(ingress: Manifest, prefix: str) -> bool:
    """Whether an Ingress is meant as a canary, switched on or off."""
    return f"{prefix}/{CANARY}" in notes(ingress)


def shares_of(ingress: Manifest, target: Target, prefix: str) -> Shares:
    """
    What an Ingress sends to the canary.

    Raises:
        InvalidRequest: A switch, a weight or a total is none.
    """
    texts = notes(ingress)
    written = texts.get(f"{prefix}/{CANARY}", "")
    if written and written not in _TRUE | _FALSE:
        raise _wrong(ingress, target, f"{prefix}/{CANARY}", written, "neither true nor false")
    weight, whole = _number(ingress, target, prefix, WEIGHT), 0
    if texts.get(f"{prefix}/{TOTAL}"):
        whole = _number(ingress, target, prefix, TOTAL)
    total = max(whole, FULL)
    if weight > total:
        name = f"{prefix}/{WEIGHT}"
        raise _wrong(ingress, target, name, str(weight), f"above the total of {total}")
    given = {one: texts.get(f"{prefix}/{one}", "") for one in MATCHING}
    return Shares(
        is_on=written in _TRUE,
        weight=weight,
        total=total,
        matching={one: text for one, text in given.items() if text},
    )


def _number(ingress: Manifest, target: Target, prefix: str, key: str) -> int:
    written = notes(ingress).get(f"{prefix}/{key}", "")
    if not written:
        return 0
    number = int(written) if _NUMBER.fullmatch(written) and len(written) < 20 else -1
    if number < 0:
        raise _wrong(ingress, target, f"{prefix}/{key}", written, "not a whole number from 0 on")
    return number


def _wrong(ingress: Manifest, target: Target, name: str, text: str, why: str) -> InvalidRequest:
    shown = text if len(text) <= 40 else f"{text[:40]}…"
    return InvalidRequest(
        f'{ref_of(ingress, target)}: annotation {name} is "{shown}", {why}; correct or remove it'
    )


def edits(ingress: Manifest, prefix: str, wanted: Mapping[str, str | None]) -> Iterator[Operation]:
    """
    The operations after which these annotations are as wanted, each with a test beside it.

    Args:
        wanted: Annotation without its prefix → its value; None: it must not be there.
    """
    present = notes(ingress)
    changed = {
        f"{prefix}/{key}": text
        for key, text in wanted.items()
        if present.get(f"{prefix}/{key}") != text
    }
    for name in changed:
        if name in present:
            path = pointer(("metadata", "annotations", name))
            yield {"op": "test", "path": path, "value": present[name]}
    if changed and not present:
        yield {"op": "add", "path": "/metadata/annotations", "value": {}}
    for name, text in changed.items():
        path = pointer(("metadata", "annotations", name))
        if text is not None:
            yield {"op": "add", "path": path, "value": text}
        else:
            yield {"op": "remove", "path": path}


def weights(shares: Shares | None, canary: int, total: int) -> dict[str, str | None]:
    """
    What must stand for a weight; a share that stands in other numbers is left alone.

    A total of 100 need not be said, and none at weight 0.
    """
    if canary == 0:
        return {} if shares is not None and shares.weight == 0 else {WEIGHT: "0"}
    if shares is not None and shares.weight * total == canary * shares.total:
        return {}
    said = total != FULL or (shares is not None and shares.total != FULL)
    return {WEIGHT: str(canary), **({TOTAL: str(total)} if said else {})}
