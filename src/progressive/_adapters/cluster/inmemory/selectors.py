"""Decides which objects a label or a field selector means.

Floor 4, but pure; the grammar is that of `kubectl get --selector`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from progressive.errors import ClusterError, ErrorKind

_SET = re.compile(r"^(?P<key>\S+)\s+(?P<how>in|notin)\s*\((?P<values>[^)]*)\)$")


def labels_match(selector: str, labels: Mapping[str, str]) -> bool:
    """
    Whether all terms of a label selector hold: ``a=b, a!=b, a in (b,c), a notin (b), a, !a``.

    Raises:
        ClusterError: The selector cannot be read (kind ``invalid``).
    """
    return all(_term_holds(term, labels) for term in _terms(selector))


def fields_match(selector: str, manifest: Mapping[str, Any]) -> bool:
    """
    Whether all terms of a field selector hold: ``metadata.name=web,status.phase!=Running``.

    Raises:
        ClusterError: The selector cannot be read (kind ``invalid``).
    """
    for term in _terms(selector):
        field, equal, value = _comparison(term)
        found: Any = manifest
        for step in field.split("."):
            found = found.get(step) if isinstance(found, Mapping) else None
        if (str(found if found is not None else "") == value) is not equal:
            return False
    return True


def _terms(selector: str) -> list[str]:
    # a comma inside parentheses belongs to its term
    return [term.strip() for term in re.split(r",(?![^(]*\))", selector) if term.strip()]


def _term_holds(term: str, labels: Mapping[str, str]) -> bool:
    if found := _SET.match(term):
        values = {one.strip() for one in found["values"].split(",")}
        inside = labels.get(found["key"]) in values
        return inside if found["how"] == "in" else not inside
    if "=" in term:
        key, equal, value = _comparison(term)
        return (labels.get(key) == value) is equal
    if " " in term:
        raise _unreadable(term)
    return term[1:].strip() not in labels if term.startswith("!") else term in labels


def _comparison(term: str) -> tuple[str, bool, str]:
    for sign, equal in (("!=", False), ("==", True), ("=", True)):
        key, found, value = term.partition(sign)
        if found:
            return key.strip(), equal, value.strip()
    raise _unreadable(term)


def _unreadable(term: str) -> ClusterError:
    return ClusterError(
        f"unable to parse requirement: {term!r}", ErrorKind.INVALID, None, 400, "BadRequest"
    )
