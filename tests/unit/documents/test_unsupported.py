from __future__ import annotations

from typing import Any

import pytest
from tests.unit.documents.classic import (
    ABSENT,
    ANALYSIS,
    INSIDER,
    WEIGHTLESS,
    classic,
    document_of,
    error_paths,
    errors,
    hook,
    read,
    warnings,
)

from progressive._model.traffic import RouteRef

AUTOSCALER = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "a"}


@pytest.mark.parametrize(
    ("changes", "paths"),
    [
        (
            {**WEIGHTLESS, "analysis__match": INSIDER, "analysis__iterations": 3},
            [f"{ANALYSIS}.match", f"{ANALYSIS}.iterations"],
        ),
        ({**WEIGHTLESS, "analysis__iterations": 3}, [f"{ANALYSIS}.iterations"]),
        ({"analysis__mirror": True}, [f"{ANALYSIS}.mirror"]),
        ({"analysis__sessionAffinity": {"cookieName": "c"}}, [f"{ANALYSIS}.sessionAffinity"]),
        ({"autoscalerRef": AUTOSCALER}, ["spec.autoscalerRef"]),
        ({"service__delegation": True, "service__gateways": ABSENT}, ["spec.service.delegation"]),
        ({"service__appProtocol": "TCP"}, ["spec.service.appProtocol"]),
        *(
            ({"analysis__webhooks": [hook(kind)]}, [f"{ANALYSIS}.webhooks[0]"])
            for kind in (
                None,
                "",
                "confirm-rollout",
                "pre-rollout",
                "rollout",
                "confirm-traffic-increase",
                "confirm-promotion",
                "post-rollout",
                "rollback",
            )
        ),
    ],
)
def test_what_would_make_a_release_less_safe_is_refused(
    changes: dict[str, Any], paths: list[str]
) -> None:
    """A gate that is left out is an open gate."""
    reading = read(classic(**changes))

    assert paths == error_paths(reading)
    assert all("not supported yet" in words for _, words in errors(reading))


@pytest.mark.parametrize(
    "changes",
    [
        {"analysis__match": []},
        {"analysis__mirror": False},
        {"analysis__webhooks": []},
        {"service__delegation": False},
    ],
)
def test_what_asks_for_nothing_is_fine(changes: dict[str, Any]) -> None:
    """Charts write empty fields."""
    assert [] == error_paths(read(classic(**changes)))


@pytest.mark.parametrize(
    ("webhook", "path"),
    [
        (hook("rolout"), "webhooks[0].type"),
        ({"name": "h", "type": "rollout"}, "webhooks[0].url"),
        ({"url": "http://x/y"}, "webhooks[0].name"),
        (hook("rollout", url="loadtester"), "webhooks[0].url"),
        (hook("rollout", timeout="soon"), "webhooks[0].timeout"),
        (hook("rollout", metadata={"a": 1}), "webhooks[0].metadata.a"),
        (hook("rollout", retires=3), "webhooks[0].retires"),
    ],
)
def test_a_faulty_hook_is_told_before_it_is_refused(webhook: Any, path: str) -> None:
    """The fault stays when hooks are supported; so it is told now."""
    assert [f"{ANALYSIS}.{path}"] == error_paths(read(classic(analysis__webhooks=[webhook])))


def test_events_for_outsiders_are_no_gate() -> None:
    """They are told what happens and decide nothing."""
    reading = read(classic(analysis__webhooks=[hook("event")]))

    assert [] == error_paths(reading)
    assert f"{ANALYSIS}.webhooks[0]" in warnings(reading)


@pytest.mark.parametrize(
    ("kind", "refused"),
    [
        ("pre-rollout", False),
        ("rollout", False),
        ("confirm-rollout", True),
        ("confirm-promotion", True),
        ("post-rollout", True),
    ],
)
def test_a_skipped_analysis_calls_few_hooks(kind: str, refused: bool) -> None:
    """What is never called need not be refused (L20)."""
    reading = read(classic(skipAnalysis=True, analysis__webhooks=[hook(kind)]))

    assert ([f"{ANALYSIS}.webhooks[0]"] if refused else []) == error_paths(reading)
    assert refused or f"{ANALYSIS}.webhooks[0]" in warnings(reading)


def test_a_skipped_analysis_has_no_strategy() -> None:
    """Nothing is matched or mirrored when there are no rounds."""
    document = classic(
        skipAnalysis=True, analysis__match=INSIDER, analysis__mirror=True, analysis__metrics=[]
    )

    assert {f"{ANALYSIS}.match", f"{ANALYSIS}.mirror"} == set(warnings(read(document)))


@pytest.mark.parametrize(
    ("provider", "changes", "path"),
    [
        ("smi:v1alpha1", {"analysis__match": INSIDER}, f"{ANALYSIS}.match"),
        ("smi:v1alpha2", {"analysis__mirror": True}, f"{ANALYSIS}.mirror"),
        (
            "kubernetes",
            {"analysis__sessionAffinity": {"cookieName": "c"}},
            f"{ANALYSIS}.sessionAffinity",
        ),
    ],
)
def test_what_a_mesh_can_never_do_is_told_at_the_field(
    provider: str, changes: dict[str, Any], path: str
) -> None:
    """Flagger would send everybody to the canary; waiting for another version would not help."""
    told = dict(errors(read(classic(provider=provider, **changes))))

    assert "at all" in told[path]


def test_a_version_that_no_controller_serves_is_told() -> None:
    """Weights of App Mesh's v1beta1 stood in another kind of object; nobody reads it any more."""
    ((path, words),) = errors(read(classic(provider="appmesh:v1beta1")))

    assert ("spec.provider", True) == (path, "v1beta1 is served by no controller" in words)
    for provider in ("appmesh", "appmesh:v1beta2"):
        assert "app-mesh" == document_of(classic(provider=provider)).router


