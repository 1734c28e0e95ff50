"""The public names as users write them, for the type checker; never run.

`mypy --strict` reads this folder in `make test`: a change that breaks a caller's types breaks it.
Every public name is used once at least (`tests/architecture/test_face.py` counts).
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import assert_type

import progressive
from progressive import (
    Aborted,
    Bounds,
    Builtin,
    BusyTarget,
    Capabilities,
    Cause,
    Command,
    Deadlines,
    Decision,
    DriftPolicy,
    Final,
    Happening,
    Inconclusive,
    Match,
    MetricCheck,
    NoData,
    Notification,
    Observed,
    Origin,
    Outcome,
    OutcomeError,
    Phase,
    Plan,
    Pods,
    Problem,
    Question,
    Reason,
    Rejected,
    Release,
    Report,
    RolledBack,
    Round,
    RouteNotFound,
    RouteRef,
    Runner,
    Sample,
    Severity,
    Side,
    Split,
    Sticky,
    Stuck,
    Subsets,
    Superseded,
    Target,
    TextMatch,
    TimedOut,
    Transition,
    Unreachable,
    Unsupported,
    Verdict,
    VerdictKind,
    load,
)
from progressive.aio import AsyncRunner
from progressive.clusters import KubernetesCluster, MemoryCluster
from progressive.metrics import EnvoyMetrics, MetricsProvider, PrometheusMetrics
from progressive.notifiers import KubernetesEvents
from progressive.routers import (
    EnvoyRouter,
    IstioRouter,
    KubernetesRouter,
    LinkerdRouter,
    NginxRouter,
    SmiRouter,
    TrafficRouter,
)
from progressive.stores import FileLock, FileStore, LeaseLock, MemoryStore
from progressive.testing import Fault, Moment, Scenario, VirtualClock, World, simulate

target = Target(
    namespace="shop",
    service="web",
    primary="web-primary",
    canary="web-canary",
    port=80,
    routes=[RouteRef(name="web", rule="main")],
)
plan = Plan(
    weights=(5, 25, 50),
    interval=timedelta(seconds=30),
    threshold=3,
    checks=(
        MetricCheck.success_rate(at_least=99.0, least_requests=100),
        MetricCheck.latency(quantile=0.99, at_most=timedelta(milliseconds=500)),
        MetricCheck(name="queue", query="max(queue_depth)", at_most=100.0, no_data=NoData.FAIL),
    ),
    drift=DriftPolicy.ABORT,
    deadlines=Deadlines(run=timedelta(hours=1)),
)


def the_whole_release() -> None:
    """A document, and one call."""
    release = progressive.load("canary.yaml")
    assert_type(release, Release)
    assert_type(load("canary.yaml", name="web"), Release)
    assert_type(release.plan, Plan)
    assert_type(release.target, Target)
    for warning in release.warnings:
        assert_type(warning, Problem)
        assert_type(warning.severity, Severity)
    report = release.run(images={"web": "registry/web:42"}, timeout=timedelta(minutes=30))
    assert_type(report, Report)
    assert_type(report.outcome, Outcome | None)
    assert_type(report.reason, Reason | None)
    assert_type(report.duration, timedelta)
    assert_type(report.exit_code, int)
    assert_type(report.final, Final)
    assert_type(report.rounds, tuple[Round, ...])
    assert_type(report.events, tuple[Happening, ...])
    assert_type(report.decisions, tuple[Decision, ...])
    assert_type(report.notifications, tuple[Notification, ...])
    try:
        report.raise_for_outcome()
    except (RolledBack, Inconclusive, Stuck, TimedOut, Rejected) as error:
        assert_type(error.report, Report)
    except (Superseded, BusyTarget, Unreachable, Aborted) as error:
        assert_type(error.report, Report)
    except OutcomeError as error:
        assert_type(error.report, Report)


def composed_by_hand() -> None:
    """Parts of one's own choice, watched and logged."""

    def watch(transition: Transition) -> None:
        assert_type(transition.before, Phase)
        assert_type(transition.round, Round | None)

    runner = Runner(
        router=IstioRouter(),
        metrics=PrometheusMetrics("http://prometheus:9090"),
        observers=[watch],
        origin=Origin(router="istio", release="web"),
    )
    assert_type(runner.run(plan, target), Report)
    assert_type(runner.resume(target), Report)
    Runner(World(Scenario()), World(Scenario()), store=MemoryStore(), clock=VirtualClock())
    Runner(EnvoyRouter("routes"), EnvoyMetrics("http://localhost"), None, FileStore("journal"))
    Runner(IstioRouter(MemoryCluster()), PrometheusMetrics(), lock=FileLock("locks"))
    cluster = KubernetesCluster.from_environment(kubeconfig="config", context="test")
    events = KubernetesEvents(cluster)
    Runner(IstioRouter(cluster), PrometheusMetrics(), lock=LeaseLock(cluster), notifiers=[events])


