"""Reads Flagger's Canary into a plan, an address and a managed workload.

Floor 3, pure. Asked by `reading.py`; `metrics.py`, `weights.py`, `routers.py` and
`unsupported.py` read the parts. The meaning of a field is that of the
rules of a release (L1 to L27); where that differs from Flagger `differences.py` says so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from attrs import evolve, frozen

from progressive._documents.addresses import fault_of_address
from progressive._documents.findings import Findings, Rule
from progressive._documents.flagger.fields import ALERT_PROVIDER, CANARY
from progressive._documents.flagger.metrics import Around, read_checks
from progressive._documents.flagger.unsupported import refuse_unsupported
from progressive._documents.flagger.weights import read_weights
from progressive._documents.routers import (
    BUILT,
    ROUTE_FIELDS,
    abilities_of,
    flaggers_router,
    router_named,
)
from progressive._documents.shapes import nearest
from progressive._documents.sources import Place, Sources
from progressive._model.checks import MetricCheck
from progressive._model.plan import Deadlines, Plan
from progressive._model.release import Document, Managed, ServiceSpec
from progressive._model.traffic import RouteRef, Target
from progressive.errors import SpecError

DEFAULT_INTERVAL = timedelta(seconds=60)
"""Flagger's, for a document that names none."""

_LONGEST_SERVICE = 63 - len("-primary")
_MESH_ONLY = (
    "without gateways the route serves the mesh only: requests through an ingress gateway do not "
    "follow the weights; name your gateway if there is one"
)
_ROUTING = (
    *("match", "rewrite", "timeout", "retries", "headers", "corsPolicy"),
    *("gatewayRefs", "mirror", "backendTimeout"),
)

_GATEWAYS = {"istio": "gateways", "gateway-api": "gatewayRefs"}
"""Router → the field that names the gateways of a route which is made."""


@frozen(kw_only=True)
class Settings:
    """
    What the caller says beside the document.

    Attributes:
        router: Wins over the document's provider.
        routers: Those that can be had.
        metrics_server: Counts where the document names none.
        allow_no_checks: A release that cannot fail is meant.
        namespace: Of documents that name none.
        homeward: Only the way home is wanted, so that nothing is asked of the mesh beyond it,
            and nothing of the analysis.
    """

    router: str | None = None
    routers: Collection[str] = BUILT
    metrics_server: str | None = None
    allow_no_checks: bool = False
    namespace: str = "default"
    homeward: bool = False

    def router_at(self, path: str) -> str:
        """Where the router is written: at `path`, or nowhere in the document."""
        return path if self.router is None else ""


def read_canary(
    document: Mapping[str, Any], settings: Settings, sources: Sources, findings: Findings
) -> Document | None:
    """The release; None where a fault was told."""
    clean = CANARY(_homeward(document) if settings.homeward else document, "", findings)
    spec: Mapping[str, Any] = clean.get("spec", {})
    meta: Mapping[str, Any] = clean.get("metadata", {})
    namespace = meta.get("namespace") or settings.namespace
    _check_target(spec, findings)
    router = _router(spec, settings, findings)
    checks = _checks(spec, meta, namespace, sources, findings)
    plan = None if "analysis" not in spec else _plan(spec, checks, settings, findings)
    _check_alerts(spec.get("analysis", {}), namespace, sources, findings)
    service = _service(spec, findings)
    server = _metrics_server(spec, settings, findings)
    gateways = _GATEWAYS.get(router or "")
    if gateways is not None and not spec.get("service", {}).get(gateways):
        findings.warn(f"spec.service.{gateways}", _MESH_ONLY, Rule.MESH_ONLY)
    if findings.failed or plan is None or router is None or service is None:
        return None
    return Document(
        name=meta["name"],
        namespace=meta.get("namespace"),
        plan=plan,
        target=evolve(
            _target(spec, service, namespace, meta["name"]), routes=routes_of(spec, router)
        ),
        router=router,
        metrics_server=server,
        managed=_managed(spec, service),
    )


