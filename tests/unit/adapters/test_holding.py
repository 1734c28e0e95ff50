"""A Lease that is held: renewed, lost, and freed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from tests.contract.places_contract import Told
from tests.unit.adapters.lease import (
    AWAY,
    LEASE,
    NOON,
    NOTE,
    WEB,
    Seconds,
    elsewhere,
    lease_of,
    standing,
    take_at_noon,
)

from progressive._model.events import DriverLost
from progressive.clusters import MemoryCluster
from progressive.stores import LeaseLock

Renewing = tuple[MemoryCluster, Told, Any]


@pytest.fixture
def renewing() -> Iterator[Renewing]:
    """A hold that renews every 10 ms."""
    cluster, told = MemoryCluster(), Told()
    lock = LeaseLock(cluster, renew_every=timedelta(milliseconds=10))
    hold = lock.acquire(WEB, "run-1", told)
    yield cluster, told, hold
    hold.close()


def after_renewals(cluster: MemoryCluster, count: int) -> None:
    """Wait until the Lease was written so many times more."""
    done = threading.Semaphore(0)
    cluster.on(done.release, verb="patch", path="leases", times=count, after=True)
    for _ in range(count):
        assert done.acquire(timeout=10)


def test_hold_renews_itself(renewing: Renewing) -> None:
    """A run waits for hours without a word."""
    cluster, told, hold = renewing
    before = standing(cluster)["spec"]["renewTime"]
    after_renewals(cluster, 2)

    assert before < standing(cluster)["spec"]["renewTime"]
    assert hold.epoch == standing(cluster)["spec"]["leaseTransitions"]
    assert [] == told.events


def test_label_of_somebody_else_is_no_loss(renewing: Renewing) -> None:
    """Ownership tools label everything."""
    cluster, told, _ = renewing
    labelled = standing(cluster)
    labelled["metadata"]["labels"]["cost"] = "7"
    cluster.put(labelled)
    after_renewals(cluster, 2)

    assert [] == told.events
    assert "7" == standing(cluster)["metadata"]["labels"]["cost"]


def test_api_that_is_away_is_no_loss(renewing: Renewing) -> None:
    """Nobody else can take the Lease there, either."""
    cluster, told, _ = renewing
    struck = threading.Event()

    def strike() -> None:
        struck.set()
        raise AWAY

    cluster.on(strike, path="leases", times=3)
    assert struck.wait(10)
    after_renewals(cluster, 1)

    assert [] == told.events


def test_deleted_lease_is_made_again(renewing: Renewing) -> None:
    """`kubectl delete lease` is no other driver."""
    cluster, told, hold = renewing
    cluster.discard(LEASE)
    done = threading.Event()
    cluster.on(done.set, verb="create", path="leases", after=True)
    assert done.wait(10) or standing(cluster)
    after_renewals(cluster, 1)

    assert [] == told.events
    assert hold.epoch == standing(cluster)["spec"]["leaseTransitions"]


def test_loss_is_told_once_and_the_successor_left_alone(renewing: Renewing) -> None:
    """A driver that lost its Lease stops without touching anything."""
    cluster, told, hold = renewing
    taken = lease_of(elsewhere(), holderIdentity="run-9 by bob", leaseTransitions=2)
    cluster.put(taken)
    told.take(1)
    hold.close()

    assert [DriverLost] == [type(one) for one in told.events]
    assert "run-9 by bob" in json.dumps(getattr(told.events[0], "message", ""))
    assert "run-9 by bob" == standing(cluster)["spec"]["holderIdentity"]


def test_saving_puts_the_renewal_off_but_not_for_ever() -> None:
    """Saves spare requests; the Lease must still move within its duration."""
    cluster, clock = MemoryCluster(), Seconds(0.0)
    lock = LeaseLock(cluster, monotonic=clock, now=lambda: NOON)
    hold = lock.acquire(WEB, "run-1", Told())
    dues = []
    for _ in range(4):
        clock.now += 4.0
        hold.renew()
        dues.append(hold.due - clock.now)
    hold.close()

    assert [5.0, 2.0, -2.0, -6.0] == dues


def test_closing_frees_the_lease_and_says_nothing_more(renewing: Renewing) -> None:
    """The next run starts at once; the count of takings stays."""
    cluster, _, hold = renewing
    hold.close()
    lease = standing(cluster)

    assert "holderIdentity" not in lease["spec"]
    assert NOTE not in lease["metadata"].get("annotations", {})
    assert 1 == lease["spec"]["leaseTransitions"]


@pytest.mark.parametrize("after", [False, True], ids=["refused", "answer lost"])
def test_one_bad_answer_does_not_keep_the_lease(
    caplog: pytest.LogCaptureFixture, after: bool
) -> None:
    """
    The next driver, on another machine, would wait for fifteen seconds.
    """
    cluster = MemoryCluster()
    hold = take_at_noon(cluster)
    cluster.fail(AWAY, verb="patch", path="leases", after=after)
    hold.close()

    assert "holderIdentity" not in standing(cluster)["spec"]
    assert "" == caplog.text


def test_closing_while_the_api_is_away_only_warns(caplog: pytest.LogCaptureFixture) -> None:
    """The end of a run is not held up; the Lease ends by itself."""
    cluster = MemoryCluster()
    hold = take_at_noon(cluster)
    cluster.fail(AWAY, times=None)
    hold.close()

    assert "could not be freed and ends by itself: away" in caplog.text
