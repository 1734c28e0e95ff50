"""One driver at a time: who takes a Lease, and whom one look finds there."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from tests.contract.places_contract import Told
from tests.unit.adapters.lease import (
    AWAY,
    LEASE,
    NOON,
    NOTE,
    WEB,
    elsewhere,
    lease_of,
    standing,
    take_at_noon,
)

from progressive._adapters.lease.liveness import Holder
from progressive.clusters import MemoryCluster
from progressive.errors import Busy, ClusterError, ErrorKind, LockError
from progressive.stores import ConfigMapStore, LeaseLock


@pytest.fixture
def gone() -> Holder:
    """A process of this machine that has ended."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    alive = Holder.present("run-1")
    stat = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
    holder = evolve(alive, pid=child.pid, start=int(stat[19]))
    assert not holder.is_surely_gone()
    child.kill()
    child.communicate()
    return holder


@pytest.fixture
def impatient() -> Callable[[dict[str, Any]], MemoryCluster]:
    """A cluster whose watches end at once, as if all their time had passed."""
    return lambda lease: MemoryCluster([lease], now=lambda: NOON, patient=False)


def test_lease_says_who_holds_it() -> None:
    """`kubectl get lease` shows a person and a run."""
    cluster = MemoryCluster()
    lock = LeaseLock(cluster, identity="https://ci.example/job/7", now=lambda: NOON)
    hold = lock.acquire(WEB, "run-2", Told())
    lease = standing(cluster)
    hold.close()
    holder = Holder.read(lease["metadata"]["annotations"][NOTE])

    assert "run-2 by https://ci.example/job/7" == lease["spec"]["holderIdentity"]
    assert (15, "2026-01-01T12:00:00.000000Z") == (
        lease["spec"]["leaseDurationSeconds"],
        lease["spec"]["renewTime"],
    )
    assert holder is not None
    assert (os.getpid(), "run-2") == (holder.pid, holder.run)


def test_every_taking_has_an_epoch_of_its_own() -> None:
    """A driver that slept is fenced by it, also one of the same process."""
    cluster = MemoryCluster()
    epochs = []
    for _ in range(3):
        hold = take_at_noon(cluster)
        epochs.append(hold.epoch)
        hold.close()

    assert [1, 2, 3] == epochs


def test_dead_process_of_this_machine_frees_the_target_at_once(gone: Holder) -> None:
    """The clock stands still here: nothing was waited for."""
    cluster = MemoryCluster([lease_of(gone)])
    hold = take_at_noon(cluster)
    hold.close()

    assert 5 == hold.epoch
    assert all("watch" != verb for verb, _ in cluster.calls)


@pytest.mark.parametrize("field", ["host", "boot", "space"])
def test_process_that_cannot_be_seen_is_not_called_dead(gone: Holder, field: str) -> None:
    """Another machine, an earlier boot, another container on the same node."""
    changed: dict[str, Any] = {field: "another"}
    stranger = evolve(gone, **changed)

    assert gone.is_surely_gone()
    assert not stranger.is_surely_gone()


def test_process_number_that_is_used_again_is_another_process(gone: Holder) -> None:
    """Numbers come round; the start time does not."""
    here = Holder.present("run-2")

    assert not here.is_surely_gone()
    assert evolve(here, start=here.start - 1).is_surely_gone()


def test_lease_that_stands_still_for_its_duration_is_taken(
    impatient: Callable[[dict[str, Any]], MemoryCluster],
) -> None:
    """Whatever its stamp says: clocks of machines differ."""
    cluster = impatient(lease_of(elsewhere(), renewTime="2030-01-01T00:00:00.000000Z"))
    hold = take_at_noon(cluster, step=20.0)
    lease = standing(cluster)
    hold.close()

    assert 5 == hold.epoch
    assert lease["spec"]["holderIdentity"].startswith("run-2 by ")


def test_lease_that_was_watched_too_short_is_not_taken(
    impatient: Callable[[dict[str, Any]], MemoryCluster],
) -> None:
    """A machine that was suspended has seen nothing."""
    cluster = impatient(lease_of(elsewhere()))
    with pytest.raises(Busy, match="run-1 by ann"):
        take_at_noon(cluster, step=1.0)

    assert [] == cluster.log


