"""The services of a release."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.kube.manifests import deployment

from progressive._kube.patch import apply
from progressive._kube.workload.primary import Selector
from progressive._kube.workload.services import (
    corrections,
    pointing,
    service_manifest,
    service_names,
    service_ports,
)
from progressive._model.release import ServiceSpec
from progressive.errors import SpecError

WEB = Selector(label="app", value="web")
OWNER = {"kind": "Deployment", "name": "web"}


def made(role: str, target: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    service = ServiceSpec(**{"name": "web", "port": 80, **spec})
    return service_manifest(
        role, service=service, target=target or deployment(), selector=WEB, owner=OWNER
    )


def with_ports(*ports: dict[str, Any], container: str = "web", **more: Any) -> dict[str, Any]:
    target = deployment()
    target["spec"]["template"]["spec"]["containers"] = [
        {"name": container, "ports": list(ports)},
        *more.get("containers", ()),
    ]
    return target


def summary(ports: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(one["name"], one["port"]) for one in ports]


@pytest.mark.parametrize(
    ("role", "name", "selected"),
    [
        ("apex", "web", "web-primary"),
        ("primary", "web-primary", "web-primary"),
        ("canary", "web-canary", "web"),
    ],
)
def test_each_service_selects_its_side(role: str, name: str, selected: str) -> None:
    """The apex serves the primary: that is where traffic goes without a mesh."""
    found = made(role)

    assert {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "labels": {"app": name, "app.kubernetes.io/managed-by": "progressive"},
            "ownerReferences": [OWNER],
        },
        "spec": {
            "type": "ClusterIP",
            "selector": {"app": selected},
            "ports": [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 80}],
        },
    } == found


def test_everything_that_the_document_says_is_in_the_service() -> None:
    """Ports, protocol, headless, distribution, and metadata of each role."""
    found = made(
        "canary",
        port_name="grpc",
        target_port="api",
        app_protocol="kubernetes.io/h2c",
        headless=True,
        traffic_distribution="PreferClose",
        metadata={
            "canary": {"labels": {"team": "a"}, "annotations": {"x": "y"}},
            "apex": {"labels": {"team": "b"}},
        },
    )

    assert "a" == found["metadata"]["labels"]["team"]
    assert {"x": "y"} == found["metadata"]["annotations"]
    assert "None" == found["spec"]["clusterIP"]
    assert "PreferClose" == found["spec"]["trafficDistribution"]
    assert [
        {
            "name": "grpc",
            "protocol": "TCP",
            "port": 80,
            "targetPort": "api",
            "appProtocol": "kubernetes.io/h2c",
        }
    ] == found["spec"]["ports"]


def test_the_mark_of_the_maker_cannot_be_overwritten_by_the_document() -> None:
    """By it a later run knows what it may correct."""
    found = made("apex", metadata={"apex": {"labels": {"app.kubernetes.io/managed-by": "me"}}})

    assert "progressive" == found["metadata"]["labels"]["app.kubernetes.io/managed-by"]


HTTP = {"name": "http", "containerPort": 9898, "protocol": "TCP"}
METRICS = {"name": "http-metrics", "containerPort": 8080, "protocol": "TCP"}
UNNAMED = {"containerPort": 8888}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"port": 9898}, [("http", 9898), ("http-metrics", 8080), ("tcp-web-2", 8888)]),
        (
            {"port": 80, "target_port": 9898},
            [("http", 80), ("http-metrics", 8080), ("tcp-web-2", 8888)],
        ),
        ({"port": 8080, "target_port": "http"}, [("http", 8080), ("tcp-web-2", 8888)]),
        (
            {"port": 8080, "target_port": 9999, "port_name": "api"},
            [("api", 8080), ("http", 9898), ("tcp-web-2", 8888)],
        ),
        (
            {"port": 1, "target_port": "http-metrics"},
            [("http", 1), ("tcp-web-0", 9898), ("tcp-web-2", 8888)],
        ),
    ],
)
def test_discovery_adds_the_other_ports(
    spec: dict[str, Any], expected: list[tuple[str, int]]
) -> None:
    """Neither the port behind the declared one, nor one that the API server would refuse."""
    service = ServiceSpec(name="web", port_discovery=True, **spec)

    assert expected == summary(service_ports(service, with_ports(HTTP, METRICS, UNNAMED)))


def test_discovery_leaves_the_proxies_of_a_mesh_alone() -> None:
    """Their ports are nobody's service."""
    sidecars = [{"name": name, "ports": [METRICS]} for name in ("istio-proxy", "envoy")]
    service = ServiceSpec(name="web", port=9898, port_discovery=True)

    found = service_ports(service, with_ports(HTTP, containers=sidecars))

    assert [("http", 9898)] == summary(found)


