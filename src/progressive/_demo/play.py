"""The show: a good release, then a bad one, on real parts and in real time.

Floor 5. Puts together what anybody would who has a plain Envoy: router, metrics, plan, target,
runner. The rest of it is telling what happens.
"""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from datetime import timedelta

from attrs import frozen

from progressive._adapters.envoy.counters import EnvoyMetrics
from progressive._adapters.envoy.router import EnvoyRouter
from progressive._demo.load import Users, shares
from progressive._demo.screen import Colour, Screen
from progressive._demo.stage import Left, Stage, StageError, Version
from progressive._model.checks import MetricCheck
from progressive._model.plan import Plan
from progressive._model.record import Happening, Outcome, Phase, Transition
from progressive._model.report import Report
from progressive._model.traffic import Target
from progressive._run.memory import MemoryStore
from progressive._run.sync import Runner

RATE = 100.0
"""Requests a second."""

VERSIONS = (
    Version(name="v1"),
    Version(name="v2"),
    Version(name="v3", errors=0.3, words="bad: 30 % errors"),
)
_INTERVALS = 6.0  # three rounds and half a look, two rounds and half a look
_AROUND = 2.0  # seconds for starting, settling and ending


@frozen(kw_only=True)
class Release:
    """One of the two releases, and how it must end for the demo to be right."""

    title: str
    words: str
    primary: str
    canary: str
    wanted: Outcome


RELEASES = (
    Release(
        title="Release 1: v2 replaces v1",
        words="v1 is the primary and serves everybody. v2 is the canary: it gets 10, 25, then "
        "50 % of the requests, and each time two checks decide if it may go on.",
        primary="v1",
        canary="v2",
        wanted=Outcome.PROMOTED,
    ),
    Release(
        title="Release 2: v3 wants to replace v2",
        words="Nobody manages these workloads, so promotion left the traffic on v2, and this "
        "release names the sides the other way round: v2 is the primary now, v3 the canary. "
        "v3 is broken. One failed round is forgiven, the second rolls back (threshold 2).",
        primary="v2",
        canary="v3",
        wanted=Outcome.ROLLED_BACK,
    ),
)


