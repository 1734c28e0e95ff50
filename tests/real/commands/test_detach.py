"""A target that is given back to itself, while users ask it."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from tests.real.stage.shop import Place, application, classic
from tests.realparts.mesh import Mesh
from tests.realparts.process import wait_for

pytestmark = [
    pytest.mark.real,
    pytest.mark.analysis(interval="30s", maxWeight=20),  # `quiet` holds a weight for long
]

OWN = ("my-app-primary", "my-app-canary")


@pytest.fixture
def place(mesh: Mesh, namespace: str, tmp_path: Path) -> Place:
    """An application in the mesh, behind a gateway, whose first deploy is done."""
    document = classic(namespace, interval="1s")
    place = Place(mesh.control_plane, mesh.prometheus.url, namespace, tmp_path, document)
    place.first_deploy()
    return place


@pytest.fixture
def quiet(empty_place: Place) -> Place:
    """The same without a data plane."""
    empty_place.first_deploy()
    return empty_place


def there(place: Place, api_version: str, kind: str, name: str) -> bool:
    path = place.api.path(api_version, kind, place.namespace, name)
    return place.api.call("GET", path).status_code == 200


def left(place: Place) -> set[str]:
    """What is still there of all that a release makes."""
    kinds = [
        ("v1", "ConfigMap", ("progressive-my-app", "progressive-my-app-inbox")),
        ("coordination.k8s.io/v1", "Lease", ("progressive-my-app",)),
        ("apps/v1", "Deployment", ("my-app-primary",)),
        ("v1", "Service", OWN),
        ("networking.istio.io/v1", "VirtualService", ("my-app",)),
    ]
    return {
        f"{kind} {name}"
        for api_version, kind, names in kinds
        for name in names
        if there(place, api_version, kind, name)
    }


def selected(place: Place, name: str) -> Any:
    return place.read("Service", name, "v1")["spec"]["selector"]


def destinations(place: Place) -> list[str]:
    route = place.read("VirtualService", "my-app", "networking.istio.io/v1")
    return [one["destination"]["host"] for one in route["spec"]["http"][0]["route"]]


def test_users_notice_nothing(mesh: Mesh, place: Place) -> None:
    """
    L21. The gateway has no other route to the service, so that one goes on, to the apex.
    """
    host = mesh.host(place.namespace, "my-app")
    mesh.wait_version(host, "1")
    with mesh.load(host, per_second=100) as users:
        ended = place.run("detach")
        mesh.wait_weights(host, {"my-app": 100})
        wait_for(lambda: len(users.answers) > 500, "some answers")

    assert 0 == ended.code, ended.lines
    assert (0, 0) == (users.failed, users.skipped)
    assert {("1", 200)} == set(users.counts)
    assert {"VirtualService my-app"} == left(place)
    assert ["my-app"] == destinations(place)
    assert {"app": "my-app"} == selected(place, "my-app")
    assert 2 == place.replicas("my-app")


def test_a_route_that_somebody_else_made_keeps_its_rules_and_its_services(
    mesh: Mesh, namespace: str, tmp_path: Path
) -> None:
    """
    It names both sides, and so both services serve the target from now on: nothing is lost.
    """
    document = classic(namespace, interval="1s")
    place = Place(mesh.control_plane, mesh.prometheus.url, namespace, tmp_path, document)
    own = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "my-app", "namespace": namespace},
        "spec": {
            "hosts": ["my-app"],
            "gateways": [Mesh.gateway],
            "http": [
                {
                    "retries": {"attempts": 0},
                    "route": [
                        {"destination": {"host": "my-app-primary"}, "weight": 100},
                        {"destination": {"host": "my-app-canary"}, "weight": 0},
                    ],
                }
            ],
        },
    }
    place.api.create(deepcopy(own))
    place.first_deploy()
    host = mesh.host(namespace, "my-app")
    mesh.wait_version(host, "1")
    with mesh.load(host, per_second=100) as users:
        ended = place.run("detach")
        wait_for(lambda: len(users.answers) > 500, "some answers")

    assert 0 == ended.code, ended.lines
    assert (0, 0) == (users.failed, users.skipped)
    assert {"VirtualService my-app", *(f"Service {one}" for one in OWN)} == left(place)
    assert own["spec"] == place.read("VirtualService", "my-app", "networking.istio.io/v1")["spec"]
    for name in ("my-app", *OWN):
        assert {"app": "my-app"} == selected(place, name)


def test_what_is_killed_in_the_middle_is_finished_by_the_next(mesh: Mesh, place: Place) -> None:
    """
    The users are served by the target already; the next detach finds what is left to do.
    """
    host = mesh.host(place.namespace, "my-app")
    mesh.wait_version(host, "1")
    with mesh.load(host, per_second=100) as users:
        running = place.start("detach")
        running.wait_for("is served by the target's own pods")
        running.kill()
        ended = place.run("detach")

    assert 0 == ended.code, ended.lines
    assert (0, 0) == (users.failed, users.skipped)
    assert {"VirtualService my-app"} == left(place)


def test_a_release_after_one_that_was_given_up_begins_anew(quiet: Place) -> None:
    """
    Nothing that is left of the first one is in the way of the second.
    """
    assert 0 == quiet.run("detach").code
    ended = quiet.run("run")

    assert ("initialized", 0) == (ended.answer.get("outcome"), ended.code), ended.lines
    assert (100, 0) == quiet.split()


def test_a_run_of_a_living_driver_is_not_touched(quiet: Place) -> None:
    """
    Its traffic is its own; who gives it up aborts it first.
    """
    running = quiet.start("run", "--image", "my-app=my-app:2")
    running.wait_for("step weight=20")
    ended = quiet.run("detach")
    split = quiet.split()
    running.kill()

    assert 8 == ended.code, ended.lines
    assert "held by" in ended.answer["message"]
    assert (80, 20) == split


def test_a_run_of_a_dead_driver_goes_home_first_and_the_template_must_be_the_promoted(
    quiet: Place,
) -> None:
    """
    Its new image was never promoted, so the users are not handed to it.
    """
    running = quiet.start("run", "--image", "my-app=my-app:2")
    running.wait_for("step weight=20")
    running.kill()
    refused = quiet.run("detach")
    path = quiet.api.path("apps/v1", "Deployment", quiet.namespace, "my-app")
    template = application(quiet.namespace)["spec"]["template"]
    quiet.api.patch(path, {"spec": {"template": template}}, kind="strategic")
    ended = quiet.run("detach")

    assert 6 == refused.code, refused.lines
    assert "nobody has analysed" in refused.answer["message"]
    assert 0 == ended.code, ended.lines
    assert set() == left(quiet)
    assert 2 == quiet.replicas("my-app")


def test_a_canary_that_flagger_may_drive_is_refused(quiet: Place) -> None:
    """
    L21: two of them would fight over the services.
    """
    quiet.api.create(quiet.document)
    ended = quiet.run("detach")

    assert 6 == ended.code, ended.lines
    assert "suspend it first" in ended.answer["message"]
    assert (100, 0) == quiet.split()
    assert 0 == quiet.replicas("my-app")


def test_a_target_that_does_not_become_ready_keeps_its_primary(quiet: Place) -> None:
    """
    Exit 5: nothing is handed over, and its pods do not stay behind.
    """
    spec = quiet.document["spec"]
    spec["skipAnalysis"] = True
    quiet.write(quiet.document)
    path = quiet.api.path("apps/v1", "Deployment", quiet.namespace, "my-app")
    slow = {"annotations": {"tests/ready-after": "6s"}}
    quiet.api.patch(path, {"spec": {"template": {"metadata": slow}}})
    promoted = quiet.run("run")
    spec["progressDeadlineSeconds"] = 2
    quiet.write(quiet.document)
    ended = quiet.run("detach")

    assert "promoted" == promoted.answer["outcome"], promoted.lines
    assert 5 == ended.code, ended.lines
    assert "did not become ready" in ended.answer["message"]
    assert {"app": "my-app-primary"} == selected(quiet, "my-app")
    assert 0 == quiet.replicas("my-app")
