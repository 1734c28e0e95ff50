"""Flagger's weak spots that only a real API server can witness, each with what we promise.

The others are in `tests/scenario`, in the files `test_weak_spots_….py`.
"""

from __future__ import annotations

from typing import Any

import pytest
from tests.real.stage.shop import NEW, Place, application
from tests.realparts.api import ApiError, Document
from tests.realparts.control_plane import ControlPlane
from tests.realparts.process import wait_for

from progressive._kube.workload.revision import revision_of

pytestmark = [
    pytest.mark.real,
    pytest.mark.apart,
    pytest.mark.long,
    pytest.mark.analysis(interval="6s"),  # time for what others do in a hold
]

ROUTE = "networking.istio.io/v1"


def ours(route: Document) -> list[int]:
    """The weights of the one rule with two destinations."""
    (rule,) = (one for one in route["spec"]["http"] if len(one["route"]) == 2)
    return [one.get("weight", 0) for one in rule["route"]]


EDITS: dict[str, list[dict[str, Any]]] = {
    "an annotation": [
        {"op": "add", "path": "/metadata/annotations/team.test~1note", "value": "ours"}
    ],
    "a host": [{"op": "add", "path": "/spec/hosts/-", "value": "shop.test"}],
    "a rule in front": [
        {
            "op": "add",
            "path": "/spec/http/0",
            "value": {
                "name": "docs",
                "match": [{"uri": {"prefix": "/docs"}}],
                "route": [{"destination": {"host": "docs"}}],
            },
        }
    ],
}


def test_ws_04_an_edit_beside_the_weights_survives_and_the_ramp_goes_on(place: Place) -> None:
    """
    For an annotation alone Flagger writes the object anew, begins at the first weight again, and
    calls the start's hooks twice. Here the edits stay, and the run does not even notice.
    """
    path = place.api.path(ROUTE, "VirtualService", place.namespace, "my-app")
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    for edit in EDITS.values():
        place.api.patch(path, edit, kind="json", fieldManager="kubectl-edit")
    edited = place.api.get(path)
    ended = running.end()
    left = place.api.get(path)

    assert [80, 20] == ours(edited), "the edits came in the middle of the ramp"
    assert ("promoted", [20, 40, 0]) == (ended.answer.get("outcome"), ended.answer["weights"])
    kinds = [one["kind"] for one in ended.answer["notifications"]]
    assert ["started", "promoted"] == kinds
    assert "drift" not in [one["kind"] for one in ended.answer["events"]]
    assert [100, 0] == ours(left)
    assert "ours" == left["metadata"]["annotations"]["team.test/note"]
    assert edited["spec"]["hosts"] == left["spec"]["hosts"]
    assert edited["spec"]["http"][0] == left["spec"]["http"][0]


def test_ws_10_the_promoted_template_is_the_analysed_one(place: Place) -> None:
    """
    Flagger copies what the target has when it copies, and looks at the revision no more. Here the
    target moves in the middle of the promotion, and the newer build is the next run's.
    """
    running = place.start("run", *NEW)
    running.wait_for("promotion weight=40")
    place.set_image("my-app:3")
    ended = running.end()

    assert ("promoted", 0) == (ended.answer.get("outcome"), ended.code), ended.lines
    assert ("my-app:2", "my-app:3") == (place.image("my-app-primary"), place.image("my-app"))
    following = place.run()
    assert "promoted" == following.answer["outcome"]
    assert "my-app:3" == place.image("my-app-primary")


