"""Fills the places of a query, in the part of Go's template language that Flagger's queries use.

Floor 2, pure. A place is ``{{ word }}`` or ``{{ variables.NAME }}``, with spaces or line breaks
around the word and Go's trim marks (``{{-``, ``-}}``); all else of that language is refused, for
a template that is half understood would ask another question than the one that was written.
Asked by `_documents/` when a document is read, and by the metrics providers at every round,
because ``{{ interval }}`` is the window, which is shorter in the first round of a weight.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from progressive.errors import SpecError

WORDS = ("interval", "name", "namespace", "target", "service", "ingress", "route")
"""What can stand in a place, beside ``variables.NAME``; Flagger's own functions."""

_PLACE = re.compile(r"(?P<left>\{\{-\s|\{\{)(?P<inside>.*?)(?P<right>\s-\}\}|\}\})", re.DOTALL)
_VARIABLE = re.compile(r"(?:\(\s*variables\s*\)|variables)\.(?P<name>[^\W\d]\w*)")


def places(query: str) -> tuple[str, ...]:
    """The words of all places in order, such as ``("namespace", "variables.app")``."""
    return tuple(_word(found["inside"]) for found in _PLACE.finditer(query))


def faults(query: str) -> tuple[str, ...]:
    """What is wrong with the places of `query`, in words; empty: nothing."""
    wrong = []
    for word in places(query):
        if word not in WORDS and not word.startswith("variables."):
            shown = word if len(word) <= 40 else f"{word[:40]}…"
            known = ", ".join((*WORDS, "variables.NAME"))
            wrong.append(f"{{{{ {shown} }}}} cannot be filled in; known are {known}")
    rest = _PLACE.sub("", query)
    if "{{" in rest:
        wrong.append("a {{ has no }}")
    return tuple(wrong)


def uses(query: str, word: str) -> bool:
    """Whether `query` has a place for `word`."""
    return word in places(query)


def fill(query: str, values: Mapping[str, str]) -> str:
    """Fill the places whose word is in `values` and leave all others as they are."""
    return _replaced(query, {**values}, must=False)


def render(query: str, values: Mapping[str, str]) -> str:
    """
    Fill every place.

    Args:
        values: Word → text, such as ``{"interval": "1m", "variables.app": "web"}``.

    Raises:
        SpecError: A place has no value, or is not understood.

    >>> render('rate(hits{app="{{ target }}"}[{{interval}}])', {"target": "a", "interval": "30s"})
    'rate(hits{app="a"}[30s])'
    """
    if wrong := faults(query):
        raise SpecError("query", wrong[0], wrong[1:])
    return _replaced(query, values, must=True)


def _word(inside: str) -> str:
    word = inside.strip()
    variable = _VARIABLE.fullmatch(word)
    return word if variable is None else f"variables.{variable['name']}"


def _replaced(query: str, values: Mapping[str, str], *, must: bool) -> str:
    pieces: list[str] = []
    done, trim = 0, False
    for found in _PLACE.finditer(query):
        word = _word(found["inside"])
        if word not in values:
            if must:
                raise SpecError("query", f"{{{{ {word} }}}} has no value")
            continue
        before = query[done : found.start()]
        pieces.append(_trimmed(before, left=trim, right=found["left"] != "{{"))
        pieces.append(values[word])
        done, trim = found.end(), found["right"] != "}}"
    pieces.append(_trimmed(query[done:], left=trim, right=False))
    return "".join(pieces)


def _trimmed(text: str, *, left: bool, right: bool) -> str:
    text = text.lstrip() if left else text
    return text.rstrip() if right else text
