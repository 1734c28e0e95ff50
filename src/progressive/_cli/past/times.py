"""Instants and lengths of time, as people say them.

Floor 5, pure.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def instant(at: datetime) -> str:
    """``2026-11-25 19:45:31``, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def span(length: timedelta) -> str:
    """``45 s``, ``6 min 30 s``, ``2 h 5 min``, ``3 d 4 h``: the two largest parts."""
    seconds = max(0, round(length.total_seconds()))
    for size, name, part, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min")):
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            return f"{whole} {name}" + (f" {rest // part} {small}" if rest >= part else "")
    if seconds >= 60:
        whole, rest = divmod(seconds, 60)
        return f"{whole} min" + (f" {rest} s" if rest else "")
    return f"{seconds} s"


def age(at: datetime, now: datetime) -> str:
    """``14 min ago``; one that lies ahead, by the clock of another machine, is just now."""
    seconds = (now - at).total_seconds()
    for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {name} ago"
    return "just now"
