"""The uses that the library exists for, as they were promised, and the pages that show them."""

from __future__ import annotations

USES: dict[str, tuple[str, str]] = {
    "1 the whole release, from a document": (
        "docs/how-to/run-from-a-pipeline.md",
        """
import progressive

release = progressive.load("canary.yaml")
report = release.run()
print(report.outcome, report.reason, report.duration, report.exit_code)
report.raise_for_outcome()
""",
    ),
    "2 the same, composed by hand": (
        "docs/how-to/use-a-part-alone.md",
        """
from datetime import timedelta

from progressive import MetricCheck, Plan, Runner, Target
from progressive.metrics import PrometheusMetrics
from progressive.routers import IstioRouter

target = Target(
    namespace="shop", service="web", primary="web-primary", canary="web-canary", port=80
)
plan = Plan(
    weights=(5, 25, 50),
    interval=timedelta(seconds=30),
    threshold=3,
    checks=(
        MetricCheck.success_rate(at_least=99.0),
        MetricCheck.latency(quantile=0.99, at_most=timedelta(milliseconds=500)),
        MetricCheck(
            name="queue",
            query='max(queue_depth{namespace="shop",app="web-canary"})',
            at_most=100.0,
        ),
    ),
)
runner = Runner(router=IstioRouter(), metrics=PrometheusMetrics("http://prometheus:9090"))
report = runner.run(plan, target)
report = runner.resume(target)
""",
    ),
    "3 one part alone": (
        "docs/how-to/use-a-part-alone.md",
        """
verdict = MetricCheck(name="errors", query="…", at_most=0.01).evaluate(
    PrometheusMetrics("http://prometheus:9090")
)
if not verdict.passed:
    print(verdict.kind, verdict.value, verdict.explanation)
router = IstioRouter()
print(router.current(target))
router.shift(target, Split(canary=20))
router.reset(target)
""",
    ),
    "4 the state machine alone": (
        "docs/how-to/embed-the-machine.md",
        """
analysis = CanaryAnalysis(plan, target)
action = analysis.receive(Started(at=now))
action = analysis.receive(Shifted(at=now, answers=action.id, observed=seen))
action = analysis.receive(
    Failed(at=now, answers=action.id, error=ActionError(kind="conflict", message="…"))
)
saved = analysis.to_json()
analysis = CanaryAnalysis.from_json(saved)
analysis.action, analysis.wake_at, analysis.done, analysis.report
""",
    ),
    "5 async": (
        "docs/how-to/use-a-part-alone.md",
        """
from progressive.aio import AsyncRunner

reports = await asyncio.gather(
    *(AsyncRunner(router=r, metrics=m).run(plan, t) for t in targets)
)
""",
    ),
    "6 a router of one's own": (
        "docs/how-to/write-a-router.md",
        """
class MyRouter:
    capabilities = Capabilities(weights=True)

    def current(self, target: Target) -> Observed: ...
    def shift(self, target: Target, split: Split) -> Observed: ...
    def reset(self, target: Target) -> Observed: ...


class MyMetrics:
    def sample(self, question: Question) -> Sample: ...
""",
    ),
    "7 tests of a user's own flow": (
        "docs/tutorial/first-release.md",
        """
from progressive.testing import Scenario, simulate

plan = Plan(
    weights=(5, 25),
    interval=timedelta(seconds=30),
    threshold=1,
    checks=(MetricCheck.success_rate(at_least=99.0),),
)
result = simulate(plan, target, Scenario(metrics={"request-success-rate": 97.0}))
assert result.report.outcome is Outcome.ROLLED_BACK
assert result.weights == [5, 0]
""",
    ),
}

WORDS: dict[str, tuple[str, ...]] = {
    "docs/how-to/run-from-a-pipeline.md": (
        "exec progressive run canary.yaml --image web=registry/web:42 --report-dir out",
        "progressive abort canary.yaml",
    ),
    "docs/how-to/use-a-part-alone.md": ("observers=[callback]",),
}
"""Page → words that must be on it: 8 from a pipeline, 9 watching."""
