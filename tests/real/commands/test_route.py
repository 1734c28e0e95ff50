"""One routing write by hand, on a real API server with Istio's own kinds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.real.stage.granting import USER, grant, printed, without
from tests.real.stage.shop import NEW, Place
from tests.realparts.api import Document
from tests.realparts.control_plane import ControlPlane
from tests.realparts.process import wait_for
from tests.realparts.prometheus import Prometheus
from tests.unit.adapters.toy_mesh import SCALER, ToyCodec, base_ingress

from progressive._adapters.mesh.router import MeshRouter
from progressive._model.traffic import Observed, Split, Target
from progressive._release.preview.rehearsal import ready_slice
from progressive.clusters import KubernetesCluster
from progressive.errors import ClusterError, ErrorKind, VersionNotServed

pytestmark = [pytest.mark.real, pytest.mark.apart]


def release(namespace: str, **traffic: Any) -> Document:
    return {
        "apiVersion": "progressive.dev/v1",
        "kind": "Release",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "traffic": {
                "router": "istio",
                "service": "web",
                "primary": "web-primary",
                "canary": "web-canary",
                "port": 80,
                **traffic,
            }
        },
    }


def virtual_service(namespace: str, name: str = "web") -> Document:
    sides = (("web-primary", 100), ("web-canary", 0))
    weighted = [{"destination": {"host": one}, "weight": weight} for one, weight in sides]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"hosts": [name], "http": [{"name": "main", "timeout": "5s", "route": weighted}]},
    }


def two_sides(namespace: str) -> Iterator[Document]:
    """Services of both sides with one ready endpoint each; no pods are needed to route."""
    for side in ("web-primary", "web-canary"):
        yield {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": side, "namespace": namespace},
            "spec": {"ports": [{"name": "http", "port": 80}]},
        }
        yield {**ready_slice(side, namespace), "ports": [{"name": "http", "port": 8080}]}


@pytest.fixture
def web(
    control_plane: ControlPlane, prometheus: Prometheus, namespace: str, tmp_path: Path
) -> Place:
    """Two workloads behind one route, and the document of their traffic."""
    place = Place(control_plane, prometheus.url, namespace, tmp_path, release(namespace))
    for one in (*two_sides(namespace), virtual_service(namespace)):
        place.api.create(one)
    return place


def stored(place: Place, name: str = "web") -> Document:
    return place.read("VirtualService", name, "networking.istio.io/v1")


def weights(place: Place, name: str = "web") -> list[int]:
    return [one["weight"] for one in stored(place, name)["spec"]["http"][0]["route"]]


def test_a_dry_run_is_checked_by_the_server_and_a_write_is_one_patch(web: Place) -> None:
    """
    M-128, M-01, M-02: what is shown first is what is stored then, and nothing a second time.
    """
    before, begin = stored(web), web.control_plane.mark()
    tried = web.run("route", "--weight", "20", "--dry-run")
    assert 0 == tried.code, tried.lines
    assert (before, (True, 20)) == (
        stored(web),
        (tried.answer["changed"], tried.answer["split"]["canary"]),
    )

    moved = web.run("route", "--weight", "20")
    after = stored(web)
    again = web.run("route", "--weight", "20")
    writes = web.control_plane.writes("progressive", since=begin, namespace=web.namespace)

    assert (True, False) == (moved.answer["changed"], again.answer["changed"]), again.lines
    assert [80, 20] == weights(web)
    assert after["metadata"]["generation"] == before["metadata"]["generation"] + 1
    assert after == stored(web)
    would_be = [one["spec"] for one in tried.answer["objects"]]
    assert [after["spec"]] == would_be
    # the audit log has the dry run as well
    assert 2 * [("patch", "virtualservices", 200)] == [one for one in writes if one[0] == "patch"]


def test_a_read_and_a_reset_say_where_the_traffic_is(web: Place) -> None:
    """
    The split alone, and home in one write.
    """
    web.run("route", "--weight", "40")
    read = web.run("route", "--read")
    home = web.run("route", "--reset")

    assert {"canary": 40, "total": 100, "mirror": None, "matched": False} == read.answer
    assert (True, 0) == (home.answer["changed"], home.answer["split"]["canary"])
    assert [100, 0] == weights(web)


def test_the_words_of_the_server_reach_the_person(web: Place) -> None:
    """
    M-122: what the API server refuses is told in its words, and nothing is stored.
    """
    policy = "admissionregistration.k8s.io/v1"
    name = f"frozen-{web.namespace}"
    here = {"kubernetes.io/metadata.name": web.namespace}
    rule = {
        "apiGroups": ["networking.istio.io"],
        "apiVersions": ["*"],
        "operations": ["UPDATE"],
        "resources": ["virtualservices"],
    }
    denial = {"expression": "false", "message": "no deploys on Friday"}
    frozen: list[Document] = [
        {
            "apiVersion": policy,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [rule]},
                "validations": [denial],
            },
        },
        {
            "apiVersion": policy,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {
                "policyName": name,
                "validationActions": ["Deny"],
                "matchResources": {"namespaceSelector": {"matchLabels": here}},
            },
        },
    ]
    paths = {
        "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
        "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
    }
    for one in frozen:
        web.api.post(f"/apis/{policy}/{paths[one['kind']]}", one)
    try:
        # a policy is heeded a moment after it was made; a dry run meets it as well
        wait_for(
            lambda: 6 == web.run("route", "--weight", "20", "--dry-run").code,
            "the policy heeded",
            seconds=60,
        )
        refused = web.run("route", "--weight", "20")
    finally:
        for one in frozen:
            web.api.delete(f"/apis/{policy}/{paths[one['kind']]}/{name}")

    told = refused.answer["error"]
    assert "no deploys on Friday" in told["message"] and not told["unsettled"]
    assert [100, 0] == weights(web)


def test_a_right_that_is_missing_is_named_before_the_first_write(web: Place) -> None:
    """
    M-129; and what `progressive rbac` prints for the document is enough.
    """
    (role,) = printed(web)
    web.act_as(USER)
    grant(web, without(role["rules"], "virtualservices", "patch"))
    begin = web.control_plane.mark()
    refused = web.run("route", "--weight", "20")
    writes = web.control_plane.writes(USER, since=begin, namespace=web.namespace)

    words = refused.answer["error"]["message"]
    assert 6 == refused.code
    assert "patch virtualservices.networking.istio.io/web" in words and web.namespace in words
    assert [] == writes

    grant(web, role["rules"])
    assert 0 == web.run("route", "--weight", "20").code
    assert [80, 20] == weights(web)
    assert 0 == web.run("route", "--reset").code


def test_two_routes_stand_together_or_not_at_all(web: Place) -> None:
    """
    M-127, M-68: the second may not be written, so the first is not either; then it is put back.
    """
    web.api.create(virtual_service(web.namespace, "web-public"))
    routes = [{"name": "web"}, {"name": "web-public"}]
    web.write(release(web.namespace, routes=routes))
    moved = web.run("route", "--weight", "20")
    assert 2 == len(moved.answer["patches"]), moved.lines
    assert ([80, 20], [80, 20]) == (weights(web), weights(web, "web-public"))

    web.act_as(USER)
    (role,) = printed(web)
    for rule in role["rules"]:
        if "patch" in rule["verbs"]:
            rule["resourceNames"] = ["web"]
    read = {"apiGroups": ["networking.istio.io"], "resources": ["virtualservices"]}
    grant(web, [*role["rules"], {**read, "verbs": ["get", "list"]}])
    refused = web.run("route", "--weight", "40")

    assert 6 == refused.code
    assert "virtualservices.networking.istio.io/web-public" in refused.answer["error"]["message"]
    assert ([80, 20], [80, 20]) == (weights(web), weights(web, "web-public"))


@pytest.mark.analysis(interval="5m", maxWeight=20)
def test_a_run_is_not_disturbed_unless_it_is_meant(place: Place) -> None:
    """
    L27: refused and named; with force the traffic moves, and the run goes home and ends.
    """
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")

    refused = place.run("route", "--reset")
    read = place.run("route", "--read")
    assert (8, "Busy") == (refused.code, refused.answer["error"]["type"])
    assert "progressive abort" in refused.answer["error"]["message"]
    assert ((80, 20), 20) == (place.split(), read.answer["canary"])

    forced = place.run("route", "--reset", "--force", "--by", "ann", "--why", "fire")
    ended = running.end()
    assert 0 == forced.code, forced.lines
    assert ("aborted", (100, 0)) == (ended.answer["outcome"], place.split()), ended.lines
    assert [("abort", "ann", "fire")] == [
        (one["command"], one["by"], one["why"]) for one in ended.answer["decisions"]
    ]


def test_a_cluster_that_is_away_is_another_status(web: Place) -> None:
    """
    9: nothing was written, and a pipeline may try again.
    """
    config = yaml.safe_load(Path(web.environment["KUBECONFIG"]).read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    away = web.folder / "away.yaml"
    away.write_text(yaml.safe_dump(config))
    web.environment["KUBECONFIG"] = str(away)

    assert 9 == web.run("route", "--weight", "20").code


def test_objects_are_made_and_deleted_with_the_version_that_was_read(
    control_plane: ControlPlane, namespace: str
) -> None:
    """
    A canary Ingress comes and goes; what somebody changed meanwhile is looked at again.
    """
    base = base_ingress(namespace=namespace)
    backend = {"service": {"name": "web-primary", "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    base["spec"] = {"rules": [{"host": "web.example.com", "http": {"paths": [path]}}]}
    for one in (*two_sides(namespace), base):
        control_plane.api.create(one)
    cluster = KubernetesCluster.from_environment(control_plane.kubeconfig())
    target = Target(
        namespace=namespace, service="web", primary="web-primary", canary="web-canary", port=80
    )
    steered = MeshRouter(ToyCodec(), cluster)
    place = f"/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses/web-canary"

    assert Observed(canary=20) == steered.shift(target, Split(canary=20))
    old = cluster.get(place)["metadata"]["resourceVersion"]
    begin = control_plane.mark()
    assert Observed(canary=30) == steered.shift(target, Split(canary=30))
    asked = control_plane.requests(since=begin, namespace=namespace)
    assert 3 == sum(asked.values()), asked

    with pytest.raises(ClusterError) as stale:
        cluster.delete(place, version=old)
    assert ErrorKind.CONFLICT is stale.value.kind
    assert Observed(canary=0) == steered.reset(target)
    with pytest.raises(ClusterError):
        cluster.get(place)
    cluster.delete(place, version=old)
    cluster.close()


def test_a_mesh_that_is_not_installed_is_told_apart(
    control_plane: ControlPlane, namespace: str
) -> None:
    """
    M-42, M-66: by discovery of a real server, of several kinds and of none.
    """

    class Nowhere(ToyCodec):
        kinds = ToyCodec.kinds[:1]
        around = (SCALER,)

    cluster = KubernetesCluster.from_environment(control_plane.kubeconfig())
    target = Target(namespace=namespace, service="web", primary="web-primary", canary="web-canary")
    with pytest.raises(VersionNotServed, match=r"toys\.toy\.test"):
        MeshRouter(Nowhere(), cluster).current(target)
    cluster.close()
