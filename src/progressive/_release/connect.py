"""Puts the parts of a release together: cluster, router, metrics, workload, runner.

Floor 5. One place for `Release.run()` and the commands `run`, `status` and `abort`.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from attrs import evolve, frozen

from progressive import plugins
from progressive._log import log
from progressive._model.events import Commanded
from progressive._model.origin import Origin
from progressive._model.plan import Plan
from progressive._model.record import Outcome
from progressive._model.release import Document
from progressive._model.report import Report
from progressive._model.traffic import Target
from progressive._run.sync import Runner
from progressive.errors import PluginError, ProgressiveError, SpecError
from progressive.ports import (
    Cluster,
    MetricsProvider,
    Notifier,
    Observer,
    TrafficRouter,
    Workload,
)

METRICS_SERVER = "PROGRESSIVE_METRICS_SERVER"
ISTIOD = "PROGRESSIVE_ISTIOD"
"""Address of istiod's debug port, such as ``http://istiod.istio-system:15014``: a write is then
done only when the proxies have it (or a bounded wait is over)."""

PATIENCE = timedelta(seconds=30)
"""How long a release waits after each write until the controllers accept it, where their objects
have a status: the routers that take `patience`."""


@frozen(kw_only=True)
class Connection:
    """
    A release and the cluster it is for.

    Attributes:
        document: The release.
        target: Its address, with the namespace of the configuration where it names none.
        cluster, router, metrics, workload: The parts.
    """

    document: Document
    target: Target
    cluster: Cluster
    router: TrafficRouter
    metrics: MetricsProvider
    workload: Any

    @classmethod
    def to(
        cls,
        document: Document,
        *,
        kubeconfig: str | None = None,
        context: str | None = None,
        namespace: str | None = None,
        metrics_server: str | None = None,
    ) -> Connection:
        """
        Connect; nothing is asked of the cluster yet.

        Raises:
            ClusterError: There is no usable configuration.
            SpecError: No metrics server is named anywhere, and a check needs one.
            PluginError: The router cannot be loaded.
        """
        from progressive.clusters import KubernetesCluster

        metrics = make_metrics(document, metrics_server)
        cluster = KubernetesCluster.from_environment(
            kubeconfig=kubeconfig, context=context, namespace=namespace
        )
        target = document.target
        if document.namespace is None:
            target = evolve(target, namespace=cluster.namespace)
        router = make_router(document.router, cluster, waits=True)
        return cls(
            document=document,
            target=target,
            cluster=cluster,
            router=router,
            metrics=metrics,
            workload=make_workload(document, cluster, router),
        )

    @classmethod
    def unmeasured(cls, document: Document, **where: str | None) -> Connection:
        """
        Connect for what asks no metrics, so no server has to be named; `where` as in `to`.

        Raises:
            ClusterError: There is no usable configuration.
            PluginError: The router cannot be loaded.
        """
        return cls.to(document, metrics_server="http://not-asked.invalid", **where)

    def runner(
        self, *, observers: Sequence[Observer] = (), notifiers: Sequence[Notifier] = ()
    ) -> Runner:
        """A runner of these parts; people find what happens as Kubernetes Events, too."""
        from progressive.notifiers import KubernetesEvents

        about = None if self.workload is None else self.workload.reference
        events = KubernetesEvents(self.cluster, about=about)
        return Runner(
            router=self.router,
            metrics=self.metrics,
            workload=self.workload,
            observers=observers,
            notifiers=(events, *notifiers),
            origin=self.origin,
        )

    @property
    def origin(self) -> Origin:
        """What the parts are, by name."""
        document, managed = self.document, self.document.managed
        if managed is None:
            return Origin(release=document.name, router=document.router)
        return Origin(
            release=document.name,
            router=document.router,
            workload=managed.name,
            kind=managed.kind,
            api_version=managed.api_version,
        )

    def release(
        self,
        runner: Runner,
        *,
        images: Mapping[str, str],
        resume: bool = False,
        timeout: timedelta | None = None,
        retry: Commanded | None = None,
    ) -> Report:
        """Run or resume; a wish that cannot be is a report as well."""
        if resume:
            return runner.resume(self.target)
        plan = self.plan(timeout)
        if not images:
            return runner.run(plan, self.target, retry=retry)
        if self.workload is None:
            message = "images can only be set on a workload that the release manages"
            return Report(outcome=Outcome.REJECTED, message=message, target=str(self.target))
        workload, target = self.workload, self.target
        change = partial(workload.set_images, target, dict(images))
        return runner.run(plan, self.target, change=change)

    def require_rights(self, *, images: Mapping[str, str], resume: bool = False) -> None:
        """
        Refuse a run that lacks rights, before its first write.

        A run that is only resumed is not asked: it may have traffic to bring home.

        Raises:
            ClusterError: Rights are missing (kind ``forbidden``); the rules are in its words.
        """
        if not resume:
            from progressive._release.rights.permission import require_rights

            require_rights(self.document, self.target, self.cluster, images)

    def plan(self, timeout: timedelta | None) -> Plan:
        """The document's plan, with a deadline for the whole run if asked for."""
        plan = self.document.plan
        if timeout is None:
            return plan
        if timeout < plan.expected_duration:
            message = "%s is given %s, and takes %s when every round passes at once"
            log.warning(message, self.target, timeout, plan.expected_duration)
        return evolve(plan, deadlines=evolve(plan.deadlines, run=timeout))


