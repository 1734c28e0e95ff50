"""A release document, read: policy, address, and the workload that it manages.

Floor 2. What a document means is decided in `_documents/`; this is what is left of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from attrs import field, frozen

from progressive._model.plan import Plan
from progressive._model.traffic import Split, Target
from progressive._model.value import Value


class Severity(StrEnum):
    """How bad a problem of a document is; an error stops everything."""

    ERROR = "error"
    WARNING = "warning"


@frozen(kw_only=True, eq=False, repr=False)
class Problem(Value):
    """
    One thing that is wrong or strange in a document.

    Attributes:
        id: Stable name of the rule, such as ``PD103``.
        severity: ``error`` or ``warning``.
        path: Where, inside its document, such as ``spec.analysis.metrics[0].interval``.
        message: What is wrong and what to do.
        document: Index of the document in a file with several; None in a file with one.
    """

    id: str
    severity: Severity
    path: str
    message: str
    document: int | None = None

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


@frozen(kw_only=True, eq=False, repr=False)
class ServiceSpec(Value):
    """
    The services and the route that a managed workload gets.

    Attributes:
        name: Apex service; the sides are ``NAME-primary`` and ``NAME-canary``.
        port: Service port, 1 to 65535.
        port_name: Name of that port.
        target_port: Container port, as a number or a name; None: the same as `port`.
        app_protocol: Such as ``http2``; None: not set.
        port_discovery: Whether the other container ports are added.
        headless: Whether the services have no cluster IP.
        traffic_distribution: Copied to services that are made.
        hosts, gateways: Of a VirtualService that is made; no gateways: the mesh only.
        routing: Further fields of the document's `spec.service` that a route which is made
            carries as they are: match, rewrite, timeout, backendTimeout, retries, headers,
            corsPolicy, mirror, gatewayRefs.
        metadata: ``apex``, ``primary``, ``canary`` → {labels, annotations} of the services.
    """

    name: str
    port: int
    port_name: str = "http"
    target_port: int | str | None = None
    app_protocol: str | None = None
    port_discovery: bool = False
    headless: bool = False
    traffic_distribution: str | None = None
    hosts: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    routing: Mapping[str, Any] = field(factory=dict, hash=False)
    metadata: Mapping[str, Mapping[str, Mapping[str, str]]] = field(factory=dict, hash=False)


@frozen(kw_only=True, eq=False, repr=False)
class Managed(Value):
    """
    A workload whose primary the release makes and keeps.

    Attributes:
        kind, api_version, name: The target, such as ``Deployment apps/v1 my-app``.
        service: The services and the route around it.
        canary_ready_percent, primary_ready_percent: Share of replicas that must be available,
            0 to 100.
    """

    name: str
    service: ServiceSpec
    kind: str = "Deployment"
    api_version: str = "apps/v1"
    canary_ready_percent: int = 100
    primary_ready_percent: int = 100

    @property
    def primary(self) -> str:
        """Name of the stable copy."""
        return f"{self.name}-primary"


@frozen(kw_only=True, eq=False, repr=False)
class Traffic(Value):
    """
    What a document says of traffic alone; enough for a routing command.

    Attributes:
        name: `metadata.name`.
        namespace: `metadata.namespace`; None: the namespace of the kubeconfig's context.
        target: The address.
        router: A registered name, such as ``istio``.
        wanted: The order that the document declares, at weight 0: total, match, mirror, sticky.
    """

    name: str
    namespace: str | None
    target: Target
    router: str
    wanted: Split


@frozen(kw_only=True, eq=False, repr=False)
class Document(Value):
    """
    One release of a file.

    Attributes:
        name: `metadata.name`.
        namespace: `metadata.namespace`; None: the namespace of the kubeconfig's context.
        plan: The policy.
        target: The address; its namespace is ``default`` where the document names none.
        router: A registered name, such as ``istio``.
        metrics_server: Address of the metrics server; None: the caller's choice.
        managed: The workload; None: two existing ones.
        problems: Warnings; a document with an error is never returned.
        source: The documents of the file as they were read, this one first.
    """

    name: str
    namespace: str | None
    plan: Plan
    target: Target
    router: str
    metrics_server: str | None = None
    managed: Managed | None = None
    problems: tuple[Problem, ...] = ()
    source: tuple[Mapping[str, Any], ...] = field(default=(), repr=False, hash=False)
