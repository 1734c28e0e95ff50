"""What an import costs: CPU time of fresh processes, and how many modules they load.

Beside an interpreter that does nothing and the libraries that a user of Kubernetes knows.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.figures import Figure, Spread

PURE = (
    "CanaryAnalysis",
    "Plan",
    "MetricCheck",
    "Target",
    "Split",
    "Report",
    "Started",
    "Shift",
    "Problem",
    "ProgressiveError",
)
"""One name of each module that decides and touches nothing."""

_COUNT = "import sys; before = set(sys.modules); {}; print(len(set(sys.modules) - before))"


def measure(*, small: bool = False) -> list[Figure]:
    """All figures; `small`: one process each, for a test that they can be taken."""
    times = 1 if small else 15
    nothing = _cpu(["-c", "pass"], times)
    attrs, client = (
        _above(nothing, f"import {name}", times) for name in ("attrs", "kubernetes.client")
    )
    pure = {name: _above(nothing, f"from progressive import {name}", times) for name in PURE}
    worst = max(pure, key=lambda name: pure[name].median)
    bare = _above(nothing, "import progressive", times)
    runner = _above(nothing, "from progressive import Runner", times)
    return [
        _import_figure("import progressive", bare, client, "import kubernetes.client", "< 5 ms"),
        _import_figure(f"from progressive import {worst}", pure[worst], attrs, "import attrs",
                       "< 50 ms", note=f"the worst of {len(PURE)} pure names"),
        _import_figure("from progressive import Runner", runner, client,
                       "import kubernetes.client", ""),
        Figure(
            what="`progressive --version`, the whole process",
            measured=f"{Spread.of(_cpu(_command(), times), 'ms')} of CPU",
            beside=f"`python -c pass`: {Spread.of(nothing, 'ms')}",
            budget="< 150 ms",
        ),
    ]  # fmt: skip


def modules(statement: str) -> int:
    """How many modules a statement loads in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", _COUNT.format(statement)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return int(done.stdout)


def _import_figure(
    statement: str, spread: Spread, beside: Spread, other: str, budget: str, note: str = ""
) -> Figure:
    ratio = f"{spread.median / beside.median:.2f} times `{other}`"
    return Figure(
        what=f"`{statement}`" + (f" ({note})" if note else ""),
        measured=f"{spread} of CPU, {modules(statement)} modules; {ratio}",
        beside=f"`{other}`: {beside}, {modules(other)} modules",
        budget=budget,
    )


def _above(nothing: Sequence[float], statement: str, times: int) -> Spread:
    """CPU of a statement, without that of an interpreter that does nothing."""
    least = sorted(nothing)[len(nothing) // 2]
    spent = [max(0.0, one - least) for one in _cpu(["-c", statement], times)]
    return Spread.of(spent, "ms")


def _command() -> list[str]:
    script = Path(sys.executable).with_name("progressive")
    return [str(script), "--version"] if script.exists() else ["-m", "progressive", "--version"]


def _cpu(arguments: Sequence[str], times: int) -> list[float]:
    """Milliseconds of user and system time of as many fresh processes."""
    spent = []
    for _ in range(times):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, timeout=60
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
        spent.append((user + system) * 1000)
    return spent
