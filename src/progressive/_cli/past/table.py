"""The table of runs: two lines each, for a name of an image or of a CI job is long.

Floor 5, pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from progressive._cli.past.times import age, instant, span
from progressive._cli.past.words import by, ending, highest, released, wrapped
from progressive._release.past.history import Recorded

_HEAD = ("STARTED (UTC)", "", "RELEASE", "OUTCOME", "TOOK", "REACHED")


def table(records: Sequence[Recorded], *, older: int, now: datetime) -> str:
    """
    Runs as text, in their order.

    Args:
        older: How many more there are that are not shown.
    """
    rows = [_row(one, now) for one in records]
    sizes = [max(len(row[column]) for row in (_HEAD, *rows)) for column in range(len(_HEAD))]
    lines = [_line(_HEAD, sizes)]
    for record, row in zip(records, rows, strict=True):
        lines += [_line(row, sizes), *_details(record)]
    if older:
        lines += ["", f"{older} older runs are not shown; --limit shows more."]
    return "\n".join(lines)


def _line(row: Sequence[str], sizes: Sequence[int]) -> str:
    cells = [cell.ljust(size) for cell, size in zip(row, sizes, strict=True)]
    return "  ".join(cells).rstrip()


def _row(record: Recorded, now: datetime) -> tuple[str, ...]:
    report = record.report
    if (begun := record.begun) is None:
        return ("unknown", "", record.target, ending(record), "", "")
    if record.analysis is None:
        return (instant(begun), age(begun, now), record.target, ending(record), "", "")
    return (
        instant(begun),
        age(begun, now),
        record.target,
        ending(record),
        span(report.duration),
        highest(report),
    )


def _details(record: Recorded) -> list[str]:
    report = record.report
    if record.analysis is None:
        told = [f"run {record.run}" if record.run else "the present run", record.problem]
    else:
        told = [f"run {record.run}", released(report), f"by {by(report)}"]
        if record.state in ("running", "on-hold"):
            told.append(f"its driver lives: {record.holder}")
        if record.unknown:
            told.append(f"who drives it is not known: {record.unknown}")
    return wrapped(" · ".join(told), "    ", "      ")


def table_dict(records: Sequence[Recorded], *, older: int) -> dict[str, Any]:
    """The same as plain JSON values, with the whole reports."""
    return {"runs": [run_dict(one) for one in records], "older": older}


def run_dict(record: Recorded) -> dict[str, Any]:
    """One run as plain JSON values."""
    readable = record.analysis is not None
    return {
        "run_id": record.run,
        "target": record.target,
        "state": record.state,
        "problem": record.problem or record.unknown or None,
        "report": record.report.to_dict() if readable else None,
    }