def _homeward(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without its policy: the way home needs none, and a run has its own in its journal."""
    spec = document.get("spec")
    if not isinstance(spec, Mapping):
        return document
    return {**document, "spec": {**spec, "analysis": {"stepWeights": [100]}}}


def _router(spec: Mapping[str, Any], settings: Settings, findings: Findings) -> str | None:
    written = settings.router or flaggers_router(spec.get("provider"))
    path = settings.router_at("spec.provider")
    router = router_named(written, path, findings, built=settings.routers)
    refuse_unsupported(spec, findings, abilities=abilities_of(written), router=router or written)
    return router


def _check_target(spec: Mapping[str, Any], findings: Findings) -> None:
    reference: Mapping[str, Any] = spec.get("targetRef", {})
    kind, version = reference.get("kind"), reference.get("apiVersion", "")
    path = "spec.targetRef.kind"
    knative = kind == "Service" and version.startswith("serving.knative.dev/")
    if kind is not None and (spec.get("provider") == "knative") != knative:
        words = "the provider knative and a Service of serving.knative.dev go together only"
        findings.error("spec.provider", words, Rule.CONTRADICTION)
    if kind is None or kind == "Deployment":
        if kind is not None and version and version != "apps/v1":
            words = f"a Deployment is of apps/v1, not of {version[:60]}"
            findings.error("spec.targetRef.apiVersion", words)
    elif kind in ("DaemonSet", "Service"):
        words = f"a {kind} as a target is not supported yet; a Deployment is"
        findings.error(path, words, Rule.UNSUPPORTED)
    else:
        hint = nearest(kind, ("Deployment", "DaemonSet", "Service"))
        findings.error(path, f"a {kind[:60]} cannot be released; a Deployment can{hint}")


def _checks(
    spec: Mapping[str, Any],
    meta: Mapping[str, Any],
    namespace: str,
    sources: Sources,
    findings: Findings,
) -> tuple[MetricCheck, ...]:
    analysis: Mapping[str, Any] = spec.get("analysis", {})
    target = spec.get("targetRef", {}).get("name", "")
    around = Around(
        interval=_interval(analysis, findings),
        namespace=namespace,
        words={
            "name": meta.get("name", ""),
            "ingress": spec.get("ingressRef", {}).get("name", target),
            "route": spec.get("routeRef", {}).get("name", target),
        },
    )
    return read_checks(analysis.get("metrics", {}), around, sources, findings)


def _interval(analysis: Mapping[str, Any], findings: Findings) -> timedelta | None:
    if findings.broken("spec.analysis.interval"):
        return None
    read: timedelta = analysis.get("interval", DEFAULT_INTERVAL)
    return read


def _plan(
    spec: Mapping[str, Any],
    checks: tuple[MetricCheck, ...],
    settings: Settings,
    findings: Findings,
) -> Plan | None:
    analysis: Mapping[str, Any] = spec.get("analysis", {})
    skipped = bool(spec.get("skipAnalysis"))
    weights = read_weights(analysis, findings)
    _check_completeness(analysis, checks, skipped, settings, findings)
    if findings.broken("spec.analysis"):
        return None
    ready = timedelta(seconds=spec.get("progressDeadlineSeconds", 600))
    try:
        return Plan(
            weights=weights,
            interval=analysis.get("interval", DEFAULT_INTERVAL),
            threshold=analysis.get("threshold", 1),
            checks=checks,
            promotion_step=analysis.get("stepWeightPromotion") or None,
            skip_analysis=skipped,
            suspended=bool(spec.get("suspend")),
            allow_no_checks=settings.allow_no_checks,
            deadlines=Deadlines(canary_ready=ready, primary_ready=ready),
        )
    except SpecError as error:
        findings.error("spec.analysis", str(error))
        return None


def _check_completeness(
    analysis: Mapping[str, Any],
    checks: tuple[MetricCheck, ...],
    skipped: bool,
    settings: Settings,
    findings: Findings,
) -> None:
    if skipped:
        return
    weighted = any(one in analysis for one in ("stepWeight", "stepWeights", "iterations"))
    if not weighted and not findings.broken("spec.analysis"):
        words = "no weights: write stepWeight and maxWeight, or stepWeights, such as [10, 50]"
        findings.error("spec.analysis", words, Rule.MISSING)
    if checks or settings.allow_no_checks or findings.broken("spec.analysis.metrics"):
        return
    words = (
        "analysis.metrics is empty: every canary will be promoted; add a metric, or say "
        "--allow-no-checks if this is meant"
    )
    findings.error("spec.analysis.metrics", words, Rule.NO_CHECKS)


def _check_alerts(
    analysis: Mapping[str, Any], namespace: str, sources: Sources, findings: Findings
) -> None:
    alerts: Mapping[int, Mapping[str, Any]] = analysis.get("alerts", {})
    for index, alert in alerts.items():
        path = f"spec.analysis.alerts[{index}]"
        if "providerRef" not in alert or findings.broken(path):
            continue
        at = Place(path=f"{path}.providerRef", namespace=namespace, findings=findings)
        if sources.find("AlertProvider", ALERT_PROVIDER, alert["providerRef"], at):
            findings.warn(path, "alerts are not sent yet; the report and the exit code tell")


def _service(spec: Mapping[str, Any], findings: Findings) -> ServiceSpec | None:
    service: Mapping[str, Any] = spec.get("service", {})
    name = service.get("name") or spec.get("targetRef", {}).get("name")
    if name is None or "port" not in service or findings.broken("spec.service"):
        return None
    if len(name) > _LONGEST_SERVICE or "." in name or name[0].isdigit():
        words = (
            f'"{name}" cannot name the services {name}-primary and {name}-canary: a small letter '
            f"first, no dots, at most {_LONGEST_SERVICE} characters"
        )
        findings.error("spec.service.name", words)
        return None
    return ServiceSpec(
        name=name,
        port=service["port"],
        port_name=service.get("portName", "http"),
        target_port=service.get("targetPort"),
        app_protocol=service.get("appProtocol"),
        port_discovery=service.get("portDiscovery", False),
        headless=service.get("headless", False),
        traffic_distribution=service.get("trafficDistribution"),
        hosts=tuple(service.get("hosts", ())),
        gateways=tuple(service.get("gateways", ())),
        routing={key: service[key] for key in _ROUTING if service.get(key)},
        metadata={
            role: service[role] for role in ("apex", "primary", "canary") if role in service
        },
    )


def _metrics_server(spec: Mapping[str, Any], settings: Settings, findings: Findings) -> str | None:
    server = spec.get("metricsServer")
    if server is not None and (fault := fault_of_address(server)) is not None:
        findings.error("spec.metricsServer", fault)
    return server or settings.metrics_server


def _target(spec: Mapping[str, Any], service: ServiceSpec, namespace: str, name: str) -> Target:
    workload = spec["targetRef"]["name"]
    return Target(
        namespace=namespace,
        service=service.name,
        primary=f"{service.name}-primary",
        canary=f"{service.name}-canary",
        port=service.port,
        primary_workload=f"{workload}-primary",
        canary_workload=workload,
        owner_names=(name,),
    )


def routes_of(spec: Mapping[str, Any], router: str) -> tuple[RouteRef, ...]:
    """The routing object that a Canary names for this router; empty: found by its services."""
    key = ROUTE_FIELDS.get(router)
    if key is None or key not in spec:
        return ()
    return (RouteRef(name=spec[key]["name"], kind=spec[key].get("kind")),)


def _managed(spec: Mapping[str, Any], service: ServiceSpec) -> Managed:
    reference, analysis = spec["targetRef"], spec["analysis"]
    return Managed(
        name=reference["name"],
        service=service,
        kind=reference["kind"],
        api_version=reference["apiVersion"],
        canary_ready_percent=analysis.get("canaryReadyThreshold", 100),
        primary_ready_percent=analysis.get("primaryReadyThreshold", 100),
    )
