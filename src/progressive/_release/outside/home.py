"""Sends traffic home where no journal says what its run was about.

Floor 5. The journal is damaged, of a newer version, or somebody removed it, and a person aborts:
the route itself says enough to bring users to the primary. Asked by `decisions.py`.
"""

from __future__ import annotations

import secrets

from progressive._log import log
from progressive._model.record import Outcome, Reason
from progressive._model.report import Report
from progressive._model.traffic import Observed, Target
from progressive._release.connect import Connection
from progressive.errors import RouteNotFound, RouterError
from progressive.ports import Fence, FencedRouter, Hold, TrafficRouter


def stands_split(connection: Connection) -> bool:
    """
    Whether both sides have traffic.

    All of it on the canary is where a promotion of two existing workloads leaves it, and where
    users stay.

    Raises:
        RouterError: The route cannot be read.
    """
    try:
        seen = connection.router.current(connection.target)
    except RouteNotFound:
        return False
    return 0 < seen.canary < seen.total


def reset_as_driver(router: TrafficRouter, target: Target, hold: Hold, *, run: str) -> Observed:
    """
    Send the traffic home under the token of a taking, as the driver of a run would.

    Raises:
        RouterError: It could not be written; kind ``lost``: the target belongs to another by now.
    """
    if not isinstance(router, FencedRouter):
        return router.reset(target)
    router.fence(target, Fence.of(run, hold), at_once=True)
    try:
        return router.reset(target)
    finally:
        router.unfence(target)


def send_home(connection: Connection, *, by: str, why: str, cause: str) -> Report:
    """
    Take the target, send all its traffic to the primary, and touch nothing else.

    The replicas of the canary stay, and so does what is in the place of the journal.

    Args:
        cause: Why there is no journal to go by, in words.

    Raises:
        Busy: Somebody drives the target, perhaps a newer version.
        AdapterError: The Lease cannot be taken.
    """
    target = connection.target
    signed = f"abort by {by}" + (f": {why}" if why else "")
    run = f"home-{secrets.token_hex(4)}"
    hold = connection.cluster.lock().acquire(target, run, lambda _: None)
    try:
        reset_as_driver(connection.router, target, hold, run=run)
    except RouterError as error:
        words = f"{signed}; the traffic could not be sent home: {error}; {cause}"
        log.error("%s %s", target, words)
        return Report(
            outcome=Outcome.STUCK,
            reason=Reason.ROUTER_ERROR,
            message=words,
            target=str(target),
            split_restored=False,
        )
    finally:
        hold.close()
    words = f"{signed}; all traffic is on the primary, and the canary keeps its pods; {cause}"
    log.warning("%s %s", target, words)
    return Report(
        outcome=Outcome.ABORTED, reason=Reason.ABORTED, message=words, target=str(target)
    )