def one_part_alone() -> None:
    """A judge, or a router, in a script."""
    check = MetricCheck(name="errors", query="…", at_most=0.01)
    verdict = check.evaluate(PrometheusMetrics("http://prometheus:9090"))
    assert_type(verdict, Verdict)
    assert_type(verdict.passed, bool)
    assert_type(verdict.kind, VerdictKind)
    assert_type(verdict.value, float | None)
    assert_type(verdict.cause, Cause | None)
    assert_type(verdict.explanation, str)
    assert_type(check.judge(Sample(value=0.034)), Verdict)
    assert_type(check.builtin, Builtin | None)
    router = IstioRouter()
    assert_type(router.current(target), Observed)
    assert_type(router.shift(target, Split(canary=20)), Observed)
    assert_type(router.reset(target), Observed)
    linkerd = LinkerdRouter(adopt=True, patience=timedelta(minutes=1))
    assert_type(linkerd.left_over(target), tuple[str, ...])
    assert_type(SmiRouter(version="v1alpha2").remove_left_over(target), tuple[str, ...])
    assert_type(router.current(target).pods, Pods | None)
    assert_type(KubernetesRouter().current(target).as_ordered(20, 100), bool)
    assert_type(NginxRouter(prefix="nginx.example.com").shift(target, Split(canary=20)), Observed)
    bounded = Target(
        namespace="shop",
        service="web",
        primary="web-primary",
        canary="web-canary",
        subsets=Subsets(primary="stable", canary="next"),
        bounds=Bounds(min=0, max=50),
    )
    assert_type(router.label_subset(bounded, Side.CANARY, {"hash": None}), bool)
    match = Match(headers={"x-user": TextMatch(exact="qa")})
    Split(canary=20, total=100, mirror=None, match=(match,), sticky=Sticky(cookie="web"))


async def in_an_event_loop(targets: list[Target]) -> None:
    """Many releases in one loop."""
    r, m = IstioRouter(), PrometheusMetrics("http://prometheus:9090")
    runs = (AsyncRunner(router=r, metrics=m).run(plan, t) for t in targets)
    reports = await asyncio.gather(*runs)
    assert_type(reports, list[Report])


class MyRouter:
    """Any object with these methods is a router."""

    capabilities = Capabilities(weights=True)

    def current(self, target: Target) -> Observed:
        raise RouteNotFound(f"no route of {target}")

    def shift(self, target: Target, split: Split) -> Observed:
        raise Unsupported("match cannot be expressed")

    def reset(self, target: Target) -> Observed:
        return Observed(canary=0)


class MyMetrics:
    """Any object with this method is a provider of metrics."""

    def sample(self, question: Question) -> Sample:
        assert_type(question.check, MetricCheck)
        assert_type(question.target, Target | None)
        assert_type(question.side, Side)
        assert_type(question.dialect, str | None)
        assert_type(question.since, datetime | None)
        assert_type(question.at, datetime | None)
        return Sample(cause=Cause.EMPTY)


def parts_of_ones_own() -> None:
    """A Runner takes them, and so does everything that names the Protocols."""
    router: TrafficRouter = MyRouter()
    metrics: MetricsProvider = MyMetrics()
    assert_type(Runner(router, metrics).run(plan, target), Report)


def without_a_cluster() -> None:
    """A test of one's own flow."""
    scenario = Scenario(
        metrics={"request-success-rate": (99.9, 97.0)},
        at=(Moment(time=timedelta(seconds=90), do=Command.ABORT),),
        faults=(Fault(call=3, on="route-write", what="crash-before"),),
    )
    result = simulate(plan, target, scenario)
    assert_type(result.report, Report)
    assert_type(result.weights, list[int])
