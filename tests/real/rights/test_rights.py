"""The printed Role on a real API server: it is enough, and nothing of it is idle."""

from __future__ import annotations

import signal

import pytest
import yaml
from tests.real.stage.granting import USER, asked, grant, printed, stores, without
from tests.real.stage.shop import Place, change_query, held_for, release
from tests.realparts.api import Document

from progressive._kube.rights import Right, granted, rights_in

pytestmark = [pytest.mark.real, pytest.mark.apart, pytest.mark.unreleased]


IDLE = {
    "create events": "told beside the target; whether it was used depends on the notifiers",
    "patch services/my-app-primary": "as my-app-canary: ours, and not right any more",
    "list deployments.apps/my-app": "a watch that was cut off for long begins anew with a list",
    "get services/my-app": "the apex is read at a first deploy",
}
"""What the Role grants and no run of the test may have used, each with the reason to grant it."""


@pytest.fixture
def place(place: Place) -> Place:
    """An application that was never released, and a user who may do nothing yet."""
    place.act_as(USER)
    return place


def service(place: Place, name: str, *, ours: bool) -> Document:
    labels = {"app.kubernetes.io/managed-by": "progressive"} if ours else {}
    ports = [{"name": "http", "port": 8888 if ours else 80, "targetPort": 8080}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": place.namespace, "labels": labels},
        "spec": {"selector": {"app": "my-app"}, "ports": ports},
    }


def test_the_printed_role_is_enough_and_nothing_of_it_is_idle(place: Place) -> None:
    """
    Too few rights end a run in the middle, too many are refused by whoever reviews them.
    """
    (role,) = printed(place)
    grant(place, role["rules"])
    place.api.create(service(place, "my-app", ours=False))
    place.api.create(service(place, "my-app-canary", ours=True))
    mark = place.control_plane.mark()
    _live_through_everything(place)
    events = place.control_plane.events(USER, since=mark)
    used = asked(events, place.namespace)
    refused = [f"{right}" for right, code in used.items() if code == 403]
    wanted = rights_in(role["rules"], namespace=place.namespace)
    idle = {str(right) for right in wanted if not any(_answers(right, one) for one in used)}

    assert [] == refused
    assert [] == [str(one) for one in used if not granted(one, role["rules"])]
    assert set() == idle - set(IDLE)
    assert len(wanted) > 30


def _answers(right: Right, used: Right) -> bool:
    return (right.group, right.resource, right.verb) == (
        used.group,
        used.resource,
        used.verb,
    ) and (right.name in ("", used.name))


def _live_through_everything(place: Place) -> None:
    """A first deploy, good and bad releases, decisions, a crash here and one elsewhere."""
    ended = place.run()
    assert "initialized" == ended.answer.get("outcome"), ended.lines
    assert "unchanged" == place.run().answer["outcome"]
    release(place, "my-app:2", "promoted")
    change_query(place, "vector(5)")
    release(place, "my-app:3", "rolled_back")
    change_query(place, "vector(1)")

    running = place.start("run", "--image", "my-app=my-app:6")
    running.wait_for("step weight=20")
    running.kill()
    _hand_the_lease_to_nobody(place)
    assert 0 == place.run("status").code
    ended = place.run("run", "--resume")
    assert "promoted" == ended.answer.get("outcome"), ended.lines

    held_for(place, "5m")
    running = place.start("run", "--image", "my-app=my-app:7")
    running.wait_for("step weight=20")
    assert 0 == place.run("abort", "--why", "a test").code
    assert "aborted" == running.end().answer.get("outcome")
    assert 0 == place.run("run", "--dry-run").code
    assert 0 == place.run("plan").code
    assert 0 == place.run("history").code

    running = place.start("run", "--image", "my-app=my-app:8")
    running.wait_for("step weight=20")
    running.tell(signal.SIGTERM)
    assert "aborted" == running.end().answer.get("outcome")


def _hand_the_lease_to_nobody(place: Place) -> None:
    """As if its driver had died on another machine: the Lease is watched before it is taken."""
    path = place.api.path("coordination.k8s.io/v1", "Lease", place.namespace, "progressive-my-app")
    words = {"holderIdentity": "a run elsewhere", "leaseDurationSeconds": 2}
    place.api.patch(path, {"metadata": {"annotations": None}, "spec": words})


@pytest.mark.parametrize(
    ("verb", "resource"),
    [("patch", "virtualservices"), ("create", "leases"), ("get", "configmaps")],
)
def test_a_run_that_lacks_a_right_is_rejected_and_writes_nothing(
    place: Place, verb: str, resource: str
) -> None:
    """
    A run that ends in the middle for want of a right is the worst of all refusals.
    """
    (role,) = printed(place)
    grant(place, without(role["rules"], resource, verb))
    mark = place.control_plane.mark()
    ended = place.run()
    events = place.control_plane.events(USER, since=mark)
    missing = yaml.safe_load(ended.answer["message"].partition("rules:\n")[2])

    assert ("rejected", 6) == (ended.answer.get("outcome"), ended.code), ended.lines
    assert [] == [one["objectRef"] for one in events if stores(one)]
    assert f"{verb} {resource}" in ended.lines
    grant(place, [*without(role["rules"], resource, verb), *missing])
    ended = place.run()
    assert "initialized" == ended.answer.get("outcome"), ended.lines


def test_the_rights_of_a_first_deploy_are_not_asked_for_later(place: Place) -> None:
    """
    Who may not make Deployments and routes may still release on those that are there.
    """
    (role,) = printed(place)
    grant(place, role["rules"])
    assert 0 == place.run().code
    rules = role["rules"]
    for resource in ("deployments", "services", "virtualservices", "leases"):
        rules = without(rules, resource, "create")
    grant(place, rules)
    lacks_leases = place.run("run", "--image", "my-app=my-app:2")
    grant(place, [*rules, _lease_rule()])
    ended = place.run("run", "--image", "my-app=my-app:2")

    assert 6 == lacks_leases.code, "a Lease that is deleted must be made again"
    assert "create deployments" not in lacks_leases.answer["message"]
    assert "promoted" == ended.answer.get("outcome"), ended.lines


def _lease_rule() -> Document:
    return {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]}


def test_an_unfinished_run_goes_on_without_the_right(place: Place) -> None:
    """
    It has moved traffic: a missing right may end it badly, and leaving it there is worse.
    """
    (role,) = printed(place)
    grant(place, role["rules"])
    assert 0 == place.run().code
    running = place.start("run", "--image", "my-app=my-app:2")
    running.wait_for("step weight=20")
    running.kill()
    grant(place, without(role["rules"], "controllerrevisions", "delete"))
    ended = place.run("run")

    assert "promoted" == ended.answer.get("outcome"), ended.lines
    assert "rights are missing (delete controllerrevisions.apps)" in ended.lines
    assert (100, 0) == place.split()


def test_the_question_costs_one_request(place: Place) -> None:
    """
    Requests are budgeted: a whole release stays below 60.
    """
    (role,) = printed(place)
    grant(place, role["rules"])
    mark = place.control_plane.mark()
    assert 0 == place.run().code
    counted = place.control_plane.requests(USER, since=mark)

    assert 1 == counted["create", "selfsubjectrulesreviews"]
    assert 0 == counted["create", "selfsubjectaccessreviews"]
