"""The objects of App Mesh that a managed release makes, and what it finds half made."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.adapters.mesh_world import world
from tests.unit.documents.classic import classic, document_of
from tests.unit.mesh.app_mesh import ARN, both, http, node, router, virtual_node, weights
from tests.unit.mesh.app_mesh import service as virtual_service
from tests.unit.mesh.manifests import TARGET, owner
from tests.unit.mesh.schemas import faults

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Split
from progressive._release.rights.needs import needs_of
from progressive.errors import ErrorKind, PreflightFailed, RouteNotFound, RouterError, Unsupported
from progressive.routers import AppMeshRouter

SPEC = ServiceSpec(name="web", port=80, target_port=8080)
OWNER = owner("apps/v1", "Deployment", "web")


def cluster_with(*objects: dict[str, Any]) -> MemoryCluster:
    """The services of both sides, each with its pods, and these objects."""
    cluster = world({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "any"}})
    for name in ("web-primary", "web-canary"):
        ports = [{"name": "http", "port": 80}]
        cluster.put(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": name, "namespace": "shop"},
                "spec": {"selector": {"app": name}, "ports": ports},
            }
        )
    for one in objects:
        cluster.put(one)
    return cluster


def made_in(cluster: MemoryCluster) -> dict[str, dict[str, Any]]:
    return {
        f"{one['kind']} {one['metadata']['name']}": one
        for one in cluster.objects()
        if one["apiVersion"].startswith("appmesh")
    }


def establish(cluster: MemoryCluster, spec: ServiceSpec = SPEC) -> AppMeshRouter:
    steered = AppMeshRouter(cluster, pause=lambda _: None)
    steered.establish(TARGET, spec, OWNER)
    return steered


def test_everything_is_made_and_can_be_steered_at_once() -> None:
    """
    As Flagger makes it, in shapes that the schema takes.
    """
    cluster = cluster_with()
    steered = establish(cluster)
    made = made_in(cluster)

    assert {
        "VirtualNode web-primary",
        "VirtualNode web-canary",
        "VirtualService web",
        "VirtualRouter web",
    } == set(made)
    for one in made.values():
        assert [] == faults("app-mesh", one)
        assert [OWNER] == one["metadata"]["ownerReferences"]
    spec = made["VirtualNode web-canary"]["spec"]
    assert {"matchLabels": {"app": "web-canary"}} == spec["podSelector"]
    assert 8080 == spec["listeners"][0]["portMapping"]["port"]
    assert 0 == steered.current(TARGET).canary
    assert 20 == steered.shift(TARGET, Split(canary=20)).canary


@pytest.mark.parametrize("made_before", range(5))
def test_a_crash_in_between_is_completed(made_before: int) -> None:
    """
    L2: a first deploy goes on where it was.
    """
    cluster = cluster_with()
    cluster.fail(
        RouterError("crash", ErrorKind.UNAVAILABLE), verb="create", skip=made_before, times=1
    )
    try:
        establish(cluster)
    except RouterError:
        assert made_before < 4
    writes = len(cluster.log)
    establish(cluster)

    assert 4 == len(made_in(cluster))
    assert 4 - min(made_before, 4) == len(cluster.log) - writes


def test_what_is_there_is_left_as_it_is() -> None:
    """
    Somebody's nodes hold what no release knows: health checks, backends.
    """
    theirs = [
        virtual_service(),
        router(http(**both(90, 10))),
        virtual_node("web-canary", host="x.example.com"),
    ]
    cluster = cluster_with(*theirs)
    steered = establish(cluster)

    assert 3 == len(made_in(cluster))
    assert 10 == steered.current(TARGET).canary


def test_a_route_of_a_person_gets_its_weights_back_at_the_end() -> None:
    """
    The node is known by its ARN, which only the status of another object tells.
    """
    targets = [{"virtualNodeARN": ARN, "weight": 7}, node("web-primary", 63)]
    theirs = [
        virtual_service(),
        router(http(action={"weightedTargets": targets})),
        virtual_node("web-canary", arn=ARN),
        virtual_node("web-primary"),
    ]
    cluster = cluster_with(*theirs)
    steered = establish(cluster)
    steered.shift(TARGET, Split(canary=100))
    steered.reset(TARGET)
    assert [0, 100] == weights(made_in(cluster)["VirtualRouter web"]["spec"]["routes"][0])
    told = steered.hand_back(TARGET, SPEC)
    (route,) = made_in(cluster)["VirtualRouter web"]["spec"]["routes"]

    assert [7, 63] == weights(route)
    # its services must go on, for the route still names the nodes before them
    assert told.foreign


@pytest.mark.parametrize(
    ("there", "error", "words"),
    [
        (
            virtual_service(provider={"virtualNode": {"virtualNodeRef": {"name": "old"}}}),
            RouteNotFound,
            "a virtual node",
        ),
        (virtual_service(provider="another"), RouteNotFound, "another"),
        (
            router(http(action={"weightedTargets": [node("old", 1)]})),
            RouteNotFound,
            "no rule with web-primary and web-canary",
        ),
    ],
)
def test_what_leads_elsewhere_is_refused_before_anything_is_made(
    there: dict[str, Any], error: type[RouterError], words: str
) -> None:
    """
    A second way to the apex would take users from the first.
    """
    cluster = cluster_with(there)
    with pytest.raises(error, match=words):
        establish(cluster)

    assert 1 == len(made_in(cluster))


@pytest.mark.parametrize(
    ("protocol", "kind"),
    [("http2", "http2Route"), ("grpc", "grpcRoute"), ("tcp", "tcpRoute"), (None, "httpRoute")],
)
def test_the_protocol_makes_the_kind_of_route(protocol: str | None, kind: str) -> None:
    """
    Flagger makes HTTP routes alone.
    """
    cluster = cluster_with()
    routing = {"timeout": "1m30s", "match": [{"uri": {"prefix": "/shop"}}]}
    given = {} if protocol in ("grpc", "tcp") else routing
    establish(cluster, ServiceSpec(name="web", port=80, app_protocol=protocol, routing=given))
    one = made_in(cluster)["VirtualRouter web"]
    (route,) = one["spec"]["routes"]

    assert [] == faults("app-mesh", one)
    assert {"name", "priority", kind} == set(route)
    if given:
        assert {"prefix": "/shop"} == route[kind]["match"]
        assert {"unit": "ms", "value": 90_000} == route[kind]["timeout"]["perRequest"]


@pytest.mark.parametrize(
    "spec",
    [
        ServiceSpec(name="web", port=80, app_protocol="mysql"),
        ServiceSpec(name="web", port=80, routing={"retries": {"attempts": 3}}),
        ServiceSpec(name="web", port=80, routing={"timeout": "soon"}),
        ServiceSpec(name="web", port=80, routing={"match": [{"uri": {"exact": "/"}}]}),
        ServiceSpec(name="web", port=80, routing={"match": [{"uri": {"prefix": "/"}}, {}]}),
    ],
    ids=lambda spec: str(spec.app_protocol or next(iter(spec.routing))),
)
def test_what_would_be_left_out_is_refused(spec: ServiceSpec) -> None:
    """
    Flagger takes the first prefix and drops the rest in silence.
    """
    cluster = cluster_with()
    with pytest.raises(Unsupported, match="make it yourself"):
        establish(cluster, spec)

    assert not made_in(cluster)


def test_a_node_without_pods_is_not_made() -> None:
    """
    It would take the share of users that it gets to nowhere.
    """
    cluster = cluster_with()
    cluster.discard("/api/v1/namespaces/shop/services/web-canary")
    with pytest.raises(PreflightFailed, match="web-canary"):
        establish(cluster)

    assert not made_in(cluster)


def test_the_rights_of_a_managed_release_are_known() -> None:
    """
    `progressive rbac` prints what the router makes, follows and steers.
    """
    document = document_of(classic(provider="appmesh"))
    told = needs_of(document, document.target)
    rights: dict[str, set[str]] = {}
    for one in told.every:
        if one.group == "appmesh.k8s.aws":
            rights.setdefault(one.resource, set()).add(one.verb)

    assert "" == told.unknown
    assert {
        "virtualnodes": {"create", "list"},
        "virtualservices": {"create", "list"},
        "virtualrouters": {"create", "list", "get", "patch"},
    } == rights
