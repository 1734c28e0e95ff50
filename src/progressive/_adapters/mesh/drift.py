"""Says that something else is read back than was written, and who wrote it.

Floor 4, but pure. Used by `router.py`, and `accepted.py` for the words.
"""

from __future__ import annotations

from progressive._adapters.mesh.objects import Sight
from progressive._mesh.codec import ref_of
from progressive._mesh.ownership import writers
from progressive._model.traffic import Observed, Split, Target
from progressive.errors import Drift


def drifted(sight: Sight, target: Target, wanted: Split, observed: Observed) -> Drift:
    """The error for an order that was stored and does not stand."""
    seen = "; ".join(
        f"{ref_of(one, target)} was written by {writers(one) or 'somebody'}"
        for one in sight.objects
    )
    found = observed.within(wanted)
    ordered = told(wanted.canary, wanted.total, wanted.mirror, bool(wanted.match))
    stands = told(found.canary, found.total, found.mirror, found.matched)
    drift = Drift(f"{target}: ordered {ordered}, read back {stands}; {seen}")
    drift.unsettled = True
    return drift


def told(canary: int, total: int, mirror: float | None, matched: bool) -> str:
    """A split in words."""
    said = f"canary {canary} of {total}"
    if mirror:
        said += f", mirror {mirror:g} percent"
    return f"{said}, a managed rule" if matched else said
