"""The printed Role on a real API server: it is enough, and nothing of it is idle."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterable
from copy import deepcopy
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from tests.real.stage.shop import Place
from tests.realparts.api import Document
from tests.realparts.process import wait_for

from progressive._cli.main import cli
from progressive._kube.rights import Right, granted, rights_in

pytestmark = [pytest.mark.real, pytest.mark.apart, pytest.mark.unreleased]

USER = "restricted"
WRITES = {"create", "update", "patch", "delete"}
REVIEWS = "authorization.k8s.io"
IDENTITY = "authentication.k8s.io"

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


def printed(place: Place, *arguments: str) -> list[Document]:
    """The manifests of `progressive rbac`; no kubeconfig is in its environment."""
    command = ["rbac", str(place.file), "-o", "json", *arguments]
    result = CliRunner(env={"KUBECONFIG": "/nowhere"}).invoke(cli, command)
    assert 0 == result.exit_code, result.output
    items: list[Document] = json.loads(result.stdout)["items"]
    return items


def grant(place: Place, rules: list[Document]) -> None:
    """Let the user do just this, and wait until the API server heeds it."""
    marker = f"heard-{len(json.dumps(rules))}"
    place.control_plane.grant(USER, place.namespace, [*rules, _rule("heard", marker)])
    spec = {
        "resourceAttributes": {
            "namespace": place.namespace,
            "verb": "get",
            "resource": "heard",
            "name": marker,
        }
    }
    review = {"apiVersion": f"{REVIEWS}/v1", "kind": "SelfSubjectAccessReview", "spec": spec}
    user = place.control_plane.user(USER)
    wait_for(
        lambda: user.post(f"/apis/{REVIEWS}/v1/selfsubjectaccessreviews", review)["status"][
            "allowed"
        ],
        "the Role heeded",
    )


def _rule(resource: str, name: str) -> Document:
    return {
        "apiGroups": [""],
        "resources": [resource],
        "resourceNames": [name],
        "verbs": ["get"],
    }


def without(rules: Iterable[Document], resource: str, verb: str) -> list[Document]:
    """The rules, less one verb on one resource."""
    left = deepcopy(list(rules))
    for rule in left:
        if resource in rule["resources"]:
            rule["verbs"] = [one for one in rule["verbs"] if one != verb]
    return [rule for rule in left if rule["verbs"]]


def asked(events: Iterable[Document], namespace: str) -> dict[Right, int]:
    """The rights behind requests, each with the status of the last one."""
    found: dict[Right, int] = {}
    for one in events:
        about = one.get("objectRef", {})
        if about.get("namespace") != namespace or not about.get("resource"):
            continue
        right = Right(
            namespace=namespace,
            group=about.get("apiGroup", ""),
            resource=about["resource"],
            verb=one["verb"],
            name="" if one["verb"] == "create" else about.get("name", ""),
        )
        found[right] = one["responseStatus"]["code"]
    return found


def release(place: Place, image: str, outcome: str) -> None:
    ended = place.run("run", "--image", f"my-app={image}")
    assert outcome == ended.answer.get("outcome"), ended.lines


def change_query(place: Place, query: str) -> None:
    document = place.document
    document["spec"]["analysis"]["metrics"][0]["query"] = query
    place.write(document)


def hold_long(place: Place) -> None:
    """Other commands start, and are through, before a weight was held for long enough."""
    place.document["spec"]["analysis"]["interval"] = "5m"
    place.write(place.document)


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

    hold_long(place)
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
    assert [] == [one["objectRef"] for one in events if _stores(one)]
    assert f"{verb} {resource}" in ended.lines
    grant(place, [*without(role["rules"], resource, verb), *missing])
    ended = place.run()
    assert "initialized" == ended.answer.get("outcome"), ended.lines


def _stores(event: Document) -> bool:
    about = event.get("objectRef", {})
    dry = "dryRun=All" in event["requestURI"]
    return event["verb"] in WRITES and about.get("apiGroup") not in (REVIEWS, IDENTITY) and not dry


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


def test_a_dry_run_stores_nothing_and_hears_the_api_server(place: Place) -> None:
    """
    Admission speaks before the release instead of in the middle of it.
    """
    place.act_as("progressive")
    before = _everything(place)
    mark = place.control_plane.mark()
    first = place.run("run", "--dry-run")
    events = place.control_plane.events("progressive", since=mark)
    accepted = {
        (one["ref"]["kind"], one["ref"]["name"])
        for one in first.answer["writes"]
        if one["answer"] == "accepted"
    }

    assert (None, 0, "first deploy") == (
        first.answer["outcome"],
        first.code,
        first.answer["would"],
    ), first.lines
    assert [] == [one["objectRef"] for one in events if _stores(one)]
    assert len([one for one in events if "dryRun=All" in one["requestURI"]]) >= 7
    assert before == _everything(place)
    assert {
        ("Lease", "progressive-my-app"),
        ("ConfigMap", "progressive-my-app"),
        ("Deployment", "my-app-primary"),
        ("Deployment", "my-app"),
        ("Service", "my-app-primary"),
        ("VirtualService", "my-app"),
    } <= accepted
    untried = [one for one in first.answer["writes"] if one["answer"] == "not tried"]
    assert ["my-app-primary"] == [one["ref"]["name"] for one in untried]


def test_a_dry_run_of_a_release_tries_the_image_the_split_and_no_more(place: Place) -> None:
    """
    `--image` is a write like any other, so it is tried as well.
    """
    place.act_as("progressive")
    assert 0 == place.run().code
    before = _everything(place)
    told = place.run("run", "--dry-run", "--image", "my-app=my-app:2")
    strange = place.run("run", "--dry-run", "--image", "nobody=my-app:2")

    assert ("release", 0) == (told.answer["would"], told.code), told.lines
    assert ["accepted"] == sorted({one["answer"] for one in told.answer["writes"]}), told.answer
    kinds = [one["ref"]["kind"] for one in told.answer["writes"]]
    assert {"Lease", "ConfigMap", "Deployment", "ControllerRevision", "VirtualService"} == set(
        kinds
    )
    assert ("rejected", 6) == (strange.answer["outcome"], strange.code)
    assert before == _everything(place)
    assert "my-app:1" == place.image("my-app")


def test_a_dry_run_says_what_admission_refuses_and_who_is_busy(place: Place) -> None:
    """
    A policy that forbids the primary is found before anything is there.
    """
    place.act_as("progressive")
    policy = _policy(place)
    try:
        wait_for(lambda: place.run("run", "--dry-run").code == 6, "a policy heeded")
        refused = place.run("run", "--dry-run")
    finally:
        for kind in ("ValidatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy"):
            place.api.delete(place.api.path(f"{ADMISSION}/v1", kind, "", policy))
    words = [one["message"] for one in refused.answer["writes"] if one["answer"] == "refused"]

    assert "rejected" == refused.answer["outcome"]
    assert 1 == len(words) and "no primaries here" in words[0]

    wait_for(lambda: place.run().code == 0, "a first deploy once the policy is gone")
    hold_long(place)
    running = place.start("run", "--image", "my-app=my-app:2")
    running.wait_for("step weight=20")
    busy = place.run("run", "--dry-run")
    running.kill()
    left = place.run("run", "--dry-run")
    assert ("busy", 8) == (busy.answer["outcome"], busy.code)
    assert ("go on", 0, []) == (left.answer["would"], left.code, left.answer["writes"])
    assert f"{place.split()[1]} of 100" in left.answer["message"]


ADMISSION = "admissionregistration.k8s.io"


def _policy(place: Place) -> str:
    name = f"no-primaries-{place.namespace}"
    rule = {
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["deployments"],
    }
    here = {"matchLabels": {"kubernetes.io/metadata.name": place.namespace}}
    expression = "!object.metadata.name.endsWith('-primary')"
    spec: dict[str, Any] = {
        "matchConstraints": {"resourceRules": [rule], "namespaceSelector": here},
        "validations": [{"expression": expression, "message": "no primaries here"}],
    }
    meta = {"name": name}
    kind = "ValidatingAdmissionPolicy"
    version = f"{ADMISSION}/v1"
    place.api.create({"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec})
    place.api.create(
        {
            "apiVersion": version,
            "kind": f"{kind}Binding",
            "metadata": meta,
            "spec": {"policyName": name, "validationActions": ["Deny"]},
        }
    )
    return name


def _everything(place: Place) -> dict[str, str]:
    """Every object that a release may touch, with its resource version."""
    kinds = {
        "v1": ("ConfigMap", "Service"),
        "apps/v1": ("ControllerRevision",),
        "coordination.k8s.io/v1": ("Lease",),
        "networking.istio.io/v1": ("VirtualService",),
    }
    found = {}
    for version, names in kinds.items():
        for kind in names:
            for one in place.api.get(place.api.path(version, kind, place.namespace))["items"]:
                meta = one["metadata"]
                found[f"{kind} {meta['name']}"] = meta["resourceVersion"]
    for one in place.api.get(place.api.path("apps/v1", "Deployment", place.namespace))["items"]:
        # its status changes by itself
        found[f"Deployment {one['metadata']['name']}"] = str(one["metadata"]["generation"])
    return found
