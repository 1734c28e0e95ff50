"""Which fault meets which request of which release, and what came of it.

Used by `faulted.py`, which carries the cases out.
"""

from __future__ import annotations

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from attrs import evolve
from tests.realparts.asked import Asked
from tests.realparts.faults import Fault, watches
from tests.realparts.proxy import Choose

from progressive import Deadlines, MetricCheck, Plan, Report

EXPECTED = {"good": ("promoted", None), "bad": ("rolled_back", "check-failed"),
            "first": ("initialized", None)}  # fmt: skip
"""Kind of release → outcome and reason where nothing goes wrong."""

WEIGHTS = (20, 40)
PLAN = Plan(
    weights=WEIGHTS,
    interval=timedelta(milliseconds=500),
    checks=(MetricCheck(name="good", query="vector(1)", at_most=2.0),),
    deadlines=Deadlines(
        canary_ready=timedelta(seconds=40),
        primary_ready=timedelta(seconds=40),
        route=timedelta(seconds=30),
    ),
)


@dataclass(frozen=True)
class Case:
    """
    One release and the fault that it meets.

    Attributes:
        kind: A key of `EXPECTED`.
        fault: What happens; None: nothing.
        key: To which request, as `key_of` says it.
        nth: To the how manieth of those, from 1.
        choose: Instead of `fault` and `at`: what happens to whom.
        metrics: The fault is between driver and Prometheus, which is a real one then.
        plan: The policy.
        may: Outcomes and reasons that are in order, beside the undisturbed one; after one of
            them a further release, undisturbed, must put everything right.
        spared: What need not be right at the end, of ``journal lease fence replicas``.
        about: In words, for tables.
    """

    kind: str
    fault: Fault | None = None
    key: str = ""
    nth: int = 1
    choose: Callable[[], Choose] | None = None
    metrics: bool = False
    plan: Plan = PLAN
    may: frozenset[tuple[str, str | None]] = frozenset()
    spared: frozenset[str] = frozenset()
    about: str = ""

    def chooser(self) -> Choose | None:
        """Fresh for one run: it counts."""
        if self.choose is not None:
            return self.choose()
        return None if self.fault is None else once(self.fault, self.key, self.nth)

    def __str__(self) -> str:
        at = f" at {self.key} ({self.nth})" if self.fault else ""
        return self.about or f"{self.kind}: {self.fault or 'nothing'}{at}"


def key_of(asked: Asked) -> str:
    """
    What a request is for, the same in every run: threads ask in an order of their own.

    The Lease is patched to take it, to renew it, and to free it; Prometheus is asked a question.
    """
    if asked.resource == "query":
        text = asked.body.decode() or urlsplit(asked.path).query
        query = parse_qs(text)["query"][0].partition("[")[0]
        return re.sub(r'namespace="[^"]*"', "namespace=…", re.sub(r"f\d+-[0-9a-f]{8}", "…", query))
    why = ""
    if asked.what == "patch leases":
        why = "free" if b'"holderIdentity": null' in asked.body else "renew"
        why = "take" if b'"acquireTime"' in asked.body else why
    return " ".join(word for word in (asked.what, asked.name, why) if word)


def once(fault: Fault, key: str, nth: int) -> Choose:
    """The fault happens to the n-th request with this key."""
    met: list[Asked] = []

    def choose(asked: Asked) -> Any:
        if key_of(asked) != key:
            return None
        met.append(asked)
        return (fault.name, fault.act) if len(met) == nth else None

    return choose


def from_on(
    nth: int,
    fault: Fault,
    *,
    among: Callable[[Asked], bool],
    then: Callable[[Asked], bool] | None = None,
    seconds: float | None = None,
) -> Choose:
    """
    From the n-th request of some kind on, the fault happens to each.

    Args:
        among: The kind that is counted.
        then: Whom it happens to from then on; None: those of `among`.
        seconds: For so long; None: for ever.
    """
    met: list[Asked] = []
    begun: list[float] = []

    def choose(asked: Asked) -> Any:
        if among(asked) and not begun:
            met.append(asked)
            if len(met) == nth:
                begun.append(asked.at)
        over = seconds is not None and begun and asked.at > begun[0] + seconds
        if not begun or over or not (then or among)(asked) or not fault.happens_to(asked):
            return None
        return fault.name, fault.act

    return choose


Place = tuple[str, int, Asked]
"""Key of a request, the how manieth with it, and an example."""


