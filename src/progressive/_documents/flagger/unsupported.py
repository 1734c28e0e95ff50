"""Refuses what this version cannot do, and names what has no effect.

Floor 3, pure. The line between the two: what would change the release, or make it less safe, if
it were left out is an error; the rest is a warning. Asked by `canary.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from progressive._documents.findings import Findings, Rule
from progressive._documents.flagger.fields import GATES
from progressive._documents.routers import ROUTE_FIELDS, Abilities

_AFTER_ALL = (*GATES, "post-rollout")
"""Hooks that are asked in a skipped analysis as well."""

_WITHOUT_EFFECT = {
    "service.backendTimeout": "only the Gateway API has it; use timeout",
    "service.gatewayRefs": "only the Gateway API has them; Istio takes gateways",
    "service.mirror": "only the Gateway API has it",
    "service.meshName": "only App Mesh has it",
    "service.backends": "only App Mesh has them",
    "service.rewrite.type": "only the Gateway API has it; Istio rewrites a matched prefix",
    "service.trafficPolicy": "no DestinationRule is made; write one for each side if you need it",
    "ingressRef": "only routers of ingresses use it",
    "routeRef": "only the router of APISIX uses it",
    "upstreamRef": "only the router of Gloo uses it",
    "revertOnDeletion": "nothing watches for the deletion of this document; "
    "`progressive detach` hands the traffic back",
}
"""Fields without an effect on a release, and why or what instead."""

_HONOURED = {
    "gateway-api": frozenset(
        {"service.backendTimeout", "service.gatewayRefs", "service.mirror", "service.rewrite.type"}
    ),
}
"""Router → those of these fields that a route which it makes carries."""

_OF_ROUTES = (
    "hosts",
    "gateways",
    "match",
    "headers",
    "rewrite",
    "timeout",
    "retries",
    "corsPolicy",
)
"""Fields of a service that only a route with rules could hold."""

_NOT_HONOURED = {
    "smi": {f"service.{field}": "a TrafficSplit holds weights alone" for field in _OF_ROUTES},
    "gateway-api": {
        "service.gateways": "only Istio has them; the Gateway API takes gatewayRefs",
        "service.retries": "only the experimental channel of the Gateway API has them",
        "service.corsPolicy": "not every gateway has it; write the HTTPRoute by hand",
    },
}
"""Router → fields of a route that it does not make, and why; Istio honours them all."""


def refuse_unsupported(
    spec: Mapping[str, Any], findings: Findings, *, abilities: Abilities, router: str
) -> None:
    """Tell everything in `spec` that cannot be honoured."""
    analysis: Mapping[str, Any] = spec.get("analysis", {})
    skipped = bool(spec.get("skipAnalysis"))
    _refuse_strategies(analysis, findings, abilities, router, skipped)
    _refuse_hooks(analysis, findings, skipped)
    _refuse_service(spec.get("service", {}), findings)
    if "autoscalerRef" in spec:
        words = "an HPA or ScaledObject on the target is not supported yet"
        findings.error("spec.autoscalerRef", words, Rule.UNSUPPORTED)
    without = {**_WITHOUT_EFFECT, **_NOT_HONOURED.get(router, {})}
    honoured = (*_HONOURED.get(router, ()), ROUTE_FIELDS.get(router))
    for field, words in without.items():
        if field not in honoured and _given(spec, field):
            findings.warn(f"spec.{field}", f"has no effect: {words}")


def _given(spec: Mapping[str, Any], field: str) -> bool:
    value: Any = spec
    for part in field.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return bool(value)


def _refuse_strategies(
    analysis: Mapping[str, Any],
    findings: Findings,
    abilities: Abilities,
    router: str,
    skipped: bool,
) -> None:
    asked = {
        "match": ("A/B releases", abilities.match),
        "mirror": ("mirrored traffic", abilities.mirror),
        "sessionAffinity": ("session affinity", abilities.sticky),
    }
    for field, (what, possible) in asked.items():
        if not analysis.get(field):
            continue
        path = f"spec.analysis.{field}"
        if not possible:
            words = f"the router {router} cannot do {what} at all; leave it out, or take another"
            findings.error(path, words, Rule.UNSUPPORTED)
        else:
            _refuse(path, f"{what} ({field})", findings, skipped)
    _refuse_other_cookies(analysis.get("sessionAffinity", {}), findings)
    for field in ("stepWeight", "stepWeights"):
        if field in analysis and not (abilities.shares or skipped):
            words = (
                f"the router {router} moves all traffic of a managed release at once, for its "
                "apex Service selects the primary's pods alone; write iterations (blue/green)"
            )
            findings.error(f"spec.analysis.{field}", words, Rule.UNSUPPORTED)
    if "iterations" in analysis:
        what = "A/B releases" if analysis.get("match") else "blue/green releases"
        _refuse("spec.analysis.iterations", f"{what} (iterations)", findings, skipped)
    if "mirrorWeight" in analysis and not analysis.get("mirror"):
        findings.warn("spec.analysis.mirrorWeight", "has no effect without mirror: true")


def _refuse(path: str, what: str, findings: Findings, skipped: bool) -> None:
    if skipped:
        findings.warn(path, "has no effect: the analysis is skipped")
    else:
        findings.error(path, f"not supported yet: {what}", Rule.UNSUPPORTED)


def _refuse_other_cookies(sticky: Mapping[str, Any], findings: Findings) -> None:
    name = sticky.get("cookieName")
    if name is not None and name == sticky.get("primaryCookieName"):
        findings.error(
            "spec.analysis.sessionAffinity.primaryCookieName",
            f"both cookies are called {name}; the two sides need different names",
            Rule.CONTRADICTION,
        )


def _refuse_hooks(analysis: Mapping[str, Any], findings: Findings, skipped: bool) -> None:
    webhooks: Mapping[int, Mapping[str, Any]] = analysis.get("webhooks", {})
    for index, hook in webhooks.items():
        path = f"spec.analysis.webhooks[{index}]"
        if findings.broken(path):
            continue
        kind = hook.get("type", "") or "rollout"
        if kind == "event":
            findings.warn(path, "events are not sent to webhooks yet")
        elif skipped and kind not in _AFTER_ALL:
            findings.warn(path, f"{kind} hooks are not called: the analysis is skipped")
        else:
            what = "gates" if kind in GATES else "hooks"
            words = f"not supported yet: {what} (type {kind})"
            findings.error(path, words, Rule.UNSUPPORTED)


def _refuse_service(service: Mapping[str, Any], findings: Findings) -> None:
    if service.get("delegation"):
        if service.get("hosts") or service.get("gateways"):
            words = "a delegated route has neither hosts nor gateways of its own"
            findings.error("spec.service.delegation", words, Rule.CONTRADICTION)
        words = "not supported yet: a delegated route; write the VirtualService by hand"
        findings.error("spec.service.delegation", words, Rule.UNSUPPORTED)
    if str(service.get("appProtocol", "")).lower() == "tcp":
        words = "not supported yet: TCP routes; http, http2, grpc and https ports are"
        findings.error("spec.service.appProtocol", words, Rule.UNSUPPORTED)
