"""Telling a run that its target moved."""

from __future__ import annotations

import queue

import pytest
from tests.unit.adapters.workload.world import SHOP, V1, V2, live, target
from tests.unit.kube.manifests import rolled_out

from progressive._kube.revision import revision
from progressive._model.events import Event, TargetMoved
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
