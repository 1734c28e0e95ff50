"""What the demo shows: lines and tables for a terminal of 80 columns.

Floor 5, no decisions. Colours only on a terminal, and not where `NO_COLOR` is set
(https://no-color.org).
"""

from __future__ import annotations

import json
import math
import os
import textwrap
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, TextIO

from progressive._demo.load import Share
from progressive._model.checks import VerdictKind
from progressive._model.record import Round

WIDTH = 80
_INDENT = 20  # of what stands below an event: after the time and the first word


class Colour(StrEnum):
    """The few that are used, by the SGR numbers of ECMA-48."""

    BOLD = "1"
    DIM = "2"
    RED = "31"
    GREEN = "32"
    YELLOW = "33"


_OF_VERDICT = {
    VerdictKind.PASS: Colour.GREEN,
    VerdictKind.FAIL: Colour.RED,
    VerdictKind.NO_DATA: Colour.YELLOW,
    VerdictKind.INCONCLUSIVE: Colour.YELLOW,
}


class Screen:
    """
    Writes to a stream, line by line.

    Args:
        out: The stream.
        colours: None: by the stream and the environment.
    """

    def __init__(self, out: TextIO, *, colours: bool | None = None) -> None:
        self._out = out
        self._colours = _may_colour(out, os.environ) if colours is None else colours

    def line(self, text: str = "") -> None:
        """One line, seen at once."""
        self._out.write(text.rstrip() + "\n")
        self._out.flush()

    def paragraph(self, text: str) -> None:
        """Words, broken at the width."""
        for one in textwrap.wrap(text, WIDTH):
            self.line(one)

    def title(self, text: str) -> None:
        """The head of a part."""
        self.line()
        self.line(self.paint(text, Colour.BOLD))
        self.line()

    def facts(self, facts: Mapping[str, str]) -> None:
        """Names and what they stand for, one a line."""
        width = max(map(len, facts))
        for name, text in facts.items():
            self.line(f"  {name:<{width}}  {text}")

    def event(self, seconds: float, word: str, text: str, colour: Colour | None = None) -> None:
        """
        One thing that happened.

        Args:
            seconds: Since the demo began.
            word: Its first word, ten letters at most.
        """
        first, *rest = textwrap.wrap(text, WIDTH - _INDENT) or [""]
        painted = self.paint(f"{word:<9}", colour)
        self.line(f"{seconds:6.1f} s  {painted} {first}")
        for one in rest:
            self.line(f"{'':{_INDENT}}{one}")

    def round(self, seconds: float, one: Round) -> None:
        """A round: its verdict, and each check in words."""
        colour = _OF_VERDICT[one.verdict]
        verdict = self.paint(one.verdict.value.replace("_", " ").upper(), colour)
        self.line(f"{seconds:6.1f} s  {'round':<9} {verdict}")
        for check in one.checks:
            self.line(f"{'':{_INDENT}}{check.explanation}")

    def table(self, rows: Sequence[Share], asked: Mapping[str, float]) -> None:
        """
        What users got, beside what was asked for.

        Args:
            asked: Version → share, 0 to 1.
        """
        head = f"{'':9}{'asked':>7}{'users got':>11}{'requests':>10}{'errors':>8}{'p99':>9}"
        self.line(f"{'':{_INDENT}}{self.paint(head, Colour.DIM)}")
        for row in rows:
            errors = f"{row.errors:>8}"
            told = (
                f"{row.version or 'nobody':<9}{asked.get(row.version, 0.0):>7.0%}"
                f"{row.part:>11.1%}{row.requests:>10}"
                f"{self.paint(errors, Colour.RED) if row.errors else errors}"
                f"{_milliseconds(row.slowest):>9}"
            )
            self.line(f"{'':{_INDENT}}{told}")

    def document(self, name: str, document: Mapping[str, Any]) -> None:
        """A configuration, to copy."""
        self.title(name)
        for one in json.dumps(document, indent=2).splitlines():
            self.line(f"  {one}")

    def paint(self, text: str, colour: Colour | None) -> str:
        """The text in a colour, where colours may be."""
        if not self._colours or colour is None:
            return text
        return f"\x1b[{colour.value}m{text}\x1b[0m"


def _milliseconds(seconds: float) -> str:
    return "-" if math.isnan(seconds) else f"{seconds * 1000:.0f} ms"


def _may_colour(out: TextIO, environment: Mapping[str, str]) -> bool:
    plain = environment.get("NO_COLOR") or environment.get("TERM") == "dumb"
    return not plain and out.isatty()
