"""What every router asks of an order before it plans anything.

Floor 3, pure. Asked by codecs; what one mesh cannot express is said in the words of all.
"""

from __future__ import annotations

from collections.abc import Mapping

from progressive._model.traffic import Split, Target
from progressive.errors import InvalidWeight, Unsupported


def require_weight(target: Target, split: Split, *, max_total: int) -> None:
    """
    Do nothing when the weight is inside the bounds of the release and the total of the mesh.

    Raises:
        InvalidWeight: It is not.
    """
    if split.total > max_total:
        raise InvalidWeight(f"{target}: a total of {split.total} is above {max_total}")
    bounds = target.bounds
    if bounds is not None and not bounds.min <= split.canary <= bounds.max:
        raise InvalidWeight(
            f"{target}: weight {split.canary} is outside the bounds of the release, "
            f"{bounds.min} to {bounds.max}"
        )


def refuse(target: Target, asked: Mapping[str, bool], why: str) -> None:
    """
    Do nothing when none of these is asked for.

    Args:
        asked: What, such as ``mirror`` → whether the order has it.
        why: Why the mesh cannot do it, and what can be done instead.

    Raises:
        Unsupported: The first that is asked for.
    """
    for what, is_asked in asked.items():
        if is_asked:
            raise Unsupported(f"{target}: {what} is not possible: {why}")


def in_parts(canary: int, whole: int, total: int) -> tuple[int, int]:
    """A share in parts of `total` where it can be told so exactly, else as it stands."""
    exact = canary * total % whole == 0
    return (canary * total // whole, total) if exact else (canary, whole)