def places(runs: Sequence[Run]) -> list[Place]:
    """
    Requests that each of these runs made.

    Of a question to Prometheus, as many as there are rounds: more come where a scrape is late.
    """
    case = runs[0].case
    most = len(runs[0].asked)
    if case.metrics:
        most = 1 if case.kind == "bad" else len(case.plan.weights)
    counts = [Counter(map(key_of, run.asked)) for run in runs]
    seen: Counter[str] = Counter()
    found = []
    for asked in runs[0].asked:
        key = key_of(asked)
        seen[key] += 1
        if seen[key] <= most and all(count[key] >= seen[key] for count in counts):
            found.append((key, seen[key], asked))
    return found


@dataclass
class Run:
    """
    What became of one case.

    Attributes:
        case: The case.
        report: Its report; None: it did not end.
        asked: The driver's requests.
        split: Weights of primary and canary at the end; None: no route.
        wrong: Broken promises, in words.
    """

    case: Case
    report: Report | None = None
    asked: list[Asked] = field(default_factory=list)
    split: tuple[int, int] | None = None
    wrong: list[str] = field(default_factory=list)

    @property
    def met(self) -> Asked | None:
        """The request that met the fault; None: there was none, or it never came."""
        return next((one for one in self.asked if one.fault), None)

    @property
    def outcome(self) -> tuple[str | None, str | None]:
        """Outcome and reason."""
        if self.report is None:
            return None, None
        return self.report.outcome, self.report.reason

    @property
    def told_as(self) -> tuple[str, str | None]:
        """Run and kind of the notification of its end."""
        return (self.report.run_id if self.report else "", self.outcome[0])

    def __str__(self) -> str:
        told = "" if self.report is None else f": {self.report.message}"
        return f"{self.case} ({self.met or 'not met'}) → {self.outcome}{told}"


def metrics_plan(kind: str) -> Plan:
    """The policy of a release that is judged by Prometheus: two queries, two built-in checks."""
    return evolve(
        PLAN,
        interval=timedelta(seconds=3),
        checks=(
            MetricCheck(name="vector", query=f"vector({3 if kind == 'bad' else 1})", at_most=2.0),
            MetricCheck(name="scalar", query="scalar(vector(1))", at_most=2.0),
            MetricCheck.success_rate(at_least=99.0),
            MetricCheck.latency(at_most=500.0),
        ),
    )


SHORT = evolve(PLAN, deadlines=evolve(PLAN.deadlines, route=timedelta(seconds=6)))
"""A way home that cannot be written is given up after six seconds instead of ten minutes."""


def refused(case: Case) -> Case:
    """The same case for a refusal: it may end the release, by any outcome that is named for it."""
    may = {
        ("rejected", None),
        ("rolled_back", "router-error"),
        ("rolled_back", "canary-not-ready"),
        ("timed_out", "primary-not-ready"),
        ("stuck", "primary-not-ready"),
        ("stuck", "router-error"),
    }
    spared = frozenset({"lease", "journal", "fence", "replicas"})
    return Case(
        case.kind, case.fault, case.key, case.nth, plan=SHORT, may=frozenset(may), spared=spared
    )


def judged(case: Case) -> Case:
    """The same case, judged by a real Prometheus behind the proxy that has the fault."""
    return Case(
        case.kind, case.fault, case.key, case.nth, metrics=True, plan=metrics_plan(case.kind)
    )


def rotated(kind: str, found: Sequence[Place], faults: Sequence[Fault], *,
            each: int) -> list[Case]:  # fmt: skip
    """
    Some faults for every request, so that each fault meets many kinds of request.

    The same every time: a fault that was used least comes first, and before it one that has not
    met this kind of request yet. Watches are few, and meet all that only watches can.
    """
    used: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    cases = []
    for key, nth, asked in found:
        fitting = [one for one in faults if one.happens_to(asked)]
        more = sum(1 for one in fitting if one.happens_to is watches)
        for _ in range(min(each + more, len(fitting))):
            best = min(
                fitting,
                key=lambda one: (pairs[one.name, asked.what], one.happens_to is not watches,
                                 used[one.name]),
            )  # fmt: skip
            fitting.remove(best)
            used[best.name] += 1
            pairs[best.name, asked.what] += 1
            cases.append(Case(kind, best, key, nth))
    return cases


def told(runs: Sequence[Run]) -> list[str]:
    """Print what was tried; what is wrong, one text a run."""
    for run in runs:
        sys.stdout.write(f"{run}\n")
    return ["\n  ".join((str(run), *run.wrong)) for run in runs if run.wrong]


def kinds_met(runs: Sequence[Run]) -> dict[str, set[str]]:
    """Which kinds of request each fault met."""
    found: dict[str, set[str]] = defaultdict(set)
    for run in runs:
        if run.met is not None:
            found[run.met.fault].add(run.met.what)
    return found
