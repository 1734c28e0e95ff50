"""Routes of Linkerd and TrafficSplits on a real API server: versions, schemas, rights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import define
from click.testing import CliRunner
from tests.realparts.api import Document
from tests.realparts.control_plane import ControlPlane
from tests.unit.mesh.linkerd_objects import (
    POLICY,
    SERVICE_PARENT,
    mesh_route,
    profile,
    shared,
    traffic_split,
)

from progressive._cli.main import cli
from progressive._mesh.standing import StandingKind
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Match, Split, Sticky, Target, TextMatch
from progressive.clusters import KubernetesCluster
from progressive.errors import (
    NotAccepted,
    NotOwned,
    PreflightFailed,
    RouteNotFound,
    VersionNotServed,
)
from progressive.routers import LinkerdRouter, SmiRouter

pytestmark = pytest.mark.real

SMI = "split.smi-spec.io"
GATEWAY = "gateway.networking.k8s.io/v1"
OWNER = {"apiVersion": "example.com/v1", "kind": "App", "name": "checkout", "uid": "6f1e7d0a"}


@define
class Shop:
    """A namespace with three services, both sides with a ready endpoint."""

    control_plane: ControlPlane
    namespace: str
    cluster: KubernetesCluster

    @property
    def target(self) -> Target:
        return Target(
            namespace=self.namespace,
            service="web",
            primary="web-primary",
            canary="web-canary",
            port=80,
        )

    def put(self, manifest: Document) -> Document:
        made = deepcopy(manifest)
        made["metadata"] = {**made["metadata"], "namespace": self.namespace}
        made["metadata"].pop("resourceVersion", None)
        api = self.control_plane.api
        path = api.path(made["apiVersion"], made["kind"], self.namespace)
        return api.post(path, made, fieldValidation="Strict")

    def read(self, manifest: Document, *, version: str | None = None) -> Document:
        return self.control_plane.api.read(
            version or manifest["apiVersion"],
            manifest["kind"],
            self.namespace,
            manifest["metadata"]["name"],
        )

    def writes(self, since: int) -> list[tuple[str, str, int]]:
        return self.control_plane.writes("progressive", since=since, namespace=self.namespace)


@pytest.fixture
def shop(control_plane: ControlPlane, namespace: str) -> Iterator[Shop]:
    cluster = KubernetesCluster.from_environment(control_plane.kubeconfig())
    for number, name in enumerate(("web", "web-primary", "web-canary")):
        for one in _served(name, number):
            path = control_plane.api.path(one["apiVersion"], one["kind"], namespace)
            control_plane.api.post(path, one)
    yield Shop(control_plane, namespace, cluster)
    cluster.close()


def _served(name: str, number: int) -> Iterator[Document]:
    """A service without a selector, so that nobody takes its endpoint away."""
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"ports": [{"name": "http", "port": 80}]},
    }
    yield {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": f"{name}-1", "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080}],
        "endpoints": [{"addresses": [f"10.99.7.{number + 1}"], "conditions": {"ready": True}}],
    }


def pair(canary: Any, primary: Any, **more: Any) -> Document:
    return traffic_split(("web-canary", canary), ("web-primary", primary), **more)


def weights(manifest: Document) -> list[Any]:
    spec = manifest["spec"]
    return [one["weight"] for one in spec.get("backends") or spec["rules"][0]["backendRefs"]]


@pytest.mark.parametrize(
    ("installed", "stored", "written"),
    [
        ("smi-linkerd", "v1alpha1", "v1alpha2"),
        ("smi-linkerd", "v1alpha2", "v1alpha2"),
        ("smi", "v1alpha4", "v1alpha4"),
    ],
)
def test_a_split_is_written_with_whole_numbers_in_the_newest_version(
    shop: Shop, installed: str, stored: str, written: str
) -> None:
    """
    M-04, M-82: one PATCH, strict, by our field manager; the same order again writes nothing.
    """
    shop.control_plane.install(installed)
    split = pair(0, 100, version=stored)
    made = shop.put(split)
    router, mark = SmiRouter(shop.cluster), shop.control_plane.mark()
    router.shift(shop.target, Split(canary=20))
    router.shift(shop.target, Split(canary=20))
    after = shop.read(split)
    (event,) = [
        one
        for one in shop.control_plane.events("progressive", since=mark)
        if one["verb"] == "patch"
    ]

    assert [20, 80] == weights(after)
    assert all(type(one) is int for one in weights(after))
    assert made["metadata"]["generation"] + 1 == after["metadata"]["generation"]
    assert written == event["objectRef"]["apiVersion"]
    assert "fieldManager=progressive" in event["requestURI"]
    assert "fieldValidation=Strict" in event["requestURI"]


def test_quantities_are_read_through_the_version_that_gives_them_as_texts(shop: Shop) -> None:
    """
    M-80: what is stored as 900m comes out of v1alpha2 as it is, though its schema has numbers.
    """
    shop.control_plane.install("smi-linkerd")
    split = pair("100m", "900m", version="v1alpha1")
    shop.put(split)
    router = SmiRouter(shop.cluster)
    before = router.current(shop.target)
    mark = shop.control_plane.mark()
    router.shift(shop.target, Split(canary=10))

    assert (10, 100) == (before.canary, before.total)
    assert [] == shop.writes(mark)
    assert 20 == router.shift(shop.target, Split(canary=20)).canary
    assert [20, 80] == weights(shop.read(split))


def test_a_weight_as_text_is_refused_by_the_server_and_never_sent(shop: Shop) -> None:
    """
    M-81: from v1alpha2 on weights are numbers.
    """
    shop.control_plane.install("smi-linkerd")
    bad = pair("20", "80", version="v1alpha2")
    bad["metadata"]["namespace"] = shop.namespace
    del bad["metadata"]["resourceVersion"]
    answer = shop.control_plane.api.call(
        "POST", f"/apis/{SMI}/v1alpha2/namespaces/{shop.namespace}/trafficsplits", bad
    )

    assert 422 == answer.status_code, answer.text


def test_a_version_that_is_not_served_is_named(shop: Shop) -> None:
    """
    M-82: it is in the CRD, and nobody can write through it.
    """
    shop.control_plane.install("smi")
    shop.put(pair(0, 100, version="v1alpha4"))

    with pytest.raises(VersionNotServed, match="v1alpha3"):
        SmiRouter(shop.cluster, version="v1alpha3").shift(shop.target, Split(canary=20))


def test_owners_are_left_where_they_are(shop: Shop) -> None:
    """
    M-83, M-84: a weight makes no split; what a release makes has its owner, and what another
    controller owns needs leave.
    """
    shop.control_plane.install("smi-linkerd")
    mark = shop.control_plane.mark()
    with pytest.raises(RouteNotFound):
        SmiRouter(shop.cluster).shift(shop.target, Split(canary=20))
    assert [] == shop.writes(mark)
    owner = {"apiVersion": "v1", "kind": "Service", "name": "web"}
    owner["uid"] = shop.read({**owner, "metadata": {"name": "web"}})["metadata"]["uid"]
    SmiRouter(shop.cluster).establish(shop.target, ServiceSpec(name="web", port=80), owner)
    made = shop.read(pair(0, 100))
    theirs = shop.put(pair(0, 100, name="b", ownerReferences=[{**OWNER, "controller": True}]))
    named = Target(
        namespace=shop.namespace, service="b", primary="web-primary", canary="web-canary"
    )
    shop.control_plane.api.delete(shop.control_plane.api.path_of(made))

    assert ([0, 100], ["web"]) == (
        weights(made),
        [one["name"] for one in made["metadata"]["ownerReferences"]],
    )
    with pytest.raises(NotOwned, match="App checkout"):
        SmiRouter(shop.cluster).shift(named, Split(canary=20))
    SmiRouter(shop.cluster, adopt=True).shift(named, Split(canary=20))
    after = shop.read(theirs)
    assert theirs["metadata"]["ownerReferences"] == after["metadata"]["ownerReferences"]
    assert [20, 80] == weights(after)


def test_a_policy_route_keeps_its_weights_beside_a_version_without(shop: Shop) -> None:
    """
    M-69: v1beta1 is served as well, and shows none.
    """
    shop.control_plane.install("linkerd", "gateway-api", "smi-linkerd")
    route = mesh_route(shared(), version=POLICY)
    shop.put(route)
    LinkerdRouter(shop.cluster).shift(shop.target, Split(canary=20))
    older = shop.read(route, version="policy.linkerd.io/v1beta1")

    assert [80, 20] == weights(shop.read(route))
    assert [None, None] == [one.get("weight") for one in older["spec"]["rules"][0]["backendRefs"]]


@pytest.mark.parametrize(
    ("version", "split"),
    [
        (POLICY, Split(canary=100, match=[Match(headers={"x": TextMatch(exact="1")})])),
        (POLICY, Split(canary=30, match=[Match(query={"v": TextMatch(regex="[0-9]+")})])),
        (None, Split(canary=30, match=[Match(cookies={"beta": TextMatch(prefix="a")})])),
        (None, Split(canary=20, sticky=Sticky(cookie="web", primary_cookie="old"))),
    ],
)
def test_managed_rules_are_taken_by_the_schema_and_stand_with_its_defaults(
    shop: Shop, version: str | None, split: Split
) -> None:
    """
    The server fills defaults in: they must not read as drift, nor be written again.
    """
    shop.control_plane.install("linkerd", "gateway-api", "smi-linkerd")
    route = mesh_route(shared(), version=version)
    made = shop.put(route)
    router = LinkerdRouter(shop.cluster)
    router.shift(shop.target, split)
    mark = shop.control_plane.mark()
    LinkerdRouter(shop.cluster).shift(shop.target, split)

    assert [] == shop.writes(mark)
    assert len(made["spec"]["rules"]) < len(shop.read(route)["spec"]["rules"])
    router.reset(shop.target)
    assert made["spec"] == shop.read(route)["spec"]


def test_the_status_that_linkerd_writes_never_holds_a_shift_up(shop: Shop) -> None:
    """
    M-63, M-72: no generation in it; a refusal counts, a good one is a note.
    """
    shop.control_plane.install("linkerd", "gateway-api", "smi-linkerd")
    route = mesh_route(shared(), parents=[{**SERVICE_PARENT, "group": ""}])
    made = shop.put(route)
    waited: list[float] = []
    router = LinkerdRouter(shop.cluster, patience=timedelta(minutes=5), pause=waited.append)
    _speak(shop, made, "True", "Accepted")
    (note,) = router.shift(shop.target, Split(canary=20)).warnings

    assert note.startswith("Note: stored, and not known whether it is accepted")
    assert StandingKind.UNVERIFIED is router.accepted(shop.target).kind
    _speak(shop, made, "False", "RouteReasonConflicted")
    with pytest.raises(NotAccepted, match="RouteReasonConflicted"):
        router.shift(shop.target, Split(canary=30))
    assert sum(waited) < 60
    assert 0 == router.reset(shop.target).canary


def _speak(shop: Shop, route: Document, status: str, reason: str) -> None:
    """As the policy controller does: the group is written in full, and no generation."""
    about = {"group": "core", "kind": "Service", "namespace": shop.namespace, "name": "web"}
    conditions = [
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": "",
            "lastTransitionTime": "2026-11-20T10:00:00Z",
        }
        for kind in ("Accepted", "ResolvedRefs")
    ]
    entry = {
        "parentRef": {**about, "port": 80},
        "controllerName": "linkerd.io/policy-controller",
        "conditions": conditions,
    }
    api = shop.control_plane.user("controllers")
    api.patch(f"{api.path_of(route)}/status", {"status": {"parents": [entry]}})


def test_a_profile_stops_a_shift_and_an_empty_one_goes_on_request(shop: Shop) -> None:
    """
    M-71, M-86: it overrides every route; ours to delete only when it says nothing.
    """
    shop.control_plane.install("linkerd", "gateway-api", "smi-linkerd")
    shop.put(mesh_route(shared()))
    left = profile(routes=[])
    left["metadata"]["name"] = f"web.{shop.namespace}.svc.cluster.local"
    shop.put(left)
    mark = shop.control_plane.mark()
    with pytest.raises(PreflightFailed, match="ServiceProfile"):
        LinkerdRouter(shop.cluster).shift(shop.target, Split(canary=20))
    assert [] == shop.writes(mark)

    router = LinkerdRouter(shop.cluster)
    (name,) = router.left_over(shop.target)
    assert (name,) == router.remove_left_over(shop.target)
    assert 20 == LinkerdRouter(shop.cluster).shift(shop.target, Split(canary=20)).canary


@pytest.mark.parametrize("router", ["linkerd", "smi"])
def test_the_printed_role_is_enough_to_make_and_move_a_route(
    shop: Shop, tmp_path: Path, router: str
) -> None:
    """
    Exactly what `progressive rbac` prints, on a server that asks for every right.
    """
    shop.control_plane.install("linkerd", "gateway-api", "smi-linkerd")
    shop.control_plane.grant("restricted", shop.namespace, _printed(shop, tmp_path, router))
    cluster = KubernetesCluster.from_environment(shop.control_plane.kubeconfig("restricted"))
    kinds = {"linkerd": LinkerdRouter, "smi": SmiRouter}
    try:
        mover = kinds[router](cluster)
        mover.establish(shop.target, ServiceSpec(name="web", port=80), None)
        assert 20 == mover.shift(shop.target, Split(canary=20)).canary
        assert 0 == mover.reset(shop.target).canary
    finally:
        cluster.close()


def _printed(shop: Shop, folder: Path, router: str) -> list[Document]:
    canary = {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": "web", "namespace": shop.namespace},
        "spec": {
            "provider": "linkerd",
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "service": {"port": 80},
            "analysis": {
                "interval": "1m",
                "threshold": 5,
                "maxWeight": 50,
                "stepWeight": 10,
                "metrics": [{"name": "request-success-rate", "thresholdRange": {"min": 99}}],
            },
        },
    }
    file = folder / "canary.yaml"
    file.write_text(json.dumps(canary))  # JSON is YAML
    command = ["rbac", str(file), "-o", "json", "--router", router]
    result = CliRunner(env={"KUBECONFIG": "/nowhere"}).invoke(cli, command)
    assert 0 == result.exit_code, result.output
    (role,) = json.loads(result.stdout)["items"]
    rules: list[Document] = role["rules"]
    return rules
