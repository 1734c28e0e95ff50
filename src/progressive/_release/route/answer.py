"""What a routing command answers: the keys that `progressive route -o json` promises.

Floor 5, pure. Made by `offline.py` and `live.py`, printed by `_cli/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from progressive._adapters.mesh.writes import Written
from progressive._model.record import Outcome
from progressive._model.traffic import Observed, Split
from progressive.errors import AdapterError, ErrorKind

Manifest = Mapping[str, Any]


@frozen(kw_only=True)
class Routed:
    """
    What came of a routing command.

    Attributes:
        observed: The split as it was read back, as the release sees it.
        changed: Whether anything was written.
        writes: What was written, in order.
        objects: The documents of the file, and what was made, as they stand; on a cluster the
            objects that were written.
        warnings: ``Type: text`` lines.
        note: Further words for a person; empty: none.
    """

    observed: Observed
    changed: bool = False
    writes: tuple[Written, ...] = field(default=(), repr=False, hash=False)
    objects: tuple[Manifest, ...] = field(default=(), repr=False, hash=False)
    warnings: tuple[str, ...] = ()
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As `-o json` prints a write."""
        return {
            "changed": self.changed,
            "patches": [one.patch.to_dict() for one in self.writes],
            "objects": [dict(one) for one in self.objects],
            "split": split_dict(self.observed),
            "warnings": [warning(one) for one in self.warnings],
        }

    @property
    def before(self) -> tuple[tuple[Manifest | None, Manifest | None], ...]:
        """Each object that changed, as it was and as it stands, in the order of the writes."""
        found: dict[Any, tuple[Manifest | None, Manifest | None]] = {}
        for one in self.writes:
            oldest = found[one.patch.ref][0] if one.patch.ref in found else one.before
            found[one.patch.ref] = (oldest, one.after)
        return tuple(found.values())


def routed(
    observed: Observed,
    wanted: Split,
    *,
    writes: Iterable[Written] = (),
    objects: Sequence[Manifest] = (),
    warnings: Iterable[str] = (),
) -> Routed:
    """The answer for a release with this order; warnings are told once each."""
    told, written = dict.fromkeys((*warnings, *observed.warnings)), tuple(writes)
    return Routed(
        observed=observed.within(wanted),
        changed=bool(written),
        writes=written,
        objects=tuple(objects),
        warnings=tuple(told),
    )


def split_dict(observed: Observed) -> dict[str, Any]:
    """A split, as `--read` prints it; a mirror of whole percents is a whole number."""
    mirror = observed.mirror
    if mirror is not None and mirror == int(mirror):
        mirror = int(mirror)
    return {
        "canary": observed.canary,
        "total": observed.total,
        "mirror": mirror,
        "matched": observed.matched,
    }


def warning(line: str) -> dict[str, str]:
    """A ``Type: text`` line as an object."""
    kind, _, text = line.partition(": ")
    return {"type": kind, "message": text} if text else {"type": "Note", "message": line}


def error_dict(error: AdapterError) -> dict[str, Any]:
    """A refusal, as `-o json` prints it."""
    told: dict[str, Any] = {
        "type": type(error).__name__,
        "message": str(error),
        "kind": str(error.kind),
        "unsettled": getattr(error, "unsettled", False),
    }
    if error.retry_after is not None:
        told["retry_after_s"] = error.retry_after
    return {"error": told}


def exit_status(error: AdapterError) -> int:
    """
    6 refused; 8 a run moves this traffic; 9 unreachable before any write; 10 partly written and
    not put back, or not known (L27).
    """
    if getattr(error, "unsettled", False):
        return Outcome.STUCK.exit_code
    if error.kind is ErrorKind.LOST:
        return Outcome.BUSY.exit_code
    if error.kind is ErrorKind.UNAVAILABLE:
        return Outcome.UNREACHABLE.exit_code
    return Outcome.REJECTED.exit_code
