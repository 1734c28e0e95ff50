"""A canary whose pods all become unready in a hold (L23): through Envoy, and by itself."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from tests.real.stage.shop import NEW, Place, Shop, eventually
from tests.realparts.load import Counts
from tests.realparts.mesh import Mesh
from tests.realparts.process import wait_for

pytestmark = [
    pytest.mark.real,
    pytest.mark.apart,
    pytest.mark.analysis(interval="20s", maxWeight=20),  # long enough to lose it
]


def pods(place: Place, *, ready: bool) -> None:
    """What a kubelet says when the probes of all pods of the canary fail, or pass again."""
    for path in canary_pods(place):
        probed(place, path, ready=ready)


def canary_pods(place: Place) -> list[str]:
    """Paths of the pods that stay; those of the version before may be on their way out."""
    path = f"/api/v1/namespaces/{place.namespace}/pods"
    found = place.api.get(path, labelSelector="app=my-app")["items"]
    kept = [one["metadata"] for one in found if not one["metadata"].get("deletionTimestamp")]
    return [f"{path}/{one['name']}" for one in kept]


def probed(place: Place, path: str, *, ready: bool) -> None:
    """What a kubelet says of one pod."""
    word = "True" if ready else "False"
    conditions = [{"type": kind, "status": word} for kind in ("Ready", "ContainersReady")]
    place.api.patch(f"{path}/status", {"status": {"conditions": conditions}}, kind="strategic")


def test_users_are_home_before_the_hold_is_over_and_come_back_with_the_canary(
    mesh: Mesh, namespace: str, tmp_path: Path
) -> None:
    """
    A hold of 20 s with a fifth of all users on pods that are gone would be a fifth of an outage.
    """
    shop = Shop(mesh, namespace, tmp_path, interval="20s", stepWeight=20, maxWeight=20)
    assert 0 == shop.run().code
    mesh.wait_version(shop.host, "1")
    with mesh.load(shop.host, per_second=50, seconds_at_most=150) as load:
        running = shop.start("run", *NEW)
        running.wait_for("step weight=20")
        mesh.wait_weights(shop.host, {"my-app-primary": 80, "my-app-canary": 20})
        lost = time.monotonic()
        pods(shop, ready=False)
        mesh.wait_weights(shop.host, {"my-app-primary": 100})
        home = time.monotonic()
        eventually(lambda: load.counts_between(home)[("1", 200)] > 50, "users who are home")
        pods(shop, ready=True)
        ended = running.end()

    meanwhile = load.counts_between(lost, home)
    sys.stdout.write(
        f"home in Envoy after {home - lost:.2f} s; of {sum(meanwhile.values())} users meanwhile "
        f"{errors(meanwhile)} saw an error\n"
    )
    assert ("promoted", 0) == (ended.answer.get("outcome"), ended.code), ended.lines
    assert [20, 0, 20, 0] == ended.answer["weights"]
    told = [one["kind"] for one in ended.answer["notifications"]]
    assert ["started", "canary-lost", "promoted"] == told
    assert 0 == errors(load.counts_between(0, lost)) + errors(load.counts_between(home))
    assert load.counts[("2", 200)] > 0


def errors(counts: Counts) -> int:
    return sum(number for (_, status), number in counts.items() if status != 200)


def test_a_canary_that_does_not_come_back_is_rolled_back(place: Place) -> None:
    """
    At its deadline; the split was home all the time, and the words say how many are ready.
    """
    place.document["spec"]["progressDeadlineSeconds"] = 5
    place.write(place.document)
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    pods(place, ready=False)
    wait_for(lambda: place.split() == (100, 0), "the split at home")
    ended = running.end()

    assert ("rolled_back", "canary-not-ready", 3) == (
        ended.answer.get("outcome"),
        ended.answer.get("reason"),
        ended.code,
    ), ended.lines
    assert "0 of 2 replicas are available" in ended.answer["message"]
    assert [] == ended.answer["rounds"], "the hold was cut"
    assert (100, 0) == place.split() and 0 == place.replicas("my-app")


def test_one_pod_that_is_left_is_enough_until_the_next_weight(place: Place) -> None:
    """
    A rolling node must not make the traffic jump to and fro.
    """
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    probed(place, canary_pods(place)[0], ready=False)
    ended = running.end()

    assert ("promoted", [20, 0]) == (ended.answer.get("outcome"), ended.answer["weights"])


def test_a_run_on_hold_goes_home_too_and_is_on_hold_again(place: Place) -> None:
    """
    A person who holds a weight over lunch does not want users on pods that are gone.
    """
    place.document["spec"]["analysis"]["interval"] = "30s"
    place.write(place.document)
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    assert 0 == place.run("hold", "--why", "lunch").code
    running.wait_for("held")
    pods(place, ready=False)
    wait_for(lambda: place.split() == (100, 0), "the split at home")
    pods(place, ready=True)
    wait_for(lambda: place.split() == (80, 20), "the weight again")
    held = place.run("status").answer
    assert 0 == place.run("resume").code
    ended = running.end()

    assert (None, 20) == (held["outcome"], held["final"]["weight"])
    assert ("promoted", [20, 0, 20, 0]) == (
        ended.answer.get("outcome"),
        ended.answer["weights"],
    ), ended.lines


def test_a_canary_that_died_with_its_driver_is_taken_home_by_the_next_one(place: Place) -> None:
    """
    Nobody saw it; the next driver does, before it waits for anything.
    """
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    running.kill()
    pods(place, ready=False)
    path = place.api.path("apps/v1", "Deployment", place.namespace, "my-app")
    place.api.wait(path, lambda it: not it["status"].get("readyReplicas"), "no pod ready")
    second = place.start("run", "--resume")
    second.wait_for("canary-lost")
    wait_for(lambda: place.split() == (100, 0), "the split at home")
    assert 0 == place.run("abort").code
    ended = second.end()

    assert "aborted" == ended.answer.get("outcome"), ended.lines
    assert [20, 0] == ended.answer["weights"]


def test_a_target_that_is_deleted_in_a_hold_sends_its_users_home_at_once(place: Place) -> None:
    """
    Its pods go in the background; a hold may last for minutes.
    """
    place.document["spec"]["analysis"]["interval"] = "60s"
    place.document["spec"]["progressDeadlineSeconds"] = 5
    place.write(place.document)
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    path = place.api.path("apps/v1", "Deployment", place.namespace, "my-app")
    place.api.delete(path, propagationPolicy="Orphan")
    wait_for(lambda: place.split() == (100, 0), "the split at home")
    ended = running.end()

    assert ("rolled_back", "canary-not-ready") == (
        ended.answer.get("outcome"),
        ended.answer.get("reason"),
    ), ended.lines
    assert "does not exist" in ended.answer["message"]
