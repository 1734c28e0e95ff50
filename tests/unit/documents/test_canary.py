from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.documents.classic import (
    ABSENT,
    classic,
    document_of,
    error_paths,
    errors,
    read,
    warnings,
)

from progressive._model.plan import Deadlines
from progressive._model.release import Managed, ServiceSpec
from progressive._model.traffic import Target


def test_the_classic_document() -> None:
    """The document of every tutorial loads, and means what the rules say."""
    document = document_of(classic())

    assert ("my-app", "shop", "istio") == (document.name, document.namespace, document.router)
    assert (timedelta(minutes=1), 5) == (document.plan.interval, document.plan.threshold)
    assert (
        Target(
            namespace="shop",
            service="my-app",
            primary="my-app-primary",
            canary="my-app-canary",
            port=80,
            primary_workload="my-app-primary",
            canary_workload="my-app",
            owner_names=("my-app",),
        )
        == document.target
    )
    assert (
        Managed(name="my-app", service=ServiceSpec(name="my-app", port=80, gateways=("public",)))
        == document.managed
    )
    minute = timedelta(seconds=60)
    assert Deadlines(canary_ready=minute, primary_ready=minute) == document.plan.deadlines
    assert () == document.problems


def test_what_a_document_leaves_out() -> None:
    """Flagger's defaults, with the rules' own for the threshold."""
    document = classic(
        analysis__interval=ABSENT,
        analysis__threshold=ABSENT,
        progressDeadlineSeconds=ABSENT,
        provider=ABSENT,
    )
    del document["metadata"]["namespace"]
    read_document = document_of(document, namespace="here")
    plan = read_document.plan

    assert (timedelta(seconds=60), 1) == (plan.interval, plan.threshold)
    assert timedelta(minutes=10) == plan.deadlines.canary_ready
    assert ("istio", None, "here") == (
        read_document.router,
        read_document.namespace,
        read_document.target.namespace,
    )


def test_the_services_follow_the_service_name_and_the_workloads_the_target() -> None:
    """They differ where a team names its service otherwise."""
    target = document_of(classic(service__name="web")).target

    assert ("web", "web-primary", "web-canary") == (target.service, target.primary, target.canary)
    assert ("my-app-primary", "my-app") == (target.primary_workload, target.canary_workload)


def test_everything_that_a_service_can_say() -> None:
    """All of it reaches whoever makes the services and the route."""
    routing = {
        "match": [{"uri": {"prefix": "/"}}],
        "rewrite": {"uri": "/v2"},
        "timeout": "15s",
        "retries": {"attempts": 3, "perTryTimeout": "1s", "retryOn": "5xx"},
        "headers": {"request": {"add": {"x": "1"}, "remove": ["y"]}},
        "corsPolicy": {"allowOrigins": [{"exact": "https://x"}], "maxAge": "24h"},
    }
    document = classic(
        service={
            "port": 80,
            "portName": "grpc-web",
            "targetPort": "http",
            "appProtocol": "http2",
            "portDiscovery": True,
            "headless": True,
            "trafficDistribution": "PreferClose",
            "hosts": ["web.example.com"],
            "gateways": ["public"],
            "apex": {"labels": {"a": "1"}, "annotations": {"b": ""}},
            "unmanagedMetadata": {"annotations": ["x"]},
            **routing,
        },
        analysis__primaryReadyThreshold=50,
        analysis__canaryReadyThreshold=0,
    )
    managed = document_of(document).managed

    assert managed is not None
    assert (50, 0) == (managed.primary_ready_percent, managed.canary_ready_percent)
    assert (
        ServiceSpec(
            name="my-app",
            port=80,
            port_name="grpc-web",
            target_port="http",
            app_protocol="http2",
            port_discovery=True,
            headless=True,
            traffic_distribution="PreferClose",
            hosts=("web.example.com",),
            gateways=("public",),
            routing=routing,
            metadata={"apex": {"labels": {"a": "1"}, "annotations": {"b": ""}}},
        )
        == managed.service
    )


def test_without_gateways_only_the_mesh_follows_the_weights() -> None:
    """Users behind an ingress gateway would all stay on the primary, unseen."""
    path = "spec.service.gateways"

    assert "mesh only" in warnings(read(classic(service__gateways=ABSENT)))[path]
    assert {} == warnings(read(classic(service__gateways=["mesh"])))


def test_metrics_servers() -> None:
    """The document wins over the caller."""
    named = classic(metricsServer="http://a:1")

    assert "http://a:1" == document_of(named, metrics_server="http://b:1").metrics_server
    assert "http://b:1" == document_of(classic(), metrics_server="http://b:1").metrics_server
    assert document_of(classic()).metrics_server is None


