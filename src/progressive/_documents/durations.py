"""Durations as Go writes them, such as ``30s``, ``1m30s``, ``500ms``.

Floor 3, pure. Flagger's CRD says `[0-9]+(m|s)`; Go's parser behind it takes the whole grammar.
"""

from __future__ import annotations

import re
from datetime import timedelta

from progressive.errors import SpecError

LONGEST = timedelta(days=3650)
"""Ten years: longer ones are slips of the pen, and would overflow a date."""

_UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_PART = re.compile(r"(\d{1,15}(?:\.\d{0,15})?|\.\d{1,15})(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_WHOLE = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)
_BARE = re.compile(r"\d{1,15}(?:\.\d{1,15})?", re.ASCII)


def parse_duration(value: object) -> timedelta:
    """
    A time to wait, longer than zero, ten years at most.

    Raises:
        SpecError: It is none; the words say what to write.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not abs(value) < 10**15:
            raise SpecError("", "the number is too large, and has no unit")
        raise SpecError("", f"{value} has no unit; write {value}s, or another unit (m, h, ms)")
    if not isinstance(value, str):
        raise SpecError("", "is no duration; write a number with its unit, such as 30s or 1m30s")
    if _BARE.fullmatch(value):
        raise SpecError("", f'"{value}" has no unit; write {value}s, or another unit (m, h, ms)')
    if not _WHOLE.fullmatch(value):
        shown = value if len(value) <= 40 else f"{value[:40]}…"
        raise SpecError(
            "", f'"{shown}" is no duration; write a number with its unit, such as 30s or 1m30s'
        )
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(value))
    if seconds > LONGEST.total_seconds():
        raise SpecError("", f"{value} is more than ten years")
    length = timedelta(seconds=seconds)
    if length <= timedelta(0):
        raise SpecError("", f"{value} is no time to wait; write a longer one, such as 30s")
    return length


def duration_text(length: timedelta) -> str:
    """
    The shortest usual way to write it: ``1m``, ``90s``, ``500ms``.

    >>> [duration_text(timedelta(seconds=s)) for s in (0.5, 60, 90, 7200)]
    ['500ms', '1m', '90s', '2h']
    """
    seconds = length.total_seconds()
    if seconds != int(seconds):
        return f"{seconds * 1000:g}ms"
    for size, unit in ((3600, "h"), (60, "m")):
        if seconds and seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"
