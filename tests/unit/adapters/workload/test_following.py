"""Telling a run that its target moved."""

from __future__ import annotations

import queue
from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.adapters.workload.world import (
    APPS,
    SHOP,
    V1,
    V2,
    WEB,
    Document,
    live,
    promoted,
    target,
    written,
)
from tests.unit.kube.manifests import rolled_out

from progressive._kube.workload.revision import revision
from progressive._model.events import CanaryLost, Event, Readiness, TargetMoved
from progressive._model.traffic import Side
from progressive.errors import ClusterError, ErrorKind


@pytest.fixture
def told() -> queue.Queue[Event]:
    return queue.Queue()


def test_a_moving_target_is_told_once_a_revision(told: queue.Queue[Event]) -> None:
    """Not its replicas, not its status, and not where it stands at the start."""
    cluster, workload = live(target(V1))
    watch = workload.watch(SHOP, told.put)
    cluster.put(target(V1, replicas=9))
    cluster.put(rolled_out(target(V1)))
    cluster.put(target(V2))
    cluster.put(target(V2, replicas=1))
    cluster.put(target(V1))

    seen = [told.get(timeout=10), told.get(timeout=10)]
    watch.close()
    watch.close()
    cluster.put(target(V2))

    assert [revision(V2), revision(V1)] == [
        one.revision for one in seen if isinstance(one, TargetMoved)
    ]
    assert told.empty()


def test_a_target_that_moved_before_the_watch_is_told(told: queue.Queue[Event]) -> None:
    """The run knows what `situation` said; between that and the watch is a gap."""
    cluster, workload = live(target(V1))
    workload.situation(SHOP)
    cluster.put(target(V2))

    watch = workload.watch(SHOP, told.put)

    seen = told.get(timeout=10)
    watch.close()
    assert isinstance(seen, TargetMoved)
    assert revision(V2) == seen.revision


def test_a_watch_that_is_refused_is_said_and_one_that_is_late_is_not(
    told: queue.Queue[Event],
) -> None:
    """Without the right the run goes on, warned; without an answer the watch is tried again."""
    cluster, workload = live(target(V1))
    cluster.fail(ClusterError("no answer", ErrorKind.UNAVAILABLE), verb="watch")
    watch = workload.watch(SHOP, told.put)
    cluster.put(target(V2))
    watch.close()

    cluster.deny("watch", "deployments")
    with pytest.raises(ClusterError) as caught:
        workload.watch(SHOP, told.put)

    assert ErrorKind.FORBIDDEN is caught.value.kind


def test_the_canary_is_asked_of_the_watch_that_follows_it(told: queue.Queue[Event]) -> None:
    """Where a watch serves nobody polls: one watch, however often the canary is asked."""
    cluster, workload = live(rolled_out(target(V1)), promoted())
    watch = workload.watch(SHOP, told.put)
    soon = datetime.now(UTC) + timedelta(seconds=30)

    asked = [workload.readiness(SHOP, Side.CANARY, soon).readiness for _ in range(3)]

    assert [Readiness.READY] * 3 == asked
    assert [("watch", f"{APPS}/deployments")] == cluster.calls
    watch.close()


def test_a_reading_from_before_our_write_makes_no_canary_ready(
    told: queue.Queue[Event],
) -> None:
    """The pods that were ready before are not those that the last write asked for."""
    cluster, workload = live(rolled_out(target(V1, replicas=1)), promoted(replicas=3))
    watch = workload.watch(SHOP, told.put)
    soon = datetime.now(UTC) + timedelta(seconds=30)
    workload.readiness(SHOP, Side.CANARY, soon)
    workload.scale(SHOP, up=True)

    early = workload.readiness(SHOP, Side.CANARY, datetime.now(UTC) + timedelta(seconds=0.2))
    cluster.put(rolled_out(target(V1, replicas=3), observedGeneration=99))
    late = workload.readiness(SHOP, Side.CANARY, soon)
    watch.close()

    assert (Readiness.WAITING, Readiness.READY) == (early.readiness, late.readiness)


