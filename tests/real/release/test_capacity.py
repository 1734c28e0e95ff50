"""Autoscalers of the primary on a real API server (L25); the tests act as their controllers."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable

import pytest
from tests.real.stage.shop import NEW, Ended, Place, Running, autoscale
from tests.realparts.api import ApiError, Document
from tests.realparts.control_plane import ControlPlane
from tests.realparts.process import wait_for

pytestmark = [pytest.mark.real, pytest.mark.apart]

HPA = ("HorizontalPodAutoscaler", "my-app", "autoscaling/v2")
KEDA = ("ScaledObject", "my-app", "keda.sh/v1alpha1")
NOTE = "progressive.dev/min-replicas"


def minimum(place: Place) -> int:
    return int(place.read(*HPA)["spec"]["minReplicas"])


def note(place: Place) -> str | None:
    found: str | None = (place.read(*HPA)["metadata"].get("annotations") or {}).get(NOTE)
    return found


def desire(place: Place, replicas: int) -> None:
    """What the controller of an autoscaler does: the scale of the primary, and its own status."""
    path = place.api.path("apps/v1", "Deployment", place.namespace, "my-app-primary")
    place.api.patch(f"{path}/scale", {"spec": {"replicas": replicas}})
    status = {"status": {"currentReplicas": replicas, "desiredReplicas": replicas}}
    place.api.patch(f"{place.api.path(*_at(place), 'my-app')}/status", status)


def _at(place: Place) -> tuple[str, str, str]:
    return "autoscaling/v2", "HorizontalPodAutoscaler", place.namespace


def test_a_promoted_release_keeps_the_replicas_and_gives_the_minimum_back(place: Place) -> None:
    """
    The server takes both patches, the autoscaler's status moves on in between, and what it
    decided about replicas is not written over.
    """
    autoscale(place, minReplicas=1)
    mark = place.control_plane.mark()
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    held, kept = minimum(place), note(place)
    desire(place, 4)
    ended = running.end()
    asked = place.control_plane.requests(since=mark, namespace=place.namespace)

    assert ("promoted", 0) == (ended.answer.get("outcome"), ended.code), ended.lines
    assert (2, {"before": {"minReplicas": 1}, "set": {"minReplicas": 2}}) == (
        held,
        json.loads(kept or ""),
    )
    assert (1, None) == (minimum(place), note(place))
    assert 4 == place.replicas("my-app-primary")
    assert "my-app:2" == place.image("my-app-primary")
    about = {verb: n for (verb, what), n in asked.items() if what == "horizontalpodautoscalers"}
    assert {"list": 1, "patch": 2, "get": 1} == about


def _reverted(place: Place, running: Running) -> None:
    place.set_image("my-app:1")


def _moved(place: Place, running: Running) -> None:
    place.set_image("my-app:3")


def _terminated(place: Place, running: Running) -> None:
    running.tell(signal.SIGTERM)


def _aborted(place: Place, running: Running) -> None:
    place.run("abort", "--why", "test")


def _fails(place: Place, running: Running) -> None:
    """Its check fails from the start."""


@pytest.mark.parametrize(
    ("act", "outcome"),
    [
        (_fails, "rolled_back"),
        (_terminated, "aborted"),
        (_aborted, "aborted"),
        (_moved, "superseded"),
        (_reverted, "superseded"),
    ],
)
def test_every_other_end_gives_it_back(
    place: Place, act: Callable[[Place, Running], None], outcome: str
) -> None:
    """
    An autoscaler that may not go down any more costs money, and nobody knows why.
    """
    analysis = place.document["spec"]["analysis"]
    analysis["interval"] = "2s" if act is _fails else "20s"
    analysis["metrics"][0]["query"] = "vector(3)" if act is _fails else "vector(1)"
    place.write(place.document)
    autoscale(place)
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    held = minimum(place)
    act(place, running)
    ended = running.end()

    assert outcome == ended.answer.get("outcome"), ended.lines
    assert (2, 1, None) == (held, minimum(place), note(place))
    assert (100, 0) == place.split()
    assert 2 == place.replicas("my-app-primary")


def test_a_stuck_release_gives_it_back_and_its_repair_keeps_the_primary_up(place: Place) -> None:
    """
    L11: all users are on the canary, and the autoscaler makes the idle primary small meanwhile.
    """
    place.document["spec"]["progressDeadlineSeconds"] = 5
    place.write(place.document)
    path = autoscale(place, minReplicas=1)
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    primary = place.api.path("apps/v1", "Deployment", place.namespace, "my-app-primary")
    place.api.patch(primary, {"spec": {"paused": True}})  # its rollout will not even begin
    ended = running.end()
    assert ("stuck", 10) == (ended.answer.get("outcome"), ended.code), ended.lines
    assert (1, None, (0, 100)) == (minimum(place), note(place), place.split())

    desire(place, 1)
    place.api.patch(primary, {"spec": {"paused": False}})
    place.document["spec"]["progressDeadlineSeconds"] = 60
    place.write(place.document)
    running = place.start("run")
    wait_for(lambda: minimum(place) == 2, "the primary kept as large as the canary", seconds=60)
    place.api.patch(f"{path}/status", {"status": {"currentReplicas": 1, "desiredReplicas": 2}})
    repaired = running.end()

    assert ("promoted", 0) == (repaired.answer.get("outcome"), repaired.code), repaired.lines
    assert (1, None, (100, 0)) == (minimum(place), note(place), place.split())
    assert "my-app:2" == place.image("my-app-primary")


def test_a_driver_that_is_killed_is_followed_by_one_that_gives_back_the_first_value(
    place: Place,
) -> None:
    """
    What the first one wrote is on the object, and in nobody's memory.
    """
    autoscale(place, minReplicas=1)
    place.document["spec"]["analysis"]["interval"] = "5s"
    place.write(place.document)
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    running.kill()
    held = minimum(place)
    ended = place.run()

    assert ("promoted", 0) == (ended.answer.get("outcome"), ended.code), ended.lines
    assert (2, 1, None) == (held, minimum(place), note(place))


def test_what_a_dead_driver_left_is_given_back_by_a_run_without_work(place: Place) -> None:
    """
    It died between the end of the run and the giving back.
    """
    autoscale(place, minReplicas=2)
    left = {"before": {"minReplicas": 1}, "set": {"minReplicas": 2}}
    annotations = {"metadata": {"annotations": {NOTE: json.dumps(left)}}}
    place.api.patch(place.api.path(*_at(place), "my-app"), annotations)
    ended = place.run()

    assert "unchanged" == ended.answer.get("outcome"), ended.lines
    assert (1, None) == (minimum(place), note(place))


def test_what_a_person_sets_meanwhile_stays(place: Place) -> None:
    """
    Somebody saw the traffic grow.
    """
    path = autoscale(place, minReplicas=1)
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    place.api.patch(path, {"spec": {"minReplicas": 3}})
    ended = running.end()

    assert "promoted" == ended.answer.get("outcome"), ended.lines
    assert (3, None) == (minimum(place), note(place))


def test_a_scaled_object_of_keda_is_kept_up_too(place: Place) -> None:
    """
    One that may sleep, also below its own minimum; a pause of a person is left alone (WS-18).
    """
    spec = {
        "scaleTargetRef": {"name": "my-app-primary"},
        "minReplicaCount": 1,
        "idleReplicaCount": 0,
        "maxReplicaCount": 5,
        "triggers": [{"type": "cron", "metadata": {"timezone": "UTC"}}],
    }
    pause = {"autoscaling.keda.sh/paused": "false"}
    meta = {"name": "my-app", "namespace": place.namespace, "annotations": pause}
    made = {"apiVersion": KEDA[2], "kind": KEDA[0], "metadata": meta, "spec": spec}
    place.api.create(made)
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    held = place.read(*KEDA)["spec"]
    ended = running.end()
    after: Document = place.read(*KEDA)

    assert "promoted" == ended.answer.get("outcome"), ended.lines
    assert (2, None) == (held["minReplicaCount"], held.get("idleReplicaCount"))
    assert (spec, pause) == (after["spec"], after["metadata"]["annotations"])


def test_a_primary_at_zero_replicas_serves_nobody_and_is_not_ready(place: Place) -> None:
    """
    WS-12: it is never taken for ready, so traffic does not return to it, and a person is told.
    """
    path = place.api.path("apps/v1", "Deployment", place.namespace, "my-app-primary")
    place.api.patch(path, {"spec": {"replicas": 0}})
    place.api.wait(path, lambda it: not it["status"].get("replicas"), "the primary at zero")
    place.document["spec"]["progressDeadlineSeconds"] = 5
    place.write(place.document)
    ended: Ended = place.run("run", *NEW)

    assert ("stuck", "primary-not-ready", 10) == (
        ended.answer.get("outcome"),
        ended.answer.get("reason"),
        ended.code,
    ), ended.lines
    assert "my-app-primary: scaled to 0 replicas" in ended.answer["message"]
    assert (0, 100) == place.split()


def test_without_the_right_to_write_it_nothing_begins(
    place: Place, control_plane: ControlPlane
) -> None:
    """
    The words name the right; no canary comes up beside a primary that may shrink.
    """
    autoscale(place, minReplicas=1)
    rights = place.run("plan").answer["rbac"]
    named = [one for one in rights if one["resources"] == ["horizontalpodautoscalers"]]
    assert {"get", "list", "patch"} == {verb for one in named for verb in one["verbs"]}
    without = [
        {**one, "verbs": ["get", "list"]}
        if one["resources"] == ["horizontalpodautoscalers"]
        else one
        for one in rights
    ]
    control_plane.grant("restricted", place.namespace, without)
    place.act_as("restricted")
    ended = place.run("run", *NEW)

    assert ("rejected", 6) == (ended.answer.get("outcome"), ended.code), ended.lines
    assert "patch horizontalpodautoscalers" in ended.answer["message"]
    assert "Traceback" not in ended.lines
    assert (1, 0, (100, 0)) == (minimum(place), place.replicas("my-app"), place.split())


def test_an_autoscaler_that_is_deleted_meanwhile_is_no_obstacle(place: Place) -> None:
    """
    Nothing is left that could be given back.
    """
    path = autoscale(place, minReplicas=1)
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    place.api.delete(path)
    ended = running.end()

    assert ("promoted", 0) == (ended.answer.get("outcome"), ended.code), ended.lines
    with pytest.raises(ApiError):
        place.read(*HPA)