@pytest.mark.parametrize(
    ("changes", "paths"),
    [
        ({"targetRef": ABSENT}, ["spec.targetRef"]),
        ({"targetRef__name": ABSENT}, ["spec.targetRef.name"]),
        ({"targetRef__name": "My_App"}, ["spec.targetRef.name"]),
        ({"targetRef__kind": "StatefulSet"}, ["spec.targetRef.kind"]),
        ({"targetRef__kind": "DaemonSet"}, ["spec.targetRef.kind"]),
        ({"targetRef__kind": "Service"}, ["spec.targetRef.kind"]),
        ({"targetRef__apiVersion": "extensions/v1beta1"}, ["spec.targetRef.apiVersion"]),
        ({"service": ABSENT}, ["spec.service"]),
        ({"service__port": ABSENT}, ["spec.service.port"]),
        ({"service__port": 0}, ["spec.service.port"]),
        ({"service__port": 65536}, ["spec.service.port"]),
        ({"service__port": "80"}, ["spec.service.port"]),
        ({"service__port": True}, ["spec.service.port"]),
        ({"service__targetPort": "8080"}, ["spec.service.targetPort"]),
        ({"service__portName": "Http"}, ["spec.service.portName"]),
        ({"service__name": "a" * 56}, ["spec.service.name"]),
        ({"service__name": "1web"}, ["spec.service.name"]),
        ({"service__trafficDistribution": "near"}, ["spec.service.trafficDistribution"]),
        ({"analysis": ABSENT}, ["spec.analysis"]),
        ({"analysis": []}, ["spec.analysis"]),
        ({"analysis__interval": "soon"}, ["spec.analysis.interval"]),
        ({"analysis__interval": "banana"}, ["spec.analysis.interval"]),
        ({"analysis__interval": 30}, ["spec.analysis.interval"]),
        ({"analysis__stepWeigth": 10}, ["spec.analysis.stepWeigth"]),
        ({"analysis__threshold": 1.5}, ["spec.analysis.threshold"]),
        ({"progressDeadlineSeconds": -1}, ["spec.progressDeadlineSeconds"]),
        ({"suspend": "yes"}, ["spec.suspend"]),
        ({"metricsServer": "prometheus:9090"}, ["spec.metricsServer"]),
        ({"provider": "istioo"}, ["spec.provider"]),
        ({"provider": 5}, ["spec.provider"]),
        ({"canaryAnalysis": {}}, ["spec.canaryAnalysis"]),
    ],
)
def test_a_fault_is_told_at_its_path(changes: dict[str, Any], paths: list[str]) -> None:
    """A path that is exact finds the line; a fault that is told once is not hunted twice."""
    assert paths == error_paths(read(classic(**changes)))


def test_every_fault_at_once() -> None:
    """Each run of a pipeline costs minutes."""
    document = classic(
        service__timout="5s",
        analysis__interval="soon",
        analysis__maxWeight=500,
        analysis__metrics=[{"name": "request-duration"}],
        targetRef__kind="Deploymnet",
    )
    document["metadata"]["name"] = None

    assert {
        "metadata.name",
        "spec.service.timout",
        "spec.analysis.interval",
        "spec.analysis.maxWeight",
        "spec.analysis.metrics[0].thresholdRange",
        "spec.targetRef.kind",
    } == set(error_paths(read(document)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"analysis__stepWeigth": 1}, "did you mean stepWeight?"),
        ({"canaryAnalysis": {}}, "write analysis"),
        ({"analysis__interval": 30}, "write 30s"),
        ({"service__port": "80"}, "write 80 without quotes"),
        ({"provider": "istoi"}, "did you mean istio?"),
        ({"targetRef__kind": "deployment"}, "did you mean Deployment?"),
        ({"analysis__metrics": {}}, "where a list belongs"),
    ],
)
def test_a_fault_says_what_to_do(changes: dict[str, Any], words: str) -> None:
    """People read the message, not the schema."""
    assert any(words in message for _, message in errors(read(classic(**changes))))


def test_null_counts_as_left_out() -> None:
    """As the API server has it."""
    document = classic(provider=None, service__name=None, suspend=None)

    assert "istio" == document_of(document).router


def test_a_document_as_the_api_server_returns_it() -> None:
    """`kubectl get -o yaml` must be good input."""
    document = classic()
    document["metadata"] |= {
        "uid": "1",
        "resourceVersion": "5",
        "generation": 1,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "managedFields": [{}],
        "finalizers": ["finalizer.flagger.app"],
    }
    document["status"] = {"phase": "Succeeded", "canaryWeight": 0}

    assert "my-app" == document_of(document).name
