"""Kubernetes Events of a release on a real API server: valid, complete, exactly once (L16)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from attrs import evolve
from tests.real.stage.shop import NEW, Place
from tests.realparts.api import Document
from tests.realparts.control_plane import ControlPlane

from progressive import Notification, Outcome, Target
from progressive.clusters import KubernetesCluster
from progressive.notifiers import KubernetesEvents

pytestmark = [pytest.mark.real, pytest.mark.apart]


def told(place: Place) -> list[Document]:
    """Our Events, in the order of their names; those of the cluster's controllers are left out."""
    path = f"/api/v1/namespaces/{place.namespace}/events"
    found: list[Document] = place.api.get(path, fieldSelector="reportingComponent=progressive")[
        "items"
    ]
    return sorted(found, key=lambda one: str(one["metadata"]["name"]))


def test_a_release_is_told_at_its_deployment(place: Place) -> None:
    """
    `kubectl describe deployment` selects by these very fields, the uid among them.
    """
    mark = place.control_plane.mark()
    ended = place.run("run", *NEW)
    asked = place.control_plane.requests(since=mark, namespace=place.namespace)
    uid = place.read("Deployment", "my-app")["metadata"]["uid"]
    selector = (
        f"involvedObject.name=my-app,involvedObject.kind=Deployment,involvedObject.uid={uid}"
    )
    path = f"/api/v1/namespaces/{place.namespace}/events"
    described = place.api.get(path, fieldSelector=selector)["items"]

    assert "promoted" == ended.answer.get("outcome"), ended.lines
    run = ended.answer["run_id"]
    assert [(f"my-app.{run}.0", "Started"), (f"my-app.{run}.1", "Promoted")] == [
        (one["metadata"]["name"], one["reason"]) for one in told(place)
    ]
    assert {"Started", "Promoted"} <= {one["reason"] for one in described}
    assert 2 == asked["create", "events"]


def test_a_release_that_is_rolled_back_is_a_warning_with_its_reason(place: Place) -> None:
    """
    Alerts on Warnings exist in many clusters already.
    """
    place.document["spec"]["analysis"]["metrics"][0]["query"] = "vector(3)"
    place.write(place.document)
    ended = place.run("run", *NEW)
    last = told(place)[-1]

    assert ("Warning", "RolledBack") == (last["type"], last["reason"]), ended.lines
    assert last["message"].startswith("check-failed: good 3 > 2")


def test_a_driver_that_is_killed_in_between_tells_nothing_twice(place: Place) -> None:
    """
    Each start tells again what it cannot know to be told; the server knows the name.
    """
    place.document["spec"]["analysis"]["interval"] = "5s"
    place.write(place.document)
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    running.kill()
    ended = place.run()
    again = place.run("run", "--resume")

    assert ("promoted", 0) == (ended.answer.get("outcome"), again.code), ended.lines
    assert ["Started", "Promoted"] == [one["reason"] for one in told(place)]
    assert {1} == {one["count"] for one in told(place)}


def test_every_kind_of_event_is_valid_and_a_repetition_is_refused_by_name(place: Place) -> None:
    """
    Strict validation of the server, for all words, long messages and odd names of runs.
    """
    target = Target(namespace=place.namespace, service="my-app", primary="a", canary="b")
    cluster = KubernetesCluster.from_environment(place.environment["KUBECONFIG"])
    events = KubernetesEvents(cluster)
    kinds = ["started", "held", "resumed", "drift", "canary-lost", *(one.value for one in Outcome)]
    for number, kind in enumerate(kinds):
        one = Notification(
            id=f"Build #7/{number}",
            at=datetime.now(UTC),
            kind=kind,
            message="€" * 2000,
            terminal=number > 4,
            target=target,
        )
        events.tell(one)
        events.tell(evolve(one, repeat=True))
    cluster.close()

    assert len(kinds) == len({one["reason"] for one in told(place)}) == len(told(place))
    assert all(len(one["message"].encode()) > 1020 for one in told(place))


def test_a_run_without_the_right_says_so_once_and_goes_on(
    place: Place, control_plane: ControlPlane
) -> None:
    """
    Nobody's release fails because nobody may be told.
    """
    (role,) = place.run("rbac").answer["items"]
    rights = []
    for rule in role["rules"]:
        kept = [one for one in rule["resources"] if one != "events"]
        rights += [{**rule, "resources": kept}] if kept else []
    control_plane.grant("restricted", place.namespace, rights)
    place.act_as("restricted")
    ended = place.run("run", *NEW)

    assert ("promoted", 0) == (ended.answer.get("outcome"), ended.code), ended.lines
    assert 1 == ended.lines.count("is not told as a Kubernetes Event")
    assert 'cannot create resource "events"' in ended.lines
    assert "Traceback" not in ended.lines
    assert [] == told(place)
