"""Reads what a Lease says.

Floor 4. Shared by `locks.py`, which takes Leases, and `living.py`, which only looks at them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any


def is_held(lease: dict[str, Any]) -> bool:
    """Whether somebody is named in it; he may be dead."""
    return bool((lease.get("spec") or {}).get("holderIdentity"))


def version_of(manifest: dict[str, Any]) -> str:
    """The resource version of a Lease, or of a journal's object."""
    return str(manifest["metadata"].get("resourceVersion", ""))


def duration_of(lease: dict[str, Any]) -> timedelta:
    """How long its holder may be silent: the holder's own promise."""
    # 0 or none would let everybody in
    return timedelta(seconds=int(lease["spec"].get("leaseDurationSeconds") or 15))


def renewed_at(lease: dict[str, Any]) -> datetime | None:
    """When it was last renewed, by its holder's clock; None: that is not to be read."""
    try:
        at = datetime.fromisoformat(str(lease["spec"].get("renewTime")).replace("Z", "+00:00"))
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
