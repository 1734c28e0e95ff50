"""Istio's routes on a real API server, with no user: patches, conflicts, rights and refusals."""

from __future__ import annotations

import pytest
from tests.real.stage.backends import (
    backends,
    route,
    target,
)
from tests.realparts.api import Document
from tests.realparts.control_plane import ControlPlane
from tests.realparts.process import wait_for

from progressive._model.traffic import Observed, RouteRef, Split
from progressive.clusters import KubernetesCluster
from progressive.errors import (
    ErrorKind,
    ForeignController,
    InvalidRequest,
    PreflightFailed,
    RouteNotFound,
    RouterError,
)
from progressive.routers import IstioRouter

pytestmark = pytest.mark.real

VIRTUAL_SERVICE = ("networking.istio.io/v1", "VirtualService")


@pytest.fixture
def router(cluster: KubernetesCluster) -> IstioRouter:
    return IstioRouter(cluster)


def stored(control_plane: ControlPlane, namespace: str) -> Document:
    return control_plane.api.get(control_plane.api.path(*VIRTUAL_SERVICE, namespace, "web"))


def weights(found: Document) -> list[object]:
    return [one.get("weight") for one in found["spec"]["http"][0]["route"]]


def test_a_shift_after_a_read_is_one_patch_and_a_repetition_none(
    control_plane: ControlPlane, namespace: str, router: IstioRouter
) -> None:
    """
    M-01, M-02, M-04: counted by the API server itself, and stored as whole numbers.
    """
    backends(control_plane, namespace)
    control_plane.api.create(route(namespace, canary=0))
    web = target(namespace)
    router.current(web)
    router.shift(web, Split(canary=10))
    router.current(web)
    begin = control_plane.mark()
    assert Observed(canary=20) == router.shift(web, Split(canary=20))
    after = control_plane.requests(since=begin, namespace=namespace)
    found = stored(control_plane, namespace)
    router.shift(web, Split(canary=20))

    assert {("patch", "virtualservices"): 1, ("list", "endpointslices"): 1} == after
    assert [80, 20] == weights(found) and all(type(one) is int for one in weights(found))
    assert 3 == found["metadata"]["generation"]
    assert "progressive" in {one["manager"] for one in found["metadata"]["managedFields"]}
    again = stored(control_plane, namespace)["metadata"]["resourceVersion"]
    assert found["metadata"]["resourceVersion"] == again


def test_a_destination_without_a_weight_gets_one(
    control_plane: ControlPlane, namespace: str, router: IstioRouter
) -> None:
    """
    M-05: the server refuses to replace a key that is not there.
    """
    backends(control_plane, namespace)
    bare = route(namespace, canary=0)
    for entry in bare["spec"]["http"][0]["route"]:
        del entry["weight"]
    control_plane.api.create(bare)

    assert 20 == router.shift(target(namespace), Split(canary=20)).canary
    assert [80, 20] == weights(stored(control_plane, namespace))


def test_another_writer_between_read_and_write_is_planned_around(
    control_plane: ControlPlane, namespace: str, router: IstioRouter
) -> None:
    """
    M-118, M-119: a real conflict, with the real words of the server.
    """
    backends(control_plane, namespace)
    control_plane.api.create(route(namespace, canary=0))
    web = target(namespace)
    router.current(web)
    swapped = route(namespace, canary=0)
    swapped["spec"]["http"][0]["route"].reverse()
    swapped["spec"]["http"][0]["timeout"] = "7s"
    control_plane.user("other").apply(swapped)

    assert 20 == router.shift(web, Split(canary=20)).canary
    found = stored(control_plane, namespace)
    assert [20, 80] == weights(found)
    assert "7s" == found["spec"]["http"][0]["timeout"]


def test_a_route_that_is_not_there_is_told_and_nothing_written(
    control_plane: ControlPlane, namespace: str, router: IstioRouter
) -> None:
    """
    M-11, M-33: only reads in the audit log; the way home has nothing to do.
    """
    begin = control_plane.mark()
    with pytest.raises(RouteNotFound, match=namespace):
        router.shift(target(namespace), Split(canary=20))
    assert 0 == router.reset(target(namespace)).canary

    asked = control_plane.requests(since=begin, namespace=namespace)
    assert {"list"} == {verb for verb, _ in asked}