class Show:
    """
    Plays both releases.

    Args:
        screen: Where it is shown.
        seconds: How long the whole shall take, about.
    """

    def __init__(self, screen: Screen, *, seconds: float) -> None:
        self._screen = screen
        self._interval = (seconds - _AROUND) / _INTERVALS
        self._leaving = threading.Event()
        self._runner: Runner | None = None
        self._begun = time.monotonic()
        self._since = self._begun

    def leave(self) -> None:
        """End the show: a release under way goes home first. Safe in a signal handler."""
        self._leaving.set()
        runner = self._runner
        if runner is not None:
            runner.abort(by="progressive demo", why="ended by a signal", signal=True)

    def play(self, *, show_config: bool = False, keep: bool = False) -> int:
        """
        The show.

        Args:
            show_config: Print how Envoy is set up, first.
            keep: Leave everything running at the end, until somebody ends it.

        Returns:
            Exit status: 0 if the good release was promoted and the bad one rolled back, 11 if
            somebody ended it, else 1.

        Raises:
            EnvoyMissing: There is no Envoy.
            StageError: A part did not start, or ended by itself.
        """
        try:
            with ExitStack() as held:
                stage = held.enter_context(Stage(VERSIONS, leaving=self._leaving))
                users = held.enter_context(Users(stage.users, rate=RATE))
                looks = EnvoyMetrics(stage.admin, every=timedelta(seconds=0.5))
                metrics = held.enter_context(looks)
                self._introduce(stage, show_config=show_config)
                status = self._play_all(stage, users, metrics)
                if keep and not self._leaving.is_set():
                    self._keep(stage)
        except Left:
            status = Outcome.ABORTED.exit_code
        return status

    def _introduce(self, stage: Stage, *, show_config: bool) -> None:
        if show_config:
            self._screen.document("How Envoy is set up (static)", stage.config)
            self._screen.title("The route file that it follows")
            for line in stage.routes.read_text().splitlines():
                self._screen.line(f"  {line}")
        self._screen.title("progressive demo: a real Envoy, real requests, two releases")
        told = ", ".join(f"{one.name} ({one.words})" for one in VERSIONS)
        self._screen.facts(
            {
                "shop": f"http://127.0.0.1:{stage.users}/",
                "versions": told,
                "users": f"{RATE:.0f} requests a second, through Envoy",
                "routes": f"{stage.routes}",
                "": "(the file that the router writes, and Envoy follows)",
                "metrics": f"{stage.admin}/stats  (Envoy's own counters)",
            }
        )

    def _play_all(self, stage: Stage, users: Users, metrics: EnvoyMetrics) -> int:
        reports = []
        for release in RELEASES:
            report = self._release(stage, users, metrics, release)
            if (gone := stage.ended()) is not None:
                raise StageError(f"{gone} ended by itself; its log:\n{stage.tail(gone)}")
            if self._leaving.is_set():
                self._screen.line()
                self._screen.line(f"Ended early ({report.outcome}); everything is gone again.")
                return Outcome.ABORTED.exit_code
            reports.append(report)
        self._summarise(users, reports)
        right = [one.wanted for one in RELEASES] == [one.outcome for one in reports]
        return 0 if right else 1

    def _release(
        self, stage: Stage, users: Users, metrics: EnvoyMetrics, release: Release
    ) -> Report:
        interval = timedelta(seconds=self._interval)
        target = Target(
            namespace="demo", service="shop", primary=release.primary, canary=release.canary
        )
        plan = Plan(
            weights=(10, 25, 50),
            interval=interval,
            threshold=2,
            checks=(
                MetricCheck.success_rate(at_least=99.0, window=interval),
                MetricCheck.latency(
                    quantile=0.99, at_most=timedelta(milliseconds=500), window=interval
                ),
            ),
        )
        self._screen.title(release.title)
        self._screen.paragraph(release.words)
        self._screen.line()
        self._runner = Runner(
            router=EnvoyRouter(stage.routes, admin=stage.admin),
            metrics=metrics,
            store=MemoryStore(),
            observers=[lambda transition: self._tell(transition, release, users)],
        )
        if self._leaving.is_set():  # a signal that came before there was a runner to tell
            raise Left
        report = self._runner.run(plan, target)
        self._runner = None
        self._look_after(report, release, users)
        return report

    def _tell(self, transition: Transition, release: Release, users: Users) -> None:
        if transition.before is Phase.PENDING and self._leaving.is_set():
            self.leave()  # a signal that came before the run could hear it
        if transition.round is not None:
            self._screen.round(self._now(), transition.round)
            self._table(release, users, transition.round.weight)
        for happening in transition.happenings:
            self._happened(happening, release)
        if transition.round is not None or transition.happenings:
            self._since = time.monotonic()

    def _happened(self, one: Happening, release: Release) -> None:
        if one.kind == "step":
            text = f"{one.weight} % of the requests go to {release.canary} now"
            self._screen.event(self._now(), "step", text)
        elif one.kind == "promotion":
            text = f"all rounds passed: all traffic goes to {release.canary}"
            self._screen.event(self._now(), "promote", text, Colour.GREEN)
        elif one.kind == "going-home":
            text = f"{one.message}: all traffic goes back to {release.primary}"
            self._screen.event(self._now(), "go home", text, Colour.RED)
        else:
            self._screen.event(self._now(), one.kind, one.message, Colour.YELLOW)

    def _look_after(self, report: Report, release: Release, users: Users) -> None:
        """What users get once it is over."""
        if report.outcome is None or self._leaving.is_set():
            return
        right = report.outcome is release.wanted
        self._since = time.monotonic()
        reason = f" ({report.reason})" if report.reason else ""
        words = f"{report.outcome}{reason}: {report.message}"
        colour = Colour.GREEN if right else Colour.RED
        self._screen.event(self._now(), "outcome", words, colour)
        self._leaving.wait(self._interval / 2)
        self._table(release, users, report.final.weight)

    def _table(self, release: Release, users: Users, weight: int) -> None:
        rows = shares(users.visits(self._since), (release.primary, release.canary))
        asked = {release.canary: weight / 100, release.primary: 1 - weight / 100}
        self._screen.table(rows, asked)

    def _summarise(self, users: Users, reports: list[Report]) -> None:
        everybody = users.visits()
        rows = {one.version: one for one in shares(everybody, (v.name for v in VERSIONS))}
        errors = sum(one.errors for one in rows.values())
        bad = rows[RELEASES[-1].canary]
        self._screen.title("What happened")
        outcomes = {
            release.title: f"{report.outcome}, canary weights {list(report.weights)}"
            for release, report in zip(RELEASES, reports, strict=True)
        }
        self._screen.facts(outcomes)
        self._screen.line()
        self._screen.paragraph(
            f"Of {len(everybody)} requests {bad.requests} reached the broken v3, and {errors} "
            f"users saw an error ({errors / max(1, len(everybody)):.1%}). "
            "Released to everybody at once, v3 would have failed 30 % of them."
        )
        self._screen.line()
        self._screen.paragraph(
            "Next: docs/tutorial/demo.md explains each line; the same on Kubernetes is "
            "'progressive run FILE' with a Canary document ('progressive --help'). "
            "--keep leaves this running to play with, --show-config prints Envoy's setup."
        )

    def _keep(self, stage: Stage) -> None:
        self._screen.title("Still running, until Ctrl-C")
        self._screen.facts(
            {
                "ask the shop": f"curl -i http://127.0.0.1:{stage.users}/",
                "see the counters": f"curl '{stage.admin}/stats?filter=upstream_rq_[0-9]'",
                "move the traffic": f"edit {stage.routes}",
                "": "(an editor that saves by renaming, or: mv NEW OLD)",
            }
        )
        while not self._leaving.wait(0.5):
            if (gone := stage.ended()) is not None:
                raise StageError(f"{gone} ended by itself; its log:\n{stage.tail(gone)}")

    def _now(self) -> float:
        return time.monotonic() - self._begun
