"""Variables of the team's pods, which admission policies quote in their refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from tests.real.secrets.world import World, all_of
from tests.realparts.api import ApiError, Document
from tests.realparts.control_plane import ControlPlane
from tests.realparts.process import wait_for

from progressive.clusters import KubernetesCluster
from progressive.errors import ProgressiveError

pytestmark = [pytest.mark.real, pytest.mark.apart]


@pytest.fixture
def quoting(control_plane: ControlPlane, namespace: str) -> Iterator[Quoting]:
    """Policies that refuse, and quote variables in their words; gone at the end."""
    made = Quoting(control_plane, namespace)
    yield made
    made.remove()


class Quoting:
    """An admission policy of the cluster, for the namespace of one test alone."""

    def __init__(self, control_plane: ControlPlane, namespace: str) -> None:
        self._control_plane, self._namespace = control_plane, namespace
        self._paths: list[str] = []

    def refuse(self, resource: str, *, unless: str, quote: str) -> None:
        """Writes of a resource are refused; `unless` and `quote` are expressions of CEL."""
        group = "apps" if resource == "deployments" else ""
        name = f"quoting-{resource}-{self._namespace}"
        rule = {
            "apiGroups": [group],
            "apiVersions": ["v1"],
            "operations": ["CREATE", "UPDATE"],
            "resources": [resource],
        }
        words = f"'no such setting: ' + {quote}"
        self._make(
            "ValidatingAdmissionPolicy",
            name,
            {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [rule]},
                "validations": [{"expression": unless, "messageExpression": words}],
            },
        )
        here = {"matchLabels": {"kubernetes.io/metadata.name": self._namespace}}
        self._make(
            "ValidatingAdmissionPolicyBinding",
            name,
            {
                "policyName": name,
                "validationActions": ["Deny"],
                "matchResources": {"namespaceSelector": here},
            },
        )

    def _make(self, kind: str, name: str, spec: Document) -> None:
        api, version = self._control_plane.api, "admissionregistration.k8s.io/v1"
        api.create({"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec})
        self._paths.append(api.path(version, kind, "", name))

    def remove(self) -> None:
        """The cluster is as it was."""
        for path in reversed(self._paths):
            self._control_plane.api.delete(path)


def test_a_policy_that_quotes_a_variable_is_told_without_its_value(
    world: World, quoting: Quoting
) -> None:
    """
    Admission refuses a write in words of its own, which end in the report.
    """
    assert 0 == world.run_json()[0]
    path = world.api.path("apps/v1", "Deployment", world.namespace, "my-app")
    variable = "object.spec.template.spec.containers[0].env[0].value"
    quoting.refuse("deployments", unless="object.spec.replicas == 0", quote=variable)
    said: list[str] = []

    def refused() -> bool:
        try:
            world.api.patch(path, {"spec": {"replicas": 5}}, dryRun="All")
        except ApiError as error:
            said.append(str(error))
        return bool(said)

    wait_for(refused, "the policy in force", seconds=60)
    dry = world.speak("run", "--image", "my-app=my-app:2", "--dry-run", "-o", "json")
    code, answer = world.run_json("--image", "my-app=my-app:2")
    cluster = KubernetesCluster.from_environment(world.environment["KUBECONFIG"])
    cluster.get(path)
    with pytest.raises(ProgressiveError) as caught:
        cluster.merge_patch(path, {"spec": {"replicas": 5}})
    cluster.close()
    world.texts |= all_of(caught.value)

    assert world.secrets["env"] in said[0], "the server quotes it"
    assert code != 0
    assert "no such setting: …" in answer["message"], answer
    assert "no such setting: …" in dry.stdout, "the API server tried it, and said so"
    assert "no such setting: …" in str(caught.value)
    assert [] == world.leaks()


def test_pods_that_a_policy_refuses_are_told_without_their_variables(
    world: World, quoting: Quoting
) -> None:
    """
    The Deployment's status quotes the refusal of its pods, and the run tells why it waits.
    """
    assert 0 == world.run_json()[0]
    world.document["spec"]["progressDeadlineSeconds"] = 6
    world.write(world.document)
    variable = "object.spec.containers[0].env[0].value"
    good = "!object.spec.containers[0].image.endsWith(':2')"
    quoting.refuse("pods", unless=good, quote=variable)
    probe = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "probe", "namespace": world.namespace},
        "spec": {
            "containers": [{"name": "a", "image": "a:2", "env": [{"name": "A", "value": "B"}]}]
        },
    }

    def refused() -> bool:
        try:
            world.api.post(world.api.path_of(probe, named=False), probe, dryRun="All")
        except ApiError as error:
            return "no such setting: B" in str(error)
        return False

    wait_for(refused, "the policy in force", seconds=60)
    code, answer = world.run_json("--image", "my-app=my-app:2")
    events = world.api.get(world.api.path("v1", "Event", world.namespace))

    assert world.secrets["env"] in json.dumps(events), "Kubernetes itself quotes it"
    assert (3, "canary-not-ready") == (code, answer["reason"]), answer
    assert "no such setting: …" in json.dumps(answer, ensure_ascii=False), answer
    assert [] == world.leaks()
