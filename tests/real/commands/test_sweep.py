"""Runs whose driver has died, found and brought home by somebody who has no file."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.real.stage.shop import NEW, Ended, Place
from tests.real.stage.unfinished import far_away, journal, killed_at_20, only, sweep
from tests.realparts.process import wait_for

pytestmark = [
    pytest.mark.real,
    pytest.mark.apart,
    pytest.mark.analysis(interval="60s", maxWeight=20),  # a weight is held for long
]


def test_a_split_whose_driver_died_is_shown_and_then_sent_home(place: Place) -> None:
    """
    What a CronJob does when a build agent is lost.
    """
    before = sweep(place)
    killed_at_20(place)
    shown = sweep(place)
    split = place.split()
    restored = sweep(place, "--restore")
    after = sweep(place, "--restore")
    status = place.run("status").answer

    assert (0, []) == (before.code, before.answer["targets"])
    assert 10 == shown.code, shown.lines
    assert ("interrupted", 20, False, True) == (
        only(shown)["standing"],
        only(shown)["weight"],
        only(shown)["home"],
        only(shown)["orphan"],
    )
    assert (80, 20) == split, "showing moves nothing"
    assert 0 == restored.code, restored.lines
    assert ("aborted", True) == (only(restored)["outcome"], only(restored)["restored"])
    assert (100, 0) == place.split()
    assert 0 == place.replicas("my-app")
    assert (0, "finished") == (after.code, only(after)["standing"])
    assert "sweep" in status["message"]
    assert 1 == len([one for one in status["notifications"] if one["kind"] == "aborted"])


def test_a_living_driver_is_left_alone(place: Place) -> None:
    """
    Its Lease is renewed while it is looked at.
    """
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    swept = sweep(place, "--restore")
    split = place.split()
    running.kill()

    assert 0 == swept.code, swept.lines
    assert ("running", False) == (only(swept)["standing"], only(swept)["orphan"])
    assert (80, 20) == split


def test_a_dead_driver_on_another_machine_is_known_by_its_silence(place: Place) -> None:
    """
    L18: no clocks are compared; its Lease is watched for as long as it may be silent.
    """
    killed_at_20(place)
    far_away(place)
    swept = sweep(place, "--restore")

    assert 0 == swept.code, swept.lines
    assert True is only(swept)["restored"]
    assert (100, 0) == place.split()


def test_two_sweeps_at_once_send_it_home_once(place: Place) -> None:
    """
    One of them takes the Lease; the other leaves the target to it.
    """
    killed_at_20(place)
    swept: list[Ended] = []

    def one() -> None:
        swept.append(sweep(place, "--restore"))

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    status = place.run("status").answer

    assert [0, 0] == [one.code for one in swept], [one.lines for one in swept]
    assert any(only(one)["restored"] for one in swept)
    assert (100, 0) == place.split()
    assert 1 == len([one for one in status["notifications"] if one["kind"] == "aborted"])


def test_a_first_weight_that_a_person_holds_is_not_sent_home(place: Place) -> None:
    """
    Whoever said hold wants the split, though nobody drives it; --include-held overrules that.
    """
    killed_at_20(place)
    put = [
        sys.executable,
        "-c",
        "import sys\n"
        "from progressive.clusters import KubernetesCluster\n"
        "from progressive import Target\n"
        "target = Target(namespace=sys.argv[1], service='my-app', primary='my-app-primary',"
        " canary='my-app-canary')\n"
        "cluster = KubernetesCluster.from_environment()\n"
        "cluster.inbox().put(target, 'hold', by='ann', why='looking at it')\n",
        place.namespace,
    ]
    subprocess.run(put, env=place.environment, check=True, timeout=60)
    held = sweep(place, "--restore")
    split = place.split()
    overruled = sweep(place, "--restore", "--include-held")

    assert (0, "held") == (held.code, only(held)["standing"]), held.lines
    assert "by ann: looking at it" in only(held)["message"]
    assert (80, 20) == split
    assert (0, True) == (overruled.code, only(overruled)["restored"]), overruled.lines
    assert (100, 0) == place.split()


def test_a_split_without_a_journal_is_known_by_its_mark(place: Place) -> None:
    """
    Somebody removed the ConfigMap to be rid of the run; the users are still split.
    """
    killed_at_20(place)
    place.api.delete(journal(place))
    shown = sweep(place)
    restored = sweep(place, "--restore")

    assert (10, "marked") == (shown.code, only(shown)["standing"]), shown.lines
    assert (0, True) == (restored.code, only(restored)["restored"]), restored.lines
    assert (100, 0) == place.split()
    assert 0 == len(sweep(place).answer["targets"])


def _slow(deployment: Any) -> bool:
    annotations = deployment["spec"]["template"]["metadata"].get("annotations") or {}
    return "tests/ready-after" in annotations


def test_a_promotion_whose_driver_died_is_finished(place: Place) -> None:
    """
    L26: the primary is not undone, so its way home is forward.
    """
    place.document["spec"]["analysis"]["interval"] = "2s"
    place.write(place.document)
    path = place.api.path("apps/v1", "Deployment", place.namespace, "my-app")
    slow = {"annotations": {"tests/ready-after": "6s"}}
    place.api.patch(path, {"spec": {"template": {"metadata": slow}}})
    running = place.start("run")
    primary = place.api.path("apps/v1", "Deployment", place.namespace, "my-app-primary")
    # the line is shown before the decision is saved; the copied template is written after that
    place.api.wait(primary, _slow, "the analysed template on the primary")
    running.kill()
    swept = sweep(place, "--restore")

    assert 0 == swept.code, swept.lines
    assert ("promoted", True) == (only(swept)["outcome"], only(swept)["restored"])
    assert (100, 0) == place.split()


def test_a_primary_that_serves_nobody_gets_no_traffic(place: Place) -> None:
    """
    Home would be an outage: it says so, and leaves the users where they are served.
    """
    killed_at_20(place)
    path = place.api.path("apps/v1", "Deployment", place.namespace, "my-app-primary")
    place.api.patch(path, {"spec": {"replicas": 0}})
    slices = place.api.path("discovery.k8s.io/v1", "EndpointSlice", place.namespace)

    def empty() -> bool:
        listed = place.api.get(slices, labelSelector="kubernetes.io/service-name=my-app-primary")[
            "items"
        ]
        return not any(one.get("endpoints") for one in listed)

    wait_for(empty, "no endpoint of the primary")
    swept = sweep(place, "--restore")

    assert 10 == swept.code, swept.lines
    assert "home would be an outage" in only(swept)["message"]
    assert (80, 20) == place.split()


def test_a_cluster_that_is_away_is_exit_9(place: Place) -> None:
    """
    A CronJob that cannot see is not one that saw nothing.
    """
    config = Path(place.environment["KUBECONFIG"])
    text = config.read_text()
    told = json.loads(text)
    told["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    other = place.folder / "away.json"
    other.write_text(json.dumps(told))
    place.environment["KUBECONFIG"] = str(other)
    swept = sweep(place)

    assert 9 == swept.code, swept.lines
    assert "Traceback" not in swept.lines
