"""What a field may hold, as small values that read, check and clean a tree of YAML at once.

Floor 3, pure. A shape reads a value at a path, tells `Findings` what is wrong, and returns what
is right; the rest is left out (`ABSENT`), so later reading meets sound values only. ``null``
counts as left out, as for the API server. Used by `flagger/fields.py` and `native.py`.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Collection, Mapping
from enum import Enum
from typing import Any

from attrs import field, frozen

from progressive._documents.durations import parse_duration
from progressive._documents.findings import Findings, Rule
from progressive._model.traffic import TOKEN
from progressive.errors import SpecError


class _Absent(Enum):
    ABSENT = "absent"


ABSENT = _Absent.ABSENT
"""What a shape returns where nothing sound was found."""

Shape = Callable[[object, str, Findings], Any]
"""Reads a value at a path; returns it clean, or `ABSENT`."""


def described(value: object) -> str:
    """A value in words for people, cut short; never the inside of a mapping or a list."""
    match value:
        case None:
            return "nothing"
        case bool():
            return f"{str(value).lower()} (yes or no)"
        case str():
            shown = value if len(value) <= 40 else f"{value[:40]}…"
            return f'"{shown}" (text)'
        case int() if abs(value) >= 10**18:
            return "a huge number"
        case int() | float():
            return f"{value} (a number)"
        case Mapping():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case _:
            return f"a {type(value).__name__}"


def nearest(word: str, known: Collection[str]) -> str:
    """``; did you mean x?``, or nothing."""
    lower = {one.lower(): one for one in known}
    close = difflib.get_close_matches(word.lower(), lower, n=1, cutoff=0.6)
    return f"; did you mean {lower[close[0]]}?" if close else ""


@frozen
class Text:
    """
    Text, not empty unless `empty`.

    Attributes:
        choices: The only texts that are allowed; None: any.
        pattern: What the whole text must look like.
        looks: `pattern` in words.
        longest: Most characters.
    """

    choices: tuple[str, ...] | None = None
    pattern: str | None = None
    looks: str = ""
    longest: int | None = None
    empty: bool = False

    def __call__(self, value: object, path: str, findings: Findings) -> Any:
        if not isinstance(value, str):
            findings.error(path, f"{described(value)} where text belongs{_quoted(value)}")
            return ABSENT
        if not value and not self.empty and "" not in (self.choices or ()):
            findings.error(path, "is empty; write a text, or leave the field out", Rule.MISSING)
            return ABSENT
        if self.choices is not None and value not in self.choices:
            known = ", ".join(one or '""' for one in self.choices)
            hint = nearest(value, self.choices)
            findings.error(path, f"{described(value)} is not one of {known}{hint}", Rule.UNKNOWN)
            return ABSENT
        if self.longest is not None and len(value) > self.longest:
            findings.error(
                path, f"has {len(value)} characters; at most {self.longest} are allowed"
            )
            return ABSENT
        if self.pattern is not None and not re.fullmatch(self.pattern, value):
            findings.error(path, f"{described(value)} is no {self.looks}")
            return ABSENT
        return value


def _quoted(value: object) -> str:
    plain = isinstance(value, (int, float)) or (value is not None and not _holds_more(value))
    return "; put it in quotes" if plain else ""


def _holds_more(value: object) -> bool:
    return isinstance(value, (Mapping, list, tuple))


@frozen
class Number:
    """
    A number, finite; whole unless `fraction`.

    Attributes:
        least, most: Inclusive; None: open.
        fraction: Whether parts of one are allowed.
        unit: Said after the number in messages.
    """

    least: float | None = None
    most: float | None = 2**31 - 1
    fraction: bool = False
    rule: Rule = Rule.VALUE

    def __call__(self, value: object, path: str, findings: Findings) -> Any:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            unquote = ""
            if isinstance(value, str) and re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", value):
                unquote = f"; write {value} without quotes"
            findings.error(path, f"{described(value)} where a number belongs{unquote}")
            return ABSENT
        if isinstance(value, float) and not math.isfinite(value):
            findings.error(path, f"{value} is not a finite number")
            return ABSENT
        if isinstance(value, int) and abs(value) >= 10**18:
            findings.error(path, "the number is too large")
            return ABSENT
        if not self.fraction and value != int(value):
            findings.error(path, f"{value} is not a whole number")
            return ABSENT
        if (self.least is not None and value < self.least) or (
            self.most is not None and value > self.most
        ):
            findings.error(path, f"{value} is {self._range(value)}", self.rule)
            return ABSENT
        return float(value) if self.fraction else int(value)

    def _range(self, value: float) -> str:
        if self.least is not None and value < self.least:
            return f"below {self.least:g}, the least that is allowed"
        return f"above {self.most or 0:.12g}, the most that is allowed"


@frozen
class Flag:
    """``true`` or ``false``."""

    def __call__(self, value: object, path: str, findings: Findings) -> Any:
        if not isinstance(value, bool):
            findings.error(path, f"{described(value)} where true or false belongs")
            return ABSENT
        return value


@frozen
class Duration:
    """A time to wait; cleaned to a `timedelta`."""

    def __call__(self, value: object, path: str, findings: Findings) -> Any:
        try:
            return parse_duration(value)
        except SpecError as error:
            named = isinstance(value, (str, int, float)) and not isinstance(value, bool)
            words = error.problem if named else f"{described(value)} {error.problem}"
            findings.error(path, words)
            return ABSENT


@frozen
class PortName:
    """A container port: a number, or the name of one; 0 counts as left out, as in Flagger."""

    def __call__(self, value: object, path: str, findings: Findings) -> Any:
        if isinstance(value, str):
            if value.isdecimal():
                findings.error(path, f'"{value[:40]}" is text; write the number without quotes')
                return ABSENT
            return PORT_NAME(value, path, findings)
        number = Number(least=0, most=65535)(value, path, findings)
        return ABSENT if number == 0 else number


@frozen
class ListOf:
    """
    A list, every item of one shape; unsound items are left out.

    Attributes:
        least, most: Number of items.
        placed: Whether it is read as a mapping of index → item, for further faults of items.
    """

    item: Shape
    least: int = 0
    most: int | None = None
    placed: bool = False

    def __call__(self, value: object, path: str, findings: Findings) -> Any:
        if not isinstance(value, (list, tuple)):
            findings.error(path, f"{described(value)} where a list belongs")
            return ABSENT
        if len(value) < self.least:
            findings.error(path, "is an empty list; name at least one", Rule.MISSING)
            return ABSENT
        if self.most is not None and len(value) > self.most:
            findings.error(path, f"has {len(value)} items; at most {self.most} are allowed")
            return ABSENT
        read = [self.item(one, f"{path}[{index}]", findings) for index, one in enumerate(value)]
        if self.placed:
            return {index: one for index, one in enumerate(read) if one is not ABSENT}
        return [one for one in read if one is not ABSENT]


@frozen
class MapOf:
    """A mapping of any names to values of one shape."""

    item: Shape

    def __call__(self, value: object, path: str, findings: Findings) -> Any:
        if not isinstance(value, Mapping):
            findings.error(path, f"{described(value)} where a mapping belongs")
            return ABSENT
        clean = {}
        for key, one in value.items():
            if not isinstance(key, str):
                findings.error(path, f"the key {described(key)} is not text; put it in quotes")
                continue
            read = self.item(one, f"{path}.{key}", findings)
            if read is not ABSENT:
                clean[key] = read
        return clean


@frozen
class Record:
    """
    A mapping with known fields; any other is an error.

    Attributes:
        fields: Name → shape.
        needs: Names that must be there.
        exactly_one: Of these names exactly one must be there; empty: no such rule.
        instead: Name that people write → what to do instead.
    """

    fields: Mapping[str, Shape] = field(hash=False)
    needs: tuple[str, ...] = ()
    exactly_one: tuple[str, ...] = ()
    instead: Mapping[str, str] = field(factory=dict, hash=False)

    def __call__(self, value: object, path: str, findings: Findings) -> Any:
        if not isinstance(value, Mapping):
            findings.error(path, f"{described(value)} where a mapping belongs")
            return ABSENT
        clean: dict[str, Any] = {}
        for key, one in value.items():
            word = key if isinstance(key, str) else described(key)
            here = f"{path}.{word}" if path else word
            shape = self.fields.get(key) if isinstance(key, str) else None
            if shape is None:
                self._unknown(key, here, findings)
            elif one is not None:
                read = shape(one, here, findings)
                if read is not ABSENT:
                    clean[key] = read
        self._missing(value, path, findings)
        return clean

    def _unknown(self, key: object, path: str, findings: Findings) -> None:
        word = key if isinstance(key, str) else described(key)
        hint = self.instead.get(word) or nearest(word, self.fields).removeprefix("; ")
        known = f"known are {', '.join(self.fields)}" if len(self.fields) <= 8 else ""
        words = "; ".join(one for one in ("there is no such field", hint or known) if one)
        findings.error(path, words, Rule.UNKNOWN)

    def _missing(self, value: Mapping[Any, Any], path: str, findings: Findings) -> None:
        for name in self.needs:
            if value.get(name) is None:
                here = f"{path}.{name}" if path else name
                findings.error(here, "is missing, and must be given", Rule.MISSING)
        if self.exactly_one:
            given = [name for name in self.exactly_one if value.get(name) is not None]
            if len(given) != 1:
                have = f"has {' and '.join(given)}" if given else "has none of them"
                wanted = ", ".join(self.exactly_one)
                findings.error(path, f"exactly one of {wanted} is needed; it {have}")


TEXT = Text()
ANY_TEXT = Text(empty=True)
FLAG = Flag()
DURATION = Duration()
TEXTS = ListOf(TEXT)
TEXT_MAP = MapOf(ANY_TEXT)

NAME = Text(
    pattern=r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?",
    looks="name for Kubernetes (small letters, digits, - and .)",
    longest=253,
)
"""A DNS subdomain, as Kubernetes names most objects."""

LABEL = Text(
    pattern=r"[a-z0-9]([-a-z0-9]*[a-z0-9])?",
    looks="name for Kubernetes (small letters, digits and -)",
    longest=63,
)
"""A DNS label, as Kubernetes names namespaces."""

SERVICE_NAME = Text(
    pattern=r"[a-z]([-a-z0-9]*[a-z0-9])?",
    looks="name of a service (small letters, digits and -, a letter first)",
    longest=63,
)

COOKIE_NAME = Text(
    pattern=TOKEN, looks="name of a cookie (letters, digits, - and _; no spaces, no = and no ;)"
)

PORT_NAME = Text(
    pattern=r"(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*",
    looks="port name (small letters, digits and single -, at least one letter)",
    longest=15,
)
