"""Words about a run that the table and the page share: what, by whom, how far.

Floor 5, pure.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from progressive._model.report import Report
from progressive._release.past.history import Recorded

WIDTH = 100
"""Columns of the page and the table."""


def wrapped(text: str, first: str, rest: str) -> list[str]:
    """Lines of a text with these indents; words, such as names and queries, are never cut."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def what(revision: str | None, images: Sequence[str]) -> str:
    """What was released: the images, else the hash of the template."""
    if images:
        return ", ".join(images)
    return f"revision {revision}" if revision else "two existing workloads"


def released(report: Report) -> str:
    """The same with the hash beside the images: by it the primary's annotation is compared."""
    hashed = f" (revision {report.revision})" if report.images and report.revision else ""
    return what(report.revision, report.images) + hashed


def by(report: Report) -> str:
    """Who drove, the last one last."""
    return ", then ".join(report.drivers) or "a driver that left no name"


def ending(record: Recorded) -> str:
    """``rolled_back (check-failed)``, or how an unfinished run stands."""
    report = record.report
    if (outcome := report.outcome) is not None:
        more = f" ({report.reason})" if report.reason and report.reason != outcome.value else ""
        return f"{outcome}{more}"
    return {
        "on-hold": "on hold",
        "unreadable": "cannot be read",
        "interrupted": "interrupted",
        "unfinished": "not finished",
    }.get(record.state, "running")


def parts(weight: int, total: int) -> str:
    """A weight as people say it: ``30 %`` of a hundred parts, else ``3 of 7``."""
    return f"{weight} %" if total == 100 else f"{weight} of {total}"


def highest(report: Report) -> str:
    """The most that the canary had."""
    weights = [*report.weights, *(one.weight for one in report.rounds), 0]
    return parts(max(weights), report.total)
