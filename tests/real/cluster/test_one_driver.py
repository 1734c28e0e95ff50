"""One driver at a time by a real Lease: killed, silent, living and replaced ones."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from datetime import timedelta

import pytest
from tests.contract.places_contract import (
    Told,
    target,
)
from tests.realparts.control_plane import ControlPlane
from tests.realparts.process import wait_for

from progressive._model.events import DriverLost
from progressive.clusters import KubernetesCluster
from progressive.errors import Busy, ErrorKind, LockError
from progressive.stores import LeaseLock

pytestmark = pytest.mark.real

QUICK = timedelta(milliseconds=100)


def test_lease_that_may_not_be_read_is_refused_with_words(
    control_plane: ControlPlane, namespace: str
) -> None:
    """Rights are missing, not a driver busy."""
    cluster = KubernetesCluster.from_environment(control_plane.kubeconfig("forbidden"))
    with pytest.raises(LockError) as caught:
        cluster.lock().acquire(target(namespace), "run", Told())

    assert ErrorKind.FORBIDDEN is caught.value.kind
    assert "leases.coordination.k8s.io" in str(caught.value)


DRIVER = """
    import sys, threading
    from progressive.clusters import KubernetesCluster
    from progressive.stores import LeaseLock
    from tests.contract.places_contract import Told, target
    cluster = KubernetesCluster.from_environment(sys.argv[1])
    hold = LeaseLock(cluster).acquire(target(sys.argv[2]), "run-1", Told())
    print("held", hold.epoch, flush=True)
    threading.Event().wait()
"""


@pytest.fixture
def killed_driver(control_plane: ControlPlane, namespace: str) -> int:
    """A driver in a process of its own took the target and was killed; its epoch."""
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(DRIVER),
            str(control_plane.kubeconfig()),
            namespace,
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    with child.stdout:
        word, epoch = child.stdout.readline().split()
    assert "held" == word
    child.kill()
    child.wait(30)
    return int(epoch)


def test_killed_driver_of_this_machine_frees_the_target_at_once(
    cluster: KubernetesCluster, namespace: str, killed_driver: int
) -> None:
    """A build that is started again need not wait for the Lease to end."""
    lock = LeaseLock(cluster, monotonic=_stopped)
    assert lock.holder(target(namespace)) is None
    hold = lock.acquire(target(namespace), "run-2", Told())
    hold.close()

    assert killed_driver + 1 == hold.epoch


def test_silent_driver_of_another_machine_is_taken_over_in_time(
    cluster: KubernetesCluster, namespace: str, killed_driver: int
) -> None:
    """Nothing can be known of its process, so its Lease must stand still for its duration."""
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/progressive-web"
    note = "progressive.dev/holder"
    told = json.loads(cluster.get(path)["metadata"]["annotations"][note])
    elsewhere = json.dumps({**told, "host": "elsewhere"})
    cluster.merge_patch(
        path,
        {"metadata": {"annotations": {note: elsewhere}}, "spec": {"leaseDurationSeconds": 1}},
    )
    hold = LeaseLock(cluster).acquire(target(namespace), "run-2", Told())
    hold.close()

    assert killed_driver + 1 == hold.epoch


def test_living_driver_keeps_its_target_through_a_restart(
    cluster: KubernetesCluster, control_plane: ControlPlane, namespace: str
) -> None:
    """The API server's absence is nobody's death."""
    told = Told()
    hold = LeaseLock(cluster, renew_every=QUICK).acquire(target(namespace), "run-1", told)
    control_plane.restart_api_server()
    other = KubernetesCluster.from_environment(control_plane.kubeconfig("other"))
    with pytest.raises(Busy) as caught:
        other.lock().acquire(target(namespace), "run-2", Told())
    hold.close()

    assert "run-1" in str(caught.value)
    assert [] == told.events


def test_driver_that_was_replaced_is_told(
    cluster: KubernetesCluster, control_plane: ControlPlane, namespace: str
) -> None:
    """It must stop without touching traffic."""
    told = Told()
    hold = LeaseLock(cluster, renew_every=QUICK).acquire(target(namespace), "run-1", told)
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/progressive-web"
    control_plane.user("other").patch(
        path,
        {
            "metadata": {"annotations": {"progressive.dev/holder": None}},
            "spec": {"holderIdentity": "somebody else"},
        },
    )
    wait_for(lambda: told.events, "the loss is told")
    hold.close()

    assert [DriverLost] == [type(one) for one in told.events]
    assert "somebody else" in getattr(told.events[0], "message", "")
    assert "somebody else" == cluster.get(path)["spec"]["holderIdentity"]


def _stopped() -> float:
    return 0.0
