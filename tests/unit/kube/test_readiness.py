"""When a Deployment can take traffic."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.kube.manifests import deployment, exceeded, rolled_out

from progressive._kube.workload.readiness import readiness
from progressive._model.events import Readiness

NEW = {"generation": 4}


def asked(percent: int = 100, wanted: int = 3, **status: Any) -> tuple[Readiness, str]:
    side = rolled_out(deployment(replicas=wanted, meta=NEW), **status)
    found = readiness(side, percent=percent)
    return found.readiness, found.message


def test_a_side_whose_replicas_are_all_available_is_ready() -> None:
    """The common case."""
    assert (Readiness.READY, "web: 3 of 3 replicas are available") == asked()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"observedGeneration": 3}, "the Deployment controller has not seen its last change yet"),
        ({"updatedReplicas": 2, "replicas": 2}, "2 of 3 replicas are of the new template"),
        ({"replicas": 4}, "1 of 4 pods are still of the old template"),
        ({"availableReplicas": 2}, "2 of 3 replicas are available"),
    ],
)
def test_what_is_waited_for_is_said_with_numbers(status: dict[str, Any], words: str) -> None:
    """A person who reads it at the deadline must know where to look."""
    assert (Readiness.WAITING, f"web: {words}") == asked(**status)


def test_a_status_that_was_never_written_is_waited_for() -> None:
    """Right after its creation a Deployment has none."""
    fresh = deployment(meta={"generation": 1})

    assert Readiness.WAITING is readiness(fresh, percent=100).readiness


def test_a_side_scaled_to_zero_is_never_ready() -> None:
    """Flagger takes it for ready and sends traffic there (its weak spot 12)."""
    assert (Readiness.WAITING, "web: scaled to 0 replicas") == asked(wanted=0)
    assert Readiness.WAITING is asked(wanted=0, percent=0)[0]
    assert Readiness.WAITING is asked(wanted=0, conditions=exceeded())[0]


@given(replicas=st.integers(1, 60), percent=st.integers(0, 100), available=st.integers(0, 60))
def test_the_share_is_never_rounded_down(replicas: int, percent: int, available: int) -> None:
    """At least one replica, whatever the percentage: no traffic without an endpoint."""
    available = min(available, replicas)

    found, _ = asked(percent, replicas, availableReplicas=available)

    enough = available >= 1 and available / replicas >= percent / 100 - 1e-12
    assert (Readiness.READY if enough else Readiness.WAITING) is found


def test_a_passed_progress_deadline_is_stuck() -> None:
    """Kubernetes has given up; waiting longer helps nobody."""
    found, message = asked(availableReplicas=1, conditions=exceeded())

    assert Readiness.STUCK is found
    assert (
        'web: ReplicaSet "web-1" has timed out progressing. (1 of 3 replicas are available)'
        == message
    )


def test_a_deadline_that_passed_before_the_last_change_counts_no_more() -> None:
    """The condition is of the rollout before, as long as the controller has not looked."""
    assert Readiness.WAITING is asked(observedGeneration=3, conditions=exceeded())[0]


def test_a_quota_that_forbids_pods_is_named() -> None:
    """Only this condition says why there are no pods."""
    failure = {"type": "ReplicaFailure", "message": "exceeded quota: small"}

    message = asked(updatedReplicas=0, replicas=0, conditions=[failure])[1]

    assert "web: 0 of 3 replicas are of the new template (exceeded quota: small)" == message


def test_a_paused_rollout_is_named() -> None:
    """It waits for a person, and nobody would know."""
    paused = rolled_out(deployment(meta=NEW, paused=True), updatedReplicas=0, replicas=0)

    assert readiness(paused, percent=100).message.endswith("; its rollout is paused")


def test_why_there_are_no_pods_is_told_without_their_variables() -> None:
    """An admission that refuses pods quotes what it likes, and the status repeats it."""
    words = "pods is forbidden: denied: hunter2-long is no DSN"
    failure = {"type": "ReplicaFailure", "status": "True", "message": words}
    side = rolled_out(deployment(replicas=3, meta=NEW), updatedReplicas=0, conditions=[failure])
    variables = [{"name": "DSN", "value": "hunter2-long"}]
    side["spec"]["template"]["spec"]["containers"][0]["env"] = variables
    told = readiness(side, percent=100).message

    assert "pods is forbidden: denied: … is no DSN" in told