def test_discovery_keeps_the_protocol() -> None:
    """DNS serves one number by two protocols."""
    service = ServiceSpec(name="web", port=80, port_discovery=True)
    udp = {"containerPort": 53, "protocol": "UDP"}

    found = service_ports(service, with_ports({"name": "dns", "containerPort": 53}, udp))

    assert [("http", "TCP", 80), ("dns", "TCP", 53), ("udp-web-1", "UDP", 53)] == [
        (one["name"], one["protocol"], one["port"]) for one in found
    ]


@given(
    st.lists(
        st.fixed_dictionaries(
            {"containerPort": st.integers(1, 12)},
            optional={
                "name": st.sampled_from(["http", "grpc", "metrics"]),
                "protocol": st.sampled_from(["TCP", "UDP"]),
            },
        ),
        max_size=8,
    ),
    st.integers(1, 12),
    st.none() | st.integers(1, 12) | st.sampled_from(["http", "grpc"]),
)
def test_discovered_ports_are_always_acceptable(
    ports: list[dict[str, Any]], port: int, target_port: int | str | None
) -> None:
    """The API server wants names, and pairs of number and protocol, once each."""
    service = ServiceSpec(name="web", port=port, target_port=target_port, port_discovery=True)

    found = service_ports(service, with_ports(*ports, container="c" * 63))

    names = [one["name"] for one in found]
    numbers = [(one["port"], one["protocol"]) for one in found]
    assert len(set(names)) == len(names)
    assert len(set(numbers)) == len(numbers)
    assert all(len(name) <= 63 for name in names)


def test_a_name_that_would_get_too_long_is_refused() -> None:
    """Names of services end at 63 characters."""
    assert f"{'w' * 55}-primary" == service_names(ServiceSpec(name="w" * 55, port=80))["primary"]
    with pytest.raises(SpecError, match="63 characters"):
        service_names(ServiceSpec(name="w" * 56, port=80))


def stored(service: dict[str, Any]) -> dict[str, Any]:
    """As an API server keeps it: with defaults, and with what it chose itself."""
    meta = {**service["metadata"], "resourceVersion": "7"}
    ports = [{**one, "nodePort": 30001} for one in reversed(service["spec"]["ports"])]
    spec = {**service["spec"], "clusterIP": "10.0.0.1", "ports": ports, "sessionAffinity": "None"}
    return {**service, "metadata": meta, "spec": spec}


def test_a_service_that_is_right_is_left_alone() -> None:
    """Defaults of the API server and the order of ports are no differences."""
    wanted = made("canary", with_ports(HTTP, METRICS), port_discovery=True)

    assert [] == corrections(stored(wanted), wanted)


def test_a_service_that_is_wrong_is_corrected_in_selector_and_ports_alone() -> None:
    """What else somebody set on it is theirs."""
    wanted = made("canary", port=81)
    found = stored(made("canary"))
    found["spec"]["selector"] = {"app": "old"}

    patch = corrections(found, wanted)
    after = apply(found, patch)

    assert {"op": "test", "path": "/metadata/resourceVersion", "value": "7"} == patch[0]
    assert wanted["spec"]["selector"] == after["spec"]["selector"]
    assert wanted["spec"]["ports"] == after["spec"]["ports"]
    assert [] == corrections(after, wanted)
    assert "10.0.0.1" == after["spec"]["clusterIP"]


def apex(**spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "web", "namespace": "shop", "resourceVersion": "3"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}], **spec},
    }


def test_an_apex_of_the_user_is_pointed_and_nothing_else() -> None:
    """Its own selector is kept beside it, to be given back."""
    after = apply(apex(type="LoadBalancer"), pointing(apex(type="LoadBalancer"), WEB))

    assert {"app": "web-primary"} == after["spec"]["selector"]
    assert (
        '{"app": "web"}' == (after["metadata"]["annotations"]["progressive.dev/selector-before"])
    )
    assert apex(type="LoadBalancer")["spec"] == {**after["spec"], "selector": {"app": "web"}}
    assert [] == pointing(after, WEB)


@pytest.mark.parametrize(
    "spec", [{"type": "ExternalName", "selector": {"app": "web"}}, {"selector": None}]
)
def test_an_apex_without_a_selector_cannot_be_pointed(spec: dict[str, Any]) -> None:
    """Whoever keeps its endpoints would not follow."""
    with pytest.raises(SpecError, match="Service shop/web has no selector"):
        pointing(apex(**spec), WEB)