def test_a_watch_that_was_closed_is_not_believed(told: queue.Queue[Event]) -> None:
    """What it showed last may be long over."""
    cluster, workload = live(rolled_out(target(V1)))
    workload.watch(SHOP, told.put).close()
    cluster.put(rolled_out(target(V1), availableReplicas=0))

    asked = workload.readiness(SHOP, Side.CANARY, datetime.now(UTC))

    assert Readiness.WAITING is asked.readiness


def test_a_canary_that_is_shown_as_down_is_looked_at_before_it_is_left(
    told: queue.Queue[Event],
) -> None:
    """A watch may be late: an end that leaves the canary running would cost the user."""
    cluster, workload = live(target(V1, replicas=0), promoted())
    watch = workload.watch(SHOP, told.put)
    workload.scale(SHOP, up=True)
    workload.scale(SHOP, up=False)
    watch.close()

    assert 0 == cluster.get(f"{APPS}/deployments/web")["spec"]["replicas"]
    assert [("patch", "/deployments/web")] * 2 == written(cluster)[-2:]


def ready(count: int, *, replicas: int = 3, pods: Document = V1) -> Document:
    """The target with so many ready pods."""
    found = rolled_out(target(pods, replicas=replicas), availableReplicas=count)
    return {**found, "status": {**found["status"], "readyReplicas": count}}


def test_a_canary_that_loses_its_last_ready_pod_is_told_once_a_loss(
    told: queue.Queue[Event],
) -> None:
    """L23: one that is left is enough for its users; and a second loss is news again."""
    cluster, workload = live(ready(3))
    watch = workload.watch(SHOP, told.put)
    for count in (1, 0, 0, 2, 0):
        cluster.put(ready(count))
    seen = [told.get(timeout=10), told.get(timeout=10)]
    cluster.put(ready(0, pods=V2))  # what comes after the losses, so that a third would be seen
    moved = told.get(timeout=10)
    watch.close()

    assert [CanaryLost, CanaryLost] == [type(one) for one in seen]
    assert "web: 0 of 3 replicas are ready" == getattr(seen[0], "message", "")
    assert isinstance(moved, TargetMoved) and told.empty()


def test_a_canary_that_comes_up_has_nothing_to_lose(told: queue.Queue[Event]) -> None:
    """From zero replicas until it was ready once, and when it is scaled down again."""
    cluster, workload = live(ready(0, replicas=0))
    watch = workload.watch(SHOP, told.put)
    for one in (ready(0), ready(2), ready(0, replicas=0), ready(0), ready(0, pods=V2)):
        cluster.put(one)
    first = told.get(timeout=10)
    watch.close()

    assert isinstance(first, TargetMoved) and told.empty()


def test_a_driver_that_goes_on_is_told_what_it_finds(told: queue.Queue[Event]) -> None:
    """The canary died with its driver: nobody saw it, and the split still stands."""
    _, workload = live(ready(0))
    workload.situation(SHOP)
    watch = workload.watch(SHOP, told.put)
    found = told.get(timeout=10)
    watch.close()

    assert isinstance(found, CanaryLost)


def test_a_target_that_nobody_has_looked_at_is_not_lost(told: queue.Queue[Event]) -> None:
    """A Deployment that was made a moment ago has no status at all."""
    cluster, workload = live(target(V1))
    watch = workload.watch(SHOP, told.put)
    cluster.put(target(V2))
    first = told.get(timeout=10)
    watch.close()

    assert isinstance(first, TargetMoved) and told.empty()


def test_a_target_that_is_deleted_is_lost(told: queue.Queue[Event]) -> None:
    """Its pods are about to go; users must not wait for the end of a hold."""
    cluster, workload = live(ready(3))
    watch = workload.watch(SHOP, told.put)
    cluster.discard(WEB)
    found = told.get(timeout=10)
    watch.close()

    assert isinstance(found, CanaryLost)
    assert "Deployment shop/web does not exist" == found.message


def test_a_loss_during_an_outage_of_the_watch_is_told_when_it_is_back(
    told: queue.Queue[Event],
) -> None:
    """The next listing shows how things stand."""
    cluster, workload = live(ready(3))
    cluster.fail(ClusterError("no answer", ErrorKind.UNAVAILABLE), verb="watch")
    watch = workload.watch(SHOP, told.put)
    cluster.put(ready(0))
    found = told.get(timeout=20)
    watch.close()

    assert isinstance(found, CanaryLost)
