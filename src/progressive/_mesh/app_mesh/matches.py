"""Matched requests as App Mesh says them: lists of headers, metadata and query parameters.

Floor 3, pure. Lengths and numbers are those of the CRD's schema. Asked by `layout.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from progressive._mesh.access import mapping, sequence, text
from progressive._mesh.rules.matching import header_conditions, require_new
from progressive._model.traffic import Match, TextMatch
from progressive.errors import InvalidRequest, Unsupported

_LONGEST_NAME = 50
_LONGEST_VALUE = 255
_MOST = 10
"""Conditions in one list."""


def narrowed_match(given: Mapping[str, Any], wanted: Match, *, grpc: bool) -> dict[str, Any]:
    """
    The match of a route, for those of its requests that fit an item as well.

    Args:
        grpc: Whether headers are called metadata, and there are no query parameters.

    Raises:
        Unsupported: The schema has no word for a condition.
        InvalidRequest: A condition is too long, or there are too many.
    """
    made = deepcopy(dict(given))
    asked = dict(header_conditions(wanted))
    if wanted.cookies:
        # anchored, for AWS does not say whether an expression means the whole value
        asked["cookie"] = TextMatch(regex=f"^{asked['cookie'].regex}$")
    _add(made, "metadata" if grpc else "headers", asked)
    if wanted.query and grpc:
        raise Unsupported("a gRPC call has no query parameters; match on headers")
    for name, one in wanted.query.items():
        if one.exact is None:
            raise Unsupported(
                f"query parameter {name}: App Mesh compares whole values only; write exact"
            )
    _add(made, "queryParameters", wanted.query)
    return made


def _add(made: dict[str, Any], key: str, asked: Mapping[str, TextMatch]) -> None:
    if not asked:
        return
    standing: Sequence[Any] = sequence(made.get(key))
    require_new([text(mapping(one).get("name")) for one in standing], asked)
    made[key] = [*standing, *(_condition(key, name, one) for name, one in asked.items())]
    if len(made[key]) > _MOST:
        raise InvalidRequest(
            f"{len(made[key])} {key} in one match; App Mesh takes {_MOST} at most"
        )


def _condition(key: str, name: str, wanted: TextMatch) -> dict[str, Any]:
    pairs = (("exact", wanted.exact), ("prefix", wanted.prefix), ("regex", wanted.regex))
    word, value = next((word, value) for word, value in pairs if value is not None)
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise InvalidRequest(
            f"{key}: a name of {len(name)} letters; App Mesh takes 1 to {_LONGEST_NAME}"
        )
    if not 1 <= len(value) <= _LONGEST_VALUE:
        raise InvalidRequest(
            f"{key}, {name}: {word} of {len(value)} letters; App Mesh takes 1 to {_LONGEST_VALUE}"
        )
    return {"name": name, "match": {word: value}}
