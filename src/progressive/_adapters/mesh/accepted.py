"""The levels of done after stored: is a write accepted by controllers, is it in effect?

Floor 4: reads the status of routing objects, for a bounded time, and counts requests; never
writes. Used by `router.py`; what a status means is the codec's (`_mesh/standing.py`), what counts
mean is `_mesh/effect.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from progressive._adapters.mesh.drift import told
from progressive._adapters.mesh.objects import MeshObjects
from progressive._mesh.codec import MeshCodec
from progressive._mesh.effect import CountsTraffic, Effect, judge_share
from progressive._mesh.standing import Standing, StandingKind, StatusCodec, worst
from progressive._model.kinds import require_kind
from progressive._model.traffic import Capabilities, Observed, Split, Target
from progressive.errors import InvalidRequest, NotAccepted, RouterError

PATIENCE = timedelta(seconds=30)
"""How long a controller may take: it may be starting, or busy with a whole cluster."""

_FIRST, _LONGEST = 0.2, 2.0
"""Seconds between two looks at a status: the first pause, doubled up to the longest."""


class Acceptance(Protocol):
    """Tells whether the mesh's controller has taken over what was stored (level 2 of done)."""

    def mark(self) -> object:
        """Remember how things stand before a write; never raises."""

    def wait(self, mark: object, standing: Callable[[], Standing]) -> str | None:
        """
        Wait, for a bounded time, until the write is taken over; else why it is not known.

        Args:
            standing: Reads what was written once more, and judges its status.

        Raises:
            NotAccepted: It is refused.
        """


class StatusAcceptance:
    """
    Takes the word of the status conditions of the written objects.

    Args:
        settle: How long is waited where a status does not tell of which generation it is.
        patience: How long is waited for a controller at most.
        pause: Waits, in seconds.
    """

    def __init__(
        self,
        settle: timedelta,
        *,
        patience: timedelta = PATIENCE,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        require_kind("patience", patience, timedelta)
        self._settle, self._patience, self._pause = settle, patience, pause

    def mark(self) -> object:
        """Nothing: a status tells its generation itself."""
        return None

    def wait(self, mark: object, standing: Callable[[], Standing]) -> str | None:
        """Wait until the status is good for the stored generation; else why not."""
        try:
            found = self.awaited(standing)
        except NotAccepted:
            raise
        except RouterError as error:
            return f"Note: not known whether the write is accepted: {error}"
        if found.kind is StandingKind.ACCEPTED:
            return None
        return f"Note: stored, and not known whether it is accepted: {found.words}"

    def awaited(self, standing: Callable[[], Standing]) -> Standing:
        """
        What the status says once it is decided, or once the wait is over.

        Raises:
            NotAccepted: It is refused.
            RouterError: The objects cannot be read.
        """
        waited, step = 0.0, _FIRST
        while True:
            found = standing()
            unverified = found.kind is StandingKind.UNVERIFIED
            limit = min(self._settle, self._patience) if unverified else self._patience
            left = limit.total_seconds() - waited
            if left <= 0:
                found = found.overdue()
            if found.kind is StandingKind.REFUSED:
                raise NotAccepted(found.words)
            if left <= 0 or found.kind is StandingKind.ACCEPTED:
                return found
            self._pause(min(step, left))
            waited += min(step, left)
            step = min(2 * step, _LONGEST)


def status_acceptance(
    codec: MeshCodec, patience: timedelta | None, pause: Callable[[float], None]
) -> StatusAcceptance | None:
    """What a router asks after each write; None: it does not wait."""
    if patience is None:
        return None
    return StatusAcceptance(codec.capabilities.settle, patience=patience, pause=pause)


def standing_of(codec: MeshCodec, objects: MeshObjects, target: Target) -> Standing:
    """
    Read the steered objects once more, and judge their status.

    Raises:
        RouterError: They cannot be read.
    """
    if not isinstance(codec, StatusCodec):
        words = f"objects of the router {codec.name} have no status"
        return Standing(kind=StandingKind.UNVERIFIED, words=words)
    steered = objects.look(target).steered(target)
    return worst([codec.standing(one, target) for _, one in steered])


def taken_over(
    acceptance: Acceptance,
    mark: object,
    standing: Callable[[], Standing],
    *,
    before: Observed | None,
    split: Split,
) -> tuple[str, ...]:
    """
    Notes on why it is not known whether a write was taken over; none: it was.

    Args:
        before: The split that it replaced; None: it could not be read.

    Raises:
        NotAccepted: It is refused, and gave the canary more: the split before is offered back.
    """
    try:
        note = acceptance.wait(mark, standing)
    except NotAccepted as error:
        # the way home must not depend on a controller
        if shrinks(before, split):
            return (f"NotAccepted: {error}",)
        words = "canary 0"
        if before is not None:
            words = told(before.canary, before.total, before.mirror, before.matched)
        error.unsettled = True
        error.message += f"; order the split before again: {words}"
        error.args = (error.message, *error.args[1:])
        raise
    return () if note is None else (note,)


def shrinks(before: Observed | None, split: Split) -> bool:
    """Whether an order leaves the canary no more than it had."""
    if before is None:
        return split.canary == 0
    return split.canary * before.total <= before.canary * split.total


def measured(
    proof: CountsTraffic,
    capabilities: Capabilities,
    target: Target,
    split: Split,
    *,
    written: datetime | None,
    since: datetime | None,
    at: datetime | None,
) -> Effect:
    """
    The measured share of a split (level 3 of done).

    Args:
        written: When the objects were last written; None: not by this router.
        since: Begin of the window; None: `written`, and the settling of the mesh.
        at: End of the window; None: now.

    Raises:
        InvalidRequest: The window would hold the old split, or has no begin.
        MetricsError: The requests could not be counted.
    """
    earliest = None if written is None else written + capabilities.settle
    begin = since or earliest
    if begin is None:
        raise InvalidRequest(f"{target}: since= is needed; this router wrote no split yet")
    if earliest is not None and begin < earliest:
        raise InvalidRequest(
            f"{target}: the window begins at {begin.isoformat()}, before the write and its "
            f"settling were over ({earliest.isoformat()}): it would hold the old split"
        )
    traffic = proof.traffic(target, dialect=capabilities.dialect or "", since=begin, at=at)
    return judge_share(split, traffic)
