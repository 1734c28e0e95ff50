"""Which rights a release needs, by its document alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from attrs import evolve
from tests.unit.documents.classic import ABSENT, classic, document_of, read
from tests.unit.release.deployed import DEPLOYMENT, deployed

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._kube.rights import Right
from progressive._model.release import Document
from progressive._model.traffic import RouteRef
from progressive._release.known import router_names
from progressive._release.preview.plan import plan
from progressive._release.rights.needs import needs_of, renamed


def needs(document: Document) -> frozenset[Right]:
    return needs_of(document, document.target).every


def said(rights: Iterable[Right], resource: str) -> set[str]:
    return {f"{one.verb} {one.name}".strip() for one in rights if one.resource == resource}


def test_every_object_whose_name_is_known_is_named() -> None:
    """
    Least: a driver of one release cannot touch another one's objects.
    """
    rights = needs(document_of(classic()))
    free = {str(one) for one in rights if not one.name and one.verb != "create"}

    assert {
        "list canaries.flagger.app",
        "list controllerrevisions.apps",
        "get controllerrevisions.apps",
        "delete controllerrevisions.apps",
        "list endpointslices.discovery.k8s.io",
        "list horizontalpodautoscalers.autoscaling",
        "list scaledobjects.keda.sh",
        "list virtualservices.networking.istio.io",
    } == free
    assert {"create", "list", "get my-app", "patch my-app"} == said(rights, "virtualservices")
    assert {"shop"} == {one.namespace for one in rights}
    assert set() == said(rights, "secrets")


def test_the_rights_cover_those_of_every_plan() -> None:
    """
    First deploy and later release: what `plan` finds on a cluster is never more.
    """
    rights = {(one.group, one.resource, one.verb) for one in needs(document_of(classic()))}
    for cluster in (MemoryCluster([DEPLOYMENT]), deployed()):
        rules = plan(read(classic()), cluster)["rbac"]
        found = {
            (group, resource, verb)
            for rule in rules
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
        }
        assert len(found) > 20
        assert set() == found - rights


@pytest.mark.parametrize(
    "changes",
    [
        {"skipAnalysis": True},
        {"suspend": True},
        {"service__appProtocol": "grpc"},
        {"service__hosts": ["*"], "service__timeout": "5s"},
        {"analysis__stepWeights": [1], "analysis__stepWeight": None, "analysis__maxWeight": None},
    ],
)
def test_rights_do_not_depend_on_what_a_team_changes_every_day(changes: dict[str, Any]) -> None:
    """
    A Role is granted once, often by somebody else.
    """
    usual = needs(document_of(classic()))
    document = classic(**{key: value for key, value in changes.items() if value is not None})
    for key, value in changes.items():
        if value is None:
            document["spec"]["analysis"].pop(key.rpartition("__")[2])

    assert set() == needs(document_of(document)) - usual
    lost = usual - needs(document_of(document))
    assert {str(one) for one in lost} <= {"create virtualservices.networking.istio.io"}


def test_a_route_that_is_named_is_the_only_one() -> None:
    """
    Also in another namespace, where routes are kept by a platform team.
    """
    document = document_of(classic())
    routes = (RouteRef(name="edge", namespace="gateways"), RouteRef(name="inner"))
    rights = needs(evolve(document, target=evolve(document.target, routes=routes)))
    found = {f"{one.verb} {one.namespace}/{one.name}" for one in rights if "virtual" in str(one)}

    assert {
        "create shop/",
        "list shop/",
        "get gateways/edge",
        "patch gateways/edge",
        "get shop/inner",
        "patch shop/inner",
    } == found


def test_a_route_under_another_name_can_be_said() -> None:
    """
    A VirtualService that stood before is found by where it leads, which no file says.
    """
    document = document_of(classic())
    told = renamed(needs(document), ["edge"])

    assert {"create", "list", "get edge", "patch edge"} == said(told, "virtualservices")


def test_an_autoscaler_of_the_primary_can_be_said() -> None:
    """
    Its minimum is raised for the length of a release (L25), and no document names it.
    """
    document = document_of(classic())
    scaling = [("HorizontalPodAutoscaler", "web"), ("ScaledObject", "queue")]
    told = needs_of(document, document.target, autoscalers=scaling).every

    assert {"list"} == said(needs(document), "horizontalpodautoscalers")
    assert {"list", "get web", "patch web"} == said(told, "horizontalpodautoscalers")
    assert {"list", "get queue", "patch queue"} == said(told, "scaledobjects")


def test_two_existing_workloads_need_no_deployments() -> None:
    """
    Nothing is made there but what the driver keeps for itself.
    """
    rights = needs(evolve(document_of(classic()), managed=None))
    resources = {one.resource for one in rights}

    assert {
        "configmaps",
        "endpointslices",
        "events",
        "leases",
        "services",
        "virtualservices",
    } == resources
    assert {"get my-app-primary", "get my-app-canary"} == said(rights, "services")
    assert {"list", "get", "patch"} == said(rights, "virtualservices")


def test_a_router_that_may_act_elsewhere_is_named_as_unknown() -> None:
    """
    A Role that is silently too small is found out in the middle of a release.
    """
    document = document_of(classic(provider="envoy"), routers=router_names())
    told = needs_of(document, document.target)

    assert "envoy" in told.unknown
    assert "deployments" in {one.resource for one in told.run}


def test_nginx_needs_the_two_ingresses_of_the_document() -> None:
    """
    The canary's is made under a name that follows from the one that is named.
    """
    named = {"ingressRef": {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "i"}}
    document = document_of(classic(provider="nginx", **named))

    assert {"create", "list", "patch i", "patch i-canary"} == said(needs(document), "ingresses")
    assert "" == needs_of(document, document.target).unknown


def test_plain_kubernetes_needs_no_more_than_a_release_asks_for_anyway() -> None:
    """
    Its routes are the Services of the release, which the workload writes as well.
    """
    changes = {"skipAnalysis": True, "analysis__stepWeight": ABSENT, "analysis__maxWeight": ABSENT}
    document = document_of(classic(provider="kubernetes", **changes))
    mesh = needs(document_of(classic(skipAnalysis=True)))
    routes = {one for one in mesh if one.group == "networking.istio.io"}

    assert set() == needs(document) - (mesh - routes)
    assert "patch my-app" in said(needs(document), "services")
    assert "" == needs_of(document, document.target).unknown
