"""One driver at a time: what a Lease does on good and bad days."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from tests.contract.places_contract import Told, target

from progressive._adapters.lease.liveness import Holder
from progressive._model.events import DriverLost
from progressive.clusters import MemoryCluster
from progressive.errors import Busy, ClusterError, ErrorKind, LockError
from progressive.stores import ConfigMapStore, LeaseLock

LEASE = "/apis/coordination.k8s.io/v1/namespaces/shop/leases/progressive-web"
NOTE = "progressive.dev/holder"
WEB = target("shop")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NEVER = timedelta(hours=1)
AWAY = ClusterError("away", ErrorKind.UNAVAILABLE)


class Seconds:
    """A monotonic clock that moves on by `step` at each look."""

    def __init__(self, step: float) -> None:
        self.step, self.now = step, 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def lease_of(holder: Holder | None, **spec: Any) -> dict[str, Any]:
    notes = {} if holder is None else {NOTE: holder.to_json()}
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "progressive-web", "namespace": "shop", "annotations": notes},
        "spec": {
            "holderIdentity": "run-1 by ann",
            "leaseDurationSeconds": 15,
            "leaseTransitions": 4,
            "renewTime": "2026-01-01T12:00:00.000000Z",
            **spec,
        },
    }


def elsewhere() -> Holder:
    return evolve(Holder.present("run-1"), host="elsewhere")


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


def standing(cluster: MemoryCluster) -> dict[str, Any]:
    return cluster.get(LEASE)


def take_at_noon(cluster: MemoryCluster, *, step: float = 0.0, told: Told | None = None) -> Any:
    lock = LeaseLock(cluster, renew_every=NEVER, now=lambda: NOON, monotonic=Seconds(step))
    return lock.acquire(WEB, "run-2", told or Told())


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


# holding

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


# looking


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
