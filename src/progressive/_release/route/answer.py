"""What a routing command answers: the keys of release.md section 6.

Floor 5, pure. Made by `offline.py` and `live.py`, printed by `_cli/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from progressive._adapters.mesh.writes import Written
from progressive._model.traffic import Observed, Split
from progressive.errors import AdapterError

Manifest = Mapping[str, Any]


@frozen(kw_only=True)
class Routed:
    """
    What came of a routing command.

    Attributes:
        observed: The split as it was read back, as the release sees it.
        writes: What was written, in order.
        objects: The documents of the file, and what was made, as they stand; on a cluster the
            objects that were written.
        warnings: ``Type: text`` lines.
        note: Further words for a person; empty: none.
    """

    observed: Observed
    writes: tuple[Written, ...] = field(default=(), repr=False, hash=False)
    objects: tuple[Manifest, ...] = field(default=(), repr=False, hash=False)
    warnings: tuple[str, ...] = ()
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As `-o json` prints a write."""
        return {
            "changed": bool(self.writes),
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
    told = dict.fromkeys((*warnings, *observed.warnings))
    return Routed(
        observed=observed.within(wanted),
        writes=tuple(writes),
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
    }
    if error.retry_after is not None:
        told["retry_after_s"] = error.retry_after
    return {"error": told}
