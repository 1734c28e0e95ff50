"""The state machine in somebody else's loop: a queue that delivers every message twice.

Between two messages nothing is in memory but a text, as in a workflow engine whose workers come
and go. Orders are ids and values, so a worker may even carry one out twice.
"""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta

from progressive import (
    Action,
    Answer,
    CanaryAnalysis,
    Finish,
    Measure,
    Measured,
    MetricCheck,
    Observed,
    Plan,
    Read,
    Report,
    Reset,
    Sample,
    Seen,
    Shift,
    Shifted,
    Started,
    Target,
    Wait,
    Woke,
)

TARGET = Target(namespace="shop", service="web", primary="v1", canary="v2")
PLAN = Plan(
    weights=(10, 50),
    interval=timedelta(seconds=30),
    checks=(MetricCheck.success_rate(at_least=99.0),),
)


class Proxy:
    """What is moved; a real worker calls a router here."""

    def __init__(self) -> None:
        self.weight = 0
        self.writes = 0

    def take(self, weight: int) -> Observed:
        """The same weight again writes nothing."""
        if weight != self.weight:
            self.weight, self.writes = weight, self.writes + 1
        return Observed(canary=self.weight)


def carry_out(action: Action, proxy: Proxy, at: datetime) -> Answer:
    """One worker, one order."""
    match action:
        case Shift(split=split):
            return Shifted(at=at, answers=action.id, observed=proxy.take(split.canary))
        case Reset():
            return Shifted(at=at, answers=action.id, observed=proxy.take(0))
        case Read():
            return Seen(at=at, answers=action.id, observed=Observed(canary=proxy.weight))
        case Measure():
            return Measured(at=at, answers=action.id, samples=[Sample(value=99.9)])
        case Wait():
            return Woke(at=max(at, action.until or at), answers=action.id)
    raise AssertionError(f"{action} is for managed workloads")


def main() -> tuple[Report, Proxy]:
    """Deliver everything twice, until there is an outcome."""
    proxy, now = Proxy(), datetime.now(UTC)
    analysis = CanaryAnalysis(PLAN, TARGET)
    queue = deque([analysis.receive(Started(at=now))])
    saved = analysis.to_json()
    delivered = stale = 0
    while queue:
        action = queue.popleft()
        if isinstance(action, Finish):
            break
        answer = carry_out(action, proxy, now)
        now = max(now, answer.at)
        for _ in range(2):
            analysis = CanaryAnalysis.from_json(saved)  # another worker, who knows the text only
            before = analysis.action
            following = analysis.receive(answer)
            saved = analysis.to_json()
            delivered += 1
            if following == before:
                stale += 1  # the second delivery changed nothing
            else:
                queue.append(following)
    report = CanaryAnalysis.from_json(saved).report
    print(report.outcome, report.weights, f"{delivered} messages, {stale} of them stale")
    return report, proxy


if __name__ == "__main__":
    main()