def test_no_weight_for_a_canary_that_is_not_ready(
    control_plane: ControlPlane, namespace: str, router: IstioRouter
) -> None:
    """
    Traffic is never sent to a side that has no ready endpoint.
    """
    backends(control_plane, namespace, never_ready="true")
    control_plane.api.create(route(namespace, canary=0))

    with pytest.raises(PreflightFailed, match="web-canary"):
        router.shift(target(namespace), Split(canary=20))
    assert [100, 0] == weights(stored(control_plane, namespace))


def test_a_missing_right_is_named(control_plane: ControlPlane, namespace: str) -> None:
    """
    M-129: and the very rights that are named suffice.
    """
    backends(control_plane, namespace)
    control_plane.api.create(route(namespace, canary=0))
    cluster = KubernetesCluster.from_environment(control_plane.kubeconfig("restricted"))
    web = target(namespace, RouteRef(name="web"))
    reading: list[Document] = [
        {"apiGroups": ["networking.istio.io"], "resources": ["virtualservices"], "verbs": ["get"]},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["services"], "verbs": ["get"]},
    ]
    control_plane.grant("restricted", namespace, reading)
    with pytest.raises(RouterError, match="patch") as caught:
        IstioRouter(cluster).shift(web, Split(canary=20))
    assert ErrorKind.FORBIDDEN is caught.value.kind
    assert "networking.istio.io" in str(caught.value) and namespace in str(caught.value)

    reading[0]["verbs"].append("patch")
    control_plane.grant("restricted", namespace, reading)
    assert 20 == IstioRouter(cluster).shift(web, Split(canary=20)).canary
    cluster.close()


def test_a_denial_by_policy_is_final_and_in_its_words(
    control_plane: ControlPlane, namespace: str, router: IstioRouter
) -> None:
    """
    M-122: admission says no; the split stays, and nobody asks again and again.
    """
    backends(control_plane, namespace)
    control_plane.api.create(route(namespace, canary=0))
    policy: Document = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": f"calm-{namespace}"},
        "spec": {
            "matchConstraints": {
                "namespaceSelector": {
                    "matchLabels": {"kubernetes.io/metadata.name": namespace},
                },
                "resourceRules": [
                    {
                        "apiGroups": ["networking.istio.io"],
                        "apiVersions": ["*"],
                        "operations": ["UPDATE"],
                        "resources": ["virtualservices"],
                    }
                ],
            },
            "validations": [{"expression": "false", "message": "no deploys on Friday"}],
        },
    }
    binding: Document = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": f"calm-{namespace}"},
        "spec": {"policyName": f"calm-{namespace}", "validationActions": ["Deny"]},
    }
    api = control_plane.api
    api.create(policy)
    api.create(binding)
    try:

        def denies() -> bool:
            label = {"metadata": {"labels": {"a": "b"}}}
            path = api.path(*VIRTUAL_SERVICE, namespace, "web")
            return "no deploys on Friday" in api.call("PATCH", path, label, kind="merge").text

        wait_for(denies, "the policy is in force")
        begin = control_plane.mark()
        with pytest.raises(InvalidRequest, match="no deploys on Friday"):
            router.shift(target(namespace), Split(canary=20))
        asked = control_plane.requests(since=begin, namespace=namespace)
        assert 1 == sum(number for (verb, _), number in asked.items() if verb == "patch")
    finally:
        for one in (binding, policy):
            api.delete(api.path_of(one))


def test_flaggers_own_field_manager_is_recognised(
    control_plane: ControlPlane, namespace: str, router: IstioRouter
) -> None:
    """
    M-124: as the server records it, not as a test writes it.
    """
    backends(control_plane, namespace)
    path = control_plane.api.path(*VIRTUAL_SERVICE, namespace)
    control_plane.api.post(path, route(namespace, canary=0), fieldManager="flagger")

    assert 0 == router.current(target(namespace)).canary
    with pytest.raises(ForeignController, match="flagger"):
        router.shift(target(namespace), Split(canary=20))