@pytest.mark.parametrize("weights", [{"stepWeight": 10, "maxWeight": 50}, {"stepWeights": [50]}])
def test_a_managed_release_without_a_mesh_has_no_shares(weights: dict[str, Any]) -> None:
    """Its apex selects the primary's pods alone, so the first step would fail in the cluster."""
    changes = WEIGHTLESS | {f"analysis__{key}": value for key, value in weights.items()}
    told = dict(errors(read(classic(provider="kubernetes", **changes))))

    (path,) = told
    assert f"{ANALYSIS}.{next(iter(weights))}" == path
    assert "blue/green" in told[path]


def test_the_ingress_of_a_canary_is_the_route_of_nginx() -> None:
    """Two Ingresses may send traffic to one service; the document says which one is shared."""
    named = {"ingressRef": {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "i"}}
    reading = read(classic(provider="nginx", **named))

    assert reading.document is not None
    assert (RouteRef(kind="Ingress", name="i"),) == reading.document.target.routes
    assert "spec.ingressRef" not in {one.path for one in reading.problems}


def test_the_caller_s_router_wins() -> None:
    """For a team that moves from one mesh to another with the same document."""
    assert "istio" == document_of(classic(provider="linkerd"), router="istio").router
    assert "mine" == document_of(classic(), router="mine", routers={"mine", "istio"}).router
    assert [""] == error_paths(read(classic(), router="mine")), "no place of the document"


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"service__backendTimeout": "5s"}, "spec.service.backendTimeout"),
        ({"service__gatewayRefs": [{"name": "g"}]}, "spec.service.gatewayRefs"),
        ({"service__meshName": "m"}, "spec.service.meshName"),
        ({"service__backends": ["b"]}, "spec.service.backends"),
        (
            {"service__mirror": [{"backendRef": {"name": "b", "port": 80}}]},
            "spec.service.mirror",
        ),
        ({"service__rewrite": {"uri": "/", "type": "x"}}, "spec.service.rewrite.type"),
        (
            {"service__trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}}},
            "spec.service.trafficPolicy",
        ),
        (
            {"ingressRef": {"apiVersion": "v1", "kind": "Ingress", "name": "i"}},
            "spec.ingressRef",
        ),
        ({"revertOnDeletion": True}, "spec.revertOnDeletion"),
        ({"analysis__mirrorWeight": 20}, f"{ANALYSIS}.mirrorWeight"),
    ],
)
def test_fields_without_an_effect_are_named(changes: dict[str, Any], path: str) -> None:
    """Every field of the CRD is honoured, refused or named; none is left out silently."""
    reading = read(classic(**changes))

    assert [] == error_paths(reading)
    assert {path: warnings(reading)[path]} == warnings(reading)


def test_two_cookies_need_two_names() -> None:
    """One would overwrite the other."""
    sticky = {"cookieName": "c", "primaryCookieName": "c"}

    assert f"{ANALYSIS}.sessionAffinity.primaryCookieName" in error_paths(
        read(classic(analysis__sessionAffinity=sticky))
    )


def test_alerts_are_looked_up_and_not_sent_yet() -> None:
    """A missing provider is a fault of today; sending is a matter of the report for now."""
    alert = {"name": "on-call", "severity": "error", "providerRef": {"name": "on-call"}}
    provider = {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "AlertProvider",
        "metadata": {"name": "on-call", "namespace": "shop"},
        "spec": {"type": "slack", "address": "https://hooks.example.com/x"},
    }
    document = classic(analysis__alerts=[alert])
    both = {**provider, "spec": {**provider["spec"], "secretRef": {"name": "s"}}}  # type: ignore[dict-item]

    assert [f"{ANALYSIS}.alerts[0].providerRef"] == error_paths(read(document))
    assert {f"{ANALYSIS}.alerts[0]"} == set(warnings(read(document, provider)))
    assert ["spec"] == error_paths(read(document, both))


GATEWAY = [{"name": "public", "namespace": "infra"}]


def test_the_fields_of_the_gateway_api_reach_the_route_that_is_made() -> None:
    """They are Flagger's for this provider; another router warns of them."""
    fields: dict[str, Any] = {
        "service__gatewayRefs": GATEWAY,
        "service__mirror": [{"backendRef": {"name": "audit", "port": 80}}],
        "service__backendTimeout": "5s",
        "service__rewrite": {"uri": "/", "type": "ReplaceFullPath"},
        "service__gateways": ABSENT,
    }
    reading = read(classic(provider="gatewayapi:v1", **fields))
    document = document_of(classic(provider="gatewayapi:v1", **fields))
    assert document.managed is not None
    routing = document.managed.service.routing

    assert {} == warnings(reading)
    assert (GATEWAY, "5s") == (routing["gatewayRefs"], routing["backendTimeout"])
    told = warnings(read(classic(**{**fields, "service__gateways": ["public"]})))
    assert {
        "spec.service.gatewayRefs",
        "spec.service.mirror",
        "spec.service.backendTimeout",
        "spec.service.rewrite.type",
    } == set(told)


def test_fields_of_istio_have_no_effect_on_a_route_of_the_gateway_api() -> None:
    """A gateway of Istio's own kind is no parent; nobody would follow such a route."""
    told = warnings(read(classic(provider="gatewayapi:v1", service__retries={"attempts": 3})))

    assert "gatewayRefs" in told["spec.service.gateways"]
    assert "the mesh only" in told["spec.service.gatewayRefs"]
    assert "spec.service.retries" in told
