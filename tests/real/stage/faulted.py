"""Carries out releases through a proxy that lets one request meet a fault.

Many at once, in threads, for each one mostly waits: a lane is a namespace with an application, a
proxy before the API server, and one release after the other. Deployments, pods, endpoints and
routes are real. What must be true of every release is here, too.
Used by `tests/real/survival` and by `benchmarks/survival`; `cases.py` says what is tried.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from attrs import evolve
from benchmarks.shop import Counters
from tests.real.stage.cases import EXPECTED, Case, Run
from tests.real.stage.shop import application, plain
from tests.realparts.asked import Asked
from tests.realparts.control_plane import ControlPlane
from tests.realparts.prometheus import Prometheus
from tests.realparts.proxy import Proxy

import progressive
from progressive import (
    CanaryAnalysis,
    Capabilities,
    Notification,
    Plan,
    Question,
    Report,
    Runner,
    Sample,
)
from progressive._adapters.cluster.environment import find
from progressive._adapters.cluster.link import Link
from progressive._adapters.cluster.retry import Policy
from progressive._adapters.lease.locks import LeaseLock
from progressive._adapters.workload import DeploymentWorkload
from progressive.clusters import KubernetesCluster
from progressive.metrics import PrometheusMetrics
from progressive.ports import MetricsProvider
from progressive.routers import IstioRouter

BOUND_S = 150.0
"""No release of these goes on for longer, whatever happens: every deadline below is shorter."""

_TRIES = 3

_LANES = 8
"""Releases at a time; each one mostly waits, and other workers do something beside it."""

_POLICY = Policy(connect=2.0, read=2.0, write=2.0)
"""As patient as in earnest, with answers that are given up sooner."""


class QuickRouter(IstioRouter):
    """Istio, for a place without proxies: nothing has to settle."""

    @property
    def capabilities(self) -> Capabilities:
        return evolve(super().capabilities, settle=timedelta(milliseconds=200))


class Told:
    """Metrics that always say the same, and a notifier that keeps what it is told."""

    def __init__(self, value: float) -> None:
        self._value = value
        self.notifications: list[Notification] = []

    def sample(self, question: Question) -> Sample:
        return Sample(value=self._value)

    def tell(self, notification: Notification) -> None:
        self.notifications.append(notification)


class Lane:
    """One namespace, one proxy, one release after the other."""

    def __init__(
        self,
        control_plane: ControlPlane,
        folder: Path,
        prometheus: Prometheus | None,
        number: int,
    ) -> None:
        self._plane, self._folder, self._number = control_plane, folder, number
        self._prometheus = prometheus
        self.metrics = Proxy(prometheus.url) if prometheus else None
        if self.metrics is not None:
            self.metrics.start()
        self._counters: dict[str, Counters] = {}
        self.api = control_plane.fresh()
        self.proxy = Proxy(control_plane.server, authority=control_plane.authority)
        self.proxy.start()
        self._version = 1
        self.namespace = ""

    def stop(self) -> None:
        """Forget it all."""
        self.proxy.stop()
        if self.metrics is not None:
            self.metrics.stop()
        for name, counters in self._counters.items():
            assert self._prometheus is not None
            self._prometheus.forget(name)
            counters.stop()
        self.api.close()

    def carry_out(self, case: Case) -> Run:
        """One case, in a fresh place where it needs one."""
        if case.kind == "first" or not self.namespace:
            self._move(released=case.kind != "first")
        run = self._released(case)
        if not run.wrong and run.outcome != EXPECTED[case.kind]:
            healed = self._released(Case("good", may=frozenset({("unchanged", None)})))
            run.wrong += [f"the next release: {one}" for one in healed.wrong]
        left = case.spared and run.outcome == EXPECTED[case.kind]
        if case.kind == "first" or run.wrong or left:
            self.namespace = ""  # whatever stands there now, the next release shall not meet it
        return run

    def _move(self, *, released: bool) -> None:
        self.namespace = self._plane.namespace(f"f{self._number}")
        self._version = 1
        file = self._folder / f"{self.namespace}.yaml"
        file.write_text(json.dumps(plain(self.namespace)))  # JSON is YAML
        self._document = progressive.load(file).document
        self.target = evolve(self._document.target, namespace=self.namespace)
        self.api.create(application(self.namespace, replicas=1))
        if self._prometheus is not None:
            counters = self._counters[self.namespace] = Counters(self.namespace)
            self._prometheus.scrape(self.namespace, [counters.address])
            # else the first release asks more often than the later ones
            about = f'{{destination_workload_namespace="{self.namespace}"}}'
            scrapes = f"min(count_over_time(istio_requests_total{about}[1m]))"
            self._prometheus.wait(scrapes, lambda count: count >= 4)
        if released:
            run = self._released(Case("first"))
            assert not run.wrong, (str(run), run.wrong)

    def _connected(self) -> KubernetesCluster:
        told = json.loads(self._plane.kubeconfig(namespace=self.namespace).read_text())
        told["clusters"][0]["cluster"]["server"] = self.proxy.url
        file = self._folder / f"kubeconfig-{self.namespace}.yaml"
        file.write_text(json.dumps(told))
        return KubernetesCluster(Link(find(file)), policy=_POLICY)

    def _released(self, case: Case) -> Run:
        run, told = Run(case), Told(3.0 if case.kind == "bad" else 1.0)
        seen: list[str] = []
        self.proxy.heard = lambda asked: seen.extend(self._looked_at(asked, case.plan))
        if case.metrics:
            assert self.metrics is not None
            self.proxy.begin()
            run.asked = self.metrics.begin(case.chooser())
        else:
            run.asked = self.proxy.begin(case.chooser())
        failed: list[BaseException] = []

        def drive() -> None:
            try:
                run.report = self._drive(case, told)
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=drive, daemon=True)
        thread.start()
        thread.join(BOUND_S)
        self.proxy.end()
        if self.metrics is not None:
            self.metrics.end()
        run.wrong += [*seen, *(f"it raised {error!r}" for error in failed)]
        if thread.is_alive():
            run.wrong.append(f"it goes on after {BOUND_S:g} s")
        elif run.report is not None:
            self._look(run, told)
        return run

    def _drive(self, case: Case, told: Told) -> Report:
        managed = self._document.managed
        assert managed is not None
        cluster = self._connected()
        try:
            router = QuickRouter(cluster)
            workload = DeploymentWorkload(cluster, managed, router=router)
            # short, so that renewals are among the requests as well
            lock = LeaseLock(
                cluster, duration=timedelta(seconds=3), renew_every=timedelta(seconds=1)
            )
            metrics: MetricsProvider = told
            if case.metrics and self.metrics is not None:
                metrics = PrometheusMetrics(self.metrics.url, timeout=timedelta(seconds=1))
            runner = Runner(router, metrics, workload, lock=lock, notifiers=[told])
            if case.kind == "first":
                return runner.run(case.plan, self.target)
            self._version += 1
            images = {"my-app": self.image}
            change = partial(workload.set_images, self.target, images)
            return runner.run(case.plan, self.target, change=lambda: void(change()))
        finally:
            cluster.close()

    @property
    def image(self) -> str:
        """Of the newest version."""
        return f"my-app:{self._version}"

    # what must be true

    def _looked_at(self, asked: Asked, plan: Plan) -> Iterable[str]:
        """While a write of the route is on its way back: may it be what it is?"""
        if asked.what != "patch virtualservices" or asked.status != 200:
            return
        primary, canary = weights_of(asked.answer)
        if canary not in {0, *plan.weights, plan.total} or primary + canary != plan.total:
            yield f"the weights {primary}, {canary} are none of the plan: {asked}"
        for side, weight in ((self.target.primary, primary), (self.target.canary, canary)):
            if weight and not self._has_endpoint(side):
                yield f"{side} got weight {weight} without a ready endpoint: {asked}"

    def _has_endpoint(self, service: str) -> bool:
        path = f"/apis/discovery.k8s.io/v1/namespaces/{self.namespace}/endpointslices"
        with closing(self._plane.fresh()) as api:  # called from threads of the proxy
            listed = api.get(path, labelSelector=f"kubernetes.io/service-name={service}")
        return any(
            one.get("conditions", {}).get("ready")
            for each in listed["items"]
            for one in each.get("endpoints") or ()
        )

    def _look(self, run: Run, told: Told) -> None:
        """Everything that the end of a release promises."""
        report, wrong = run.report, run.wrong
        assert report is not None
        run.split = self._split()
        case, expected = run.case, EXPECTED[run.case.kind]
        if run.outcome != expected and run.outcome not in case.may:
            wrong.append(f"{run.outcome} instead of {expected}: {report.message}")
            return
        weight = (run.split or (100, 0))[1]
        unsure = report.outcome == "stuck" and not report.split_restored  # somebody has to look
        told_home = report.split_restored or (unsure and weight == 0)
        if report.final.weight != weight or told_home != (weight == 0):
            wrong.append(f"the split is {run.split}, the report says {report.final.weight}")
        ends = [(one.id.split("/")[0], one.kind) for one in told.notifications if one.terminal]
        # a run that another one had left may have been ended before this one
        once_each = len(dict(ends)) == len(ends)
        if not once_each or ends[-1:] != ([run.told_as] if report.run_id else []):
            wrong.append(f"terminal notifications: {ends}")
        if "lease" not in case.spared:
            wrong += self._lease()
        if not report.run_id:  # there was no run: nothing was moved, and there is no journal of it
            return
        if "journal" not in case.spared:
            wrong += self._journal(report)
        if "fence" not in case.spared:
            wrong += self._fence()
        if run.outcome == expected and "replicas" not in case.spared:
            wrong += self._replicas(case.kind)

    def _split(self) -> tuple[int, int] | None:
        path = self.api.path("networking.istio.io/v1", "VirtualService", self.namespace, "my-app")
        answer = self.api.call("GET", path)
        return weights_of(answer.json()) if answer.ok else None

    def _replicas(self, kind: str) -> Iterable[str]:
        for name, wanted in (("my-app", 0), ("my-app-primary", 1)):
            found = self.api.read("apps/v1", "Deployment", self.namespace, name)
            if found["spec"]["replicas"] != wanted:
                yield f"{name} has {found['spec']['replicas']} replicas instead of {wanted}"
            image = found["spec"]["template"]["spec"]["containers"][0]["image"]
            if kind == "good" and image != self.image:
                yield f"{name} runs {image} instead of {self.image}"
            if kind == "bad" and name == "my-app-primary" and image == self.image:
                yield f"{name} runs {image}, which was rolled back"

    def _journal(self, report: Report) -> Iterable[str]:
        found = self.api.read("v1", "ConfigMap", self.namespace, "progressive-my-app")
        kept = CanaryAnalysis.from_json(found["data"]["journal"])
        if not kept.done or kept.due:
            yield f"the journal is not done: phase {kept.phase}, due {kept.due}"
        if (kept.report.run_id, kept.report.outcome) != (report.run_id, report.outcome):
            yield f"the journal says {kept.report.run_id} {kept.report.outcome}"

    def _fence(self) -> Iterable[str]:
        about = ("networking.istio.io/v1", "VirtualService", self.namespace, "my-app")
        marks = self.api.read(*about)["metadata"].get("annotations") or {}
        if driver := marks.get("progressive.dev/driver"):
            yield f"the route still belongs to the driver {driver}"

    def _lease(self) -> Iterable[str]:
        about = ("coordination.k8s.io/v1", "Lease", self.namespace, "progressive-my-app")
        if holder := self.api.read(*about)["spec"].get("holderIdentity"):
            yield f"the Lease is held by {holder}"


def weights_of(route: Any) -> tuple[int, int]:
    """Weights of primary and canary in a VirtualService."""
    primary, canary = route["spec"]["http"][0]["route"]
    return primary.get("weight", 0), canary.get("weight", 0)


def void(_: object) -> None:
    """What a change answers is of no interest."""


@contextmanager
def _hushed() -> Iterator[None]:
    """Hundreds of releases in which something goes wrong warn a lot."""
    log = logging.getLogger("progressive")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


def carry_out(
    control_plane: ControlPlane,
    folder: Path,
    cases: Sequence[Case],
    *,
    prometheus: Prometheus | None = None,
    done: Callable[[Run], None] = void,
) -> list[Run]:
    """
    All cases, several at a time; in the order of `cases`.

    A case whose fault never met its request is tried again in a fresh place: the first release of
    an application makes objects that later ones find.

    Args:
        folder: For kubeconfigs and documents.
        prometheus: For cases whose fault is between driver and Prometheus.
        done: Called with each run, from any thread.
    """
    runs: dict[int, Run] = {}
    left = list(enumerate(cases))
    for _ in range(_TRIES):
        with _hushed():
            runs |= _side_by_side(partial(Lane, control_plane, folder, prometheus), left, done)
        left = [one for one in left if one[1].fault and runs[one[0]].met is None]
        if not left:
            break
    return [runs[number] for number in range(len(cases))]


def _side_by_side(
    make: Callable[[int], Lane],
    cases: Sequence[tuple[int, Case]],
    done: Callable[[Run], None],
) -> dict[int, Run]:
    left: queue.SimpleQueue[tuple[int, Case]] = queue.SimpleQueue()
    for one in cases:
        left.put(one)
    runs: dict[int, Run] = {}
    broken: list[BaseException] = []

    def work(number: int) -> None:
        lane = make(number)
        try:
            while not broken:
                index, case = left.get_nowait()
                runs[index] = lane.carry_out(case)
                done(runs[index])
        except queue.Empty:
            pass
        except BaseException as error:
            broken.append(error)
        finally:
            lane.stop()

    count = min(_LANES, len(cases))
    workers = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if broken:
        raise broken[0]
    return runs