def test_saved_journal_is_a_sign_of_life(
    impatient: Callable[[dict[str, Any]], MemoryCluster],
) -> None:
    """A save puts the renewal off, so the Lease alone may stand still."""
    cluster = impatient(lease_of(elsewhere()))
    other = ConfigMapStore(cluster)
    cluster.on(lambda: other.save(WEB, "journal", None), verb="watch")
    with pytest.raises(Busy, match="saved the journal"):
        take_at_noon(cluster, step=20.0)


def test_renewal_that_is_seen_makes_the_target_busy() -> None:
    """And nothing was written."""
    cluster = MemoryCluster([lease_of(elsewhere())], now=lambda: NOON)

    def renew() -> None:
        renewed = lease_of(elsewhere(), renewTime="2026-01-01T12:00:05.000000Z")
        cluster.put(renewed, manager="other")

    cluster.on(lambda: threading.Thread(target=renew).start(), verb="watch", after=True)
    with pytest.raises(Busy) as caught:
        take_at_noon(cluster)

    assert "shop/web is held by run-1 by ann" in str(caught.value)
    assert ErrorKind.LOST is caught.value.kind
    assert [] == cluster.log


@pytest.mark.parametrize("how", ["freed", "deleted"])
def test_target_that_is_freed_meanwhile_is_taken(how: str) -> None:
    """The driver before us was just about to end."""
    cluster = MemoryCluster([lease_of(elsewhere())], now=lambda: NOON)

    def free() -> None:
        if how == "deleted":
            cluster.discard(LEASE)
        else:
            cluster.put(lease_of(None, holderIdentity=None))

    cluster.on(lambda: threading.Thread(target=free).start(), verb="watch", after=True)
    hold = take_at_noon(cluster)
    hold.close()

    assert hold.epoch == (1 if how == "deleted" else 5)


def test_only_one_of_many_takers_gets_a_free_target() -> None:
    """Compare and swap."""
    cluster = MemoryCluster([lease_of(None, holderIdentity="", leaseDurationSeconds=1)])
    held: list[Any] = []
    busy: list[Busy] = []

    def take(number: int) -> None:
        lock = LeaseLock(cluster, renew_every=timedelta(milliseconds=20))
        try:
            held.append(lock.acquire(WEB, f"run-{number}", Told()))
        except Busy as error:
            busy.append(error)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for hold in held:
        hold.close()

    assert (1, 5) == (len(held), len(busy))


def test_taking_whose_answer_was_lost_is_ours() -> None:
    """Else a driver would wait for itself."""
    lost = ClusterError("lost", ErrorKind.CONFLICT, None, 409, "AlreadyExists")
    cluster = MemoryCluster()
    cluster.fail(lost, verb="create", path="leases", after=True)
    hold = take_at_noon(cluster)
    hold.close()

    assert 1 == hold.epoch


def test_unreachable_cluster_is_no_busy_target() -> None:
    """Exit 9 and exit 8 are different things to a pipeline."""
    cluster = MemoryCluster()
    cluster.fail(AWAY)
    with pytest.raises(LockError) as caught:
        take_at_noon(cluster)

    assert not isinstance(caught.value, Busy)
    assert ErrorKind.UNAVAILABLE is caught.value.kind


@pytest.mark.parametrize(
    ("seconds", "seen"), [(0, True), (29, True), (31, False)], ids=["now", "late", "over"]
)
def test_holder_whose_time_is_long_over_is_none(seconds: int, seen: bool) -> None:
    """One look has only the stamp, with a duration of tolerance for clocks."""
    cluster = MemoryCluster([lease_of(elsewhere())])
    lock = LeaseLock(cluster, now=lambda: NOON + timedelta(seconds=seconds))

    assert ("run-1 by ann" if seen else None) == lock.holder(WEB)


def test_dead_process_of_this_machine_holds_nothing(gone: Holder) -> None:
    """`status` after a kill."""
    cluster = MemoryCluster([lease_of(gone)])

    assert LeaseLock(cluster, now=lambda: NOON).holder(WEB) is None


def test_lease_of_another_program_is_respected() -> None:
    """It has no note of ours, so it is waited for by the clock."""
    cluster = MemoryCluster([lease_of(None)])

    assert "run-1 by ann" == LeaseLock(cluster, now=lambda: NOON).holder(WEB)
