"""Bad days in the middle of a release: outages, other writers, a second driver."""

from __future__ import annotations

import json
import time

import pytest
from tests.real.stage.shop import NEW, Place
from tests.realparts.prometheus import Prometheus

pytestmark = [pytest.mark.real, pytest.mark.apart]


def edit_weights(place: Place, canary: int) -> None:
    """What somebody does with kubectl edit."""
    path = place.api.path("networking.istio.io/v1", "VirtualService", place.namespace, "my-app")
    patch = [
        {"op": "add", "path": "/spec/http/0/route/0/weight", "value": 100 - canary},
        {"op": "add", "path": "/spec/http/0/route/1/weight", "value": canary},
    ]
    place.api.patch(path, patch, kind="json", fieldManager="kubectl-edit")


def test_an_api_server_that_is_silent_for_half_a_minute_costs_time_and_nothing_else(
    place: Place,
) -> None:
    """
    Connections stay open and nothing answers, longer than the Lease lasts.
    """
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    with place.control_plane.paused():
        time.sleep(30)  # the outage itself
    ended = running.end()

    assert ("promoted", 0) == (ended.answer.get("outcome"), ended.code), ended.lines
    assert [20, 40, 0] == ended.answer["weights"]
    assert "Traceback" not in ended.lines


def test_an_api_server_that_restarts_is_found_again(place: Place) -> None:
    """
    Every connection and every watch drops.
    """
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    place.control_plane.restart_api_server()
    ended = running.end()

    assert ("promoted", 0) == (ended.answer.get("outcome"), ended.code), ended.lines


def test_a_prometheus_that_is_gone_holds_the_weight_until_it_is_back(
    place: Place, prometheus: Prometheus
) -> None:
    """
    L7: silence is no failure, although the budget is a single one.
    """
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    prometheus.kill()
    try:
        running.wait_for("no_data")
        assert (80, 20) == place.split()
    finally:
        prometheus.start()
    ended = running.end()

    assert ("promoted", 0) == (ended.answer.get("outcome"), ended.code), ended.lines
    assert "no_data" in [one["verdict"] for one in ended.answer["rounds"]]


def test_weights_that_somebody_edits_are_put_back_and_told(place: Place) -> None:
    """
    L14: the event names the field manager, and the ramp goes on where it was.
    """
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    edit_weights(place, 90)
    ended = running.end()

    assert ("promoted", [20, 40, 0]) == (ended.answer.get("outcome"), ended.answer["weights"])
    drifts = [one for one in ended.answer["events"] if one["kind"] == "drift"]
    assert ["kubectl-edit" in one["message"] for one in drifts] == [True]


def test_a_route_that_somebody_deletes_ends_the_run_and_the_next_one_works(place: Place) -> None:
    """
    Without its VirtualService the apex sends everybody to the primary: that is home.
    """
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    place.api.delete(
        place.api.path("networking.istio.io/v1", "VirtualService", place.namespace, "my-app")
    )
    ended = running.end()

    assert ("rolled_back", "router-error", 3) == (
        ended.answer.get("outcome"),
        ended.answer.get("reason"),
        ended.code,
    ), ended.lines
    assert "Traceback" not in ended.lines
    assert "promoted" == place.run().answer["outcome"]
    assert (100, 0) == place.split()


def test_another_build_supersedes_and_the_promoted_one_reverts(place: Place) -> None:
    """
    L13: two exits, each with the traffic home.
    """
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    place.set_image("my-app:3")
    ended = running.end()
    assert ("superseded", "new-revision", 7) == (
        ended.answer.get("outcome"),
        ended.answer.get("reason"),
        ended.code,
    ), ended.lines
    assert (100, 0) == place.split()

    running = place.start("run")
    running.wait_for("step weight=20")
    place.set_image("my-app:1")
    ended = running.end()
    assert ("superseded", "reverted", 7) == (
        ended.answer.get("outcome"),
        ended.answer.get("reason"),
        ended.code,
    ), ended.lines
    assert (100, 0) == place.split()
    assert "my-app:1" == place.image("my-app-primary")


def test_a_second_driver_is_busy_and_disturbs_nobody(place: Place) -> None:
    """
    L18: two builds at once; the second has written nothing.
    """
    place.document["spec"]["analysis"]["interval"] = "20s"
    place.write(place.document)
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    second = place.run()

    assert ("busy", 8) == (second.answer.get("outcome"), second.code), second.lines
    ended = running.end()
    assert ("promoted", [20, 40, 0]) == (ended.answer.get("outcome"), ended.answer["weights"])


def test_a_stolen_lease_stops_the_driver_without_a_write(place: Place) -> None:
    """
    L18: a driver that lost its Lease does not even send the traffic home; the thief drives now.
    """
    place.document["spec"]["analysis"]["interval"] = "8s"
    place.write(place.document)
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    path = place.api.path("coordination.k8s.io/v1", "Lease", place.namespace, "progressive-my-app")
    lease = place.api.get(path)
    lease["spec"]["holderIdentity"] = "somebody else"
    lease["spec"]["leaseTransitions"] = lease["spec"].get("leaseTransitions", 0) + 1
    place.api.put(path, lease)
    ended = running.end()

    assert ("busy", "lease-lost", 8) == (
        ended.answer.get("outcome"),
        ended.answer.get("reason"),
        ended.code,
    ), ended.lines
    assert (80, 20) == place.split(), "the split is the thief's now"
    assert False is ended.answer["split_restored"]


def test_a_damaged_journal_is_refused_and_named(place: Place) -> None:
    """
    Half-written state: nothing is written over it, and a person is told where to look.
    """
    assert "unchanged" == place.run().answer["outcome"]
    path = place.api.path("v1", "ConfigMap", place.namespace, "progressive-my-app")
    journal = place.api.get(path)["data"]["journal"]
    place.api.patch(path, {"data": {"journal": journal[: len(journal) // 2]}})
    ended = place.run("run", *NEW)

    assert ("rejected", 6) == (ended.answer.get("outcome"), ended.code), ended.lines
    assert "journal" in ended.answer["message"]
    assert "Traceback" not in ended.lines
    with pytest.raises(json.JSONDecodeError):
        json.loads(place.api.get(path)["data"]["journal"])


def test_resume_answers_and_starts_nothing(place: Place) -> None:
    """
    L22: the same outcome and exit code again.
    """
    assert 6 == place.run("run", "--resume").code, "there was no run yet"
    assert "unchanged" == place.run().answer["outcome"]
    place.set_image("my-app:2")
    again = place.run("run", "--resume")

    assert ("unchanged", 0) == (again.answer.get("outcome"), again.code)
    assert 0 == place.replicas("my-app"), "nothing was started"