def make_router(name: str, cluster: Cluster, *, waits: bool = False) -> TrafficRouter:
    """
    The router that a document names.

    Args:
        waits: Whether a shift waits until the controllers of the mesh accept it, for a bounded
            time, where their objects have a status.

    Raises:
        PluginError: There is none, or it cannot be made for a cluster alone.
    """
    factory = plugins.router(name)
    options: dict[str, Any] = {}
    if name == "istio" and (istiod := os.environ.get(ISTIOD)):
        options["istiod"] = istiod
    if waits and _takes(factory, "patience"):
        options["patience"] = PATIENCE
    try:
        router: TrafficRouter = factory(cluster=cluster, **options)
    except TypeError as error:
        words = f"a document can only name a router that needs nothing but a cluster ({error})"
        raise PluginError(name, f"{words}; compose this one in Python") from error
    return router


def _takes(factory: Callable[..., Any], option: str) -> bool:
    try:
        return option in inspect.signature(factory).parameters
    except ValueError:
        # written in C: nobody can know
        return False


def make_workload(document: Document, cluster: Cluster, router: TrafficRouter) -> Workload | None:
    """The workload that the release manages; None: two existing ones."""
    if document.managed is None:
        return None
    from progressive._adapters.workload import DeploymentWorkload

    return DeploymentWorkload(cluster, document.managed, router=router)


def make_metrics(document: Document, metrics_server: str | None) -> MetricsProvider:
    """
    The metrics server: the document's, the caller's, the environment's, in this order.

    Raises:
        SpecError: None is named, and a check needs one.
    """
    url = document.metrics_server or metrics_server or os.environ.get(METRICS_SERVER)
    needy = [check for check in document.plan.checks if check.address is None]
    if url is None and needy and not document.plan.skip_analysis:
        raise SpecError(
            "spec.metricsServer",
            f"no metrics server is named for {needy[0].name}: set spec.metricsServer, give "
            f"--metrics-server URL, or set {METRICS_SERVER}",
        )
    from progressive.metrics import PrometheusMetrics

    try:
        return PrometheusMetrics(url)
    except SpecError as error:
        # an address may hold a password, so it is not repeated
        raise SpecError("the metrics server", f"{error.path} {error.problem}") from error


def rejected(error: ProgressiveError, target: Target) -> Report:
    """A report for what was refused before there was a run."""
    kind = getattr(error, "transient", False)
    outcome = Outcome.UNREACHABLE if kind else Outcome.REJECTED
    # rules of a Role are lines of their own, and the report has them
    log.error("%s %s: %s", target, outcome, str(error).split("\n")[0], extra={"run": ""})
    return Report(outcome=outcome, message=str(error), target=str(target))