class NoSuchPods:
    """The cluster refuses pods of the primary with the second build, as a policy of admins may."""

    def __init__(self, place: Place) -> None:
        self._place, self._name = place, f"no-{place.namespace}"

    def __enter__(self) -> NoSuchPods:
        kind = "admissionregistration.k8s.io/v1"
        label = "kubernetes.io/metadata.name"
        only = {"namespaceSelector": {"matchLabels": {label: self._place.namespace}}}
        pods = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
        bad = (
            "object.metadata.labels['app'] != 'my-app-primary' "
            "|| object.spec.containers[0].image != 'my-app:2'"
        )
        policy = {"resourceRules": [{**pods, "operations": ["CREATE"]}]}
        self._made = [
            self._place.api.create(
                {
                    "apiVersion": kind,
                    "kind": f"ValidatingAdmissionPolicy{more}",
                    "metadata": {"name": self._name},
                    "spec": spec,
                }
            )
            for more, spec in (
                ("", {"matchConstraints": policy, "validations": [{"expression": bad}]}),
                (
                    "Binding",
                    {
                        "policyName": self._name,
                        "validationActions": ["Deny"],
                        "matchResources": only,
                    },
                ),
            )
        ]
        wait_for(lambda: not self._allowed(), "the policy in force")
        return self

    def __exit__(self, *_: object) -> None:
        for one in reversed(self._made):
            self._place.api.delete(self._place.api.path_of(one))
        wait_for(self._allowed, "the policy gone")

    def _allowed(self) -> bool:
        pod: Document = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "probe", "labels": {"app": "my-app-primary"}},
            "spec": {"containers": [{"name": "my-app", "image": "my-app:2"}]},
        }
        path = self._place.api.path("v1", "Pod", self._place.namespace)
        try:
            self._place.api.post(path, pod, dryRun="All")
        except ApiError:
            return False
        return True


def test_ws_02_a_broken_primary_is_repaired_before_it_gets_traffic(place: Place) -> None:
    """
    In Flagger the build that mends it sends everybody to the broken primary and takes the
    canary's pods: an outage that nobody is told of. Here users stay with the canary until the
    primary is ready.
    """
    # the ReplicaSet controller tries again after a pause that grows with each refusal: the fewer
    # the sooner
    place.document["spec"]["progressDeadlineSeconds"] = 10
    place.write(place.document)
    with NoSuchPods(place):
        failed = place.run("run", *NEW)
        assert ("stuck", "primary-not-ready", 10) == (
            failed.answer.get("outcome"),
            failed.answer.get("reason"),
            failed.code,
        ), failed.lines
        assert ((0, 100), 2) == (place.split(), place.replicas("my-app"))

        place.set_image("my-app:3")
        again = place.run()
        assert ("stuck", []) == (again.answer.get("outcome"), again.answer["weights"])
        assert ((0, 100), 2) == (place.split(), place.replicas("my-app"))

    place.document["spec"]["progressDeadlineSeconds"] = 300
    place.write(place.document)
    mended = place.run(seconds=400)
    assert ("promoted", 0) == (mended.answer.get("outcome"), mended.code), mended.lines
    assert [0, 20, 40, 0] == mended.answer["weights"]
    kinds = [one["kind"] for one in mended.answer["events"]]
    assert kinds.index("repair") < kinds.index("repaired") < kinds.index("step")
    assert ((100, 0), "my-app:3") == (place.split(), place.image("my-app-primary"))


DEFAULTS: Document = {
    "terminationGracePeriodSeconds": 30,
    "securityContext": {},
    "schedulerName": "default-scheduler",
    "restartPolicy": "Always",
    "dnsPolicy": "ClusterFirst",
}


def test_ws_21_a_revision_is_the_same_for_every_client_and_every_default(
    control_plane: ControlPlane, namespace: str
) -> None:
    """
    Flagger's hash changed with the library that it was built with. Here one client writes the
    least, and another every default and empty field: the server stores the same revision.
    """
    api = control_plane.api
    brief = application(namespace)
    wordy = application(namespace)
    wordy["metadata"]["name"] = "wordy"
    template = wordy["spec"]["template"]
    template["metadata"]["creationTimestamp"] = None
    (container,) = template["spec"]["containers"]
    container = {
        "terminationMessagePolicy": "File",
        "terminationMessagePath": "/dev/termination-log",
        "resources": {},
        "imagePullPolicy": "IfNotPresent",
        **container,
        "ports": [{"protocol": "TCP", "containerPort": 8080, "name": "http"}],
    }
    template["spec"] = {**DEFAULTS, "containers": [container], "volumes": []}
    written = [api.create(brief), api.create(wordy)]
    told = {revision_of(one) for one in written}

    path = api.path_of(written[0])
    wait_for(lambda: api.get(path).get("status", {}).get("readyReplicas") == 2, "two pods")
    found = api.get(path)
    api.patch(path, {"spec": {"template": found["spec"]["template"]}}, kind="merge")

    assert 1 == len(told), written
    assert told == {revision_of(api.get(path))}
