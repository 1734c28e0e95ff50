"""What a sweep found and what a detach left, as text for people.

Floor 5.
"""

from __future__ import annotations

from collections.abc import Sequence

from progressive._release.outside.detach import Detached
from progressive._release.outside.standing import Found


def sweep_text(found: Sequence[Found], namespace: str | None) -> str:
    """One target a paragraph, and the sum of it; `namespace` None: all were looked into."""
    where = "any namespace" if namespace is None else f"namespace {namespace}"
    if not found:
        return f"no journal in {where}"
    lines = []
    for one in found:
        name = f" ({one.outcome})" if one.outcome else ""
        lines.append(f"{one.target}: {one.standing}{name}, {_traffic(one)}")
        if one.restored:
            lines.append("  sent home")
        if one.message:
            lines.append(f"  {one.message}")
    left = sum(1 for one in found if one.orphan and not one.restored)
    home = sum(1 for one in found if one.restored)
    lines.append("")
    told = [f"{len(found)} looked at", f"{left} split without a driver"]
    lines.append(", ".join([*told, *([f"{home} sent home"] if home else [])]))
    if any(one.restorable and not one.restored for one in found):
        lines.append("'progressive sweep --restore' sends them home")
    return "\n".join(lines)


def _traffic(one: Found) -> str:
    if one.weight is None:
        return "the split is not known"
    if one.weight == 0:
        return "all on the primary"
    if one.weight == one.total:
        return "all on the canary"
    return f"{one.weight} of {one.total} on the canary"


def detach_text(done: Detached) -> str:
    """What is gone, and what stays."""
    lines = [f"{done.target}: {'not detached' if done.exit_code else 'detached'}"]
    lines += [f"  {done.message}"] if done.message else []
    lines += [f"  removed  {one}" for one in done.removed]
    lines += [f"  kept     {one}" for one in done.kept]
    return "\n".join(lines)
