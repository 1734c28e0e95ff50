"""The shapes of what is measured, and how they are printed."""

from __future__ import annotations

import os
import platform
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Spread:
    """
    Several measurements of the same thing.

    Attributes:
        median, least, most: In `unit`.
        unit: Such as ``ms``.
    """

    median: float
    least: float
    most: float
    unit: str

    @classmethod
    def of(cls, values: Sequence[float], unit: str) -> Spread:
        """Their median, least and most."""
        return cls(
            median=statistics.median(values), least=min(values), most=max(values), unit=unit
        )

    def __str__(self) -> str:
        return f"{self.median:.3g} {self.unit} ({self.least:.3g} to {self.most:.3g})"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """
    One row of the table.

    Attributes:
        what: What was measured.
        measured: The figure, with its unit.
        beside: What it is to be seen beside, measured in the same run unless said otherwise.
        budget: What it may be; empty: no budget.
    """

    what: str
    measured: str
    beside: str = ""
    budget: str = ""


def machine() -> str:
    """On what the times were taken, in words."""
    cores = len(os.sched_getaffinity(0))
    version = ".".join(map(str, sys.version_info[:3]))
    return f"{cores} cores, {platform.system()} {platform.machine()}, Python {version}"


def table(figures: Iterable[Figure]) -> str:
    """The figures in Markdown."""
    rows = [("figure", "measured", "beside", "budget"), ("---",) * 4]
    rows += [(one.what, one.measured, one.beside, one.budget) for one in figures]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
