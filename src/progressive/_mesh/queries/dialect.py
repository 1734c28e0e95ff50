"""What a dialect is: which series a mesh has, who reports them, and which of them are failures.

Floor 3, pure. A dialect is data; `reading.py` reads all of them in one way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import field, frozen

from progressive._mesh.effect import LOOK_FOR_ENDPOINTS
from progressive._mesh.queries.selectors import Label, Selector
from progressive._mesh.queries.series import Series
from progressive._model.traffic import Side, Target

GRPC_FAILURES: Mapping[str, str] = {
    "2": "UNKNOWN",
    "4": "DEADLINE_EXCEEDED",
    "8": "RESOURCE_EXHAUSTED",
    "12": "UNIMPLEMENTED",
    "13": "INTERNAL",
    "14": "UNAVAILABLE",
    "15": "DATA_LOSS",
}
"""Faults of the server, whose HTTP status is 200 all the same (the status codes of gRPC)."""

SERVER_FAULT = "5.."
"""HTTP statuses that are failures, as a regular expression; anchored, so that ``5`` is none."""


def fits(labels: Mapping[str, str]) -> str:
    """Every series is one side's."""
    return ""


@frozen(kw_only=True)
class View:
    """
    What one kind of reporter counts of a side's requests.

    Attributes:
        name: Who reports, for people.
        callers: Whether those report who send the requests, a gateway or the proxies of clients:
            they see the ones that never arrived as well.
        labels: Which series are about a side.
        requests: Metrics that count requests by how they ended.
        durations: Metrics of histogram buckets of the time to answer.
        failed: A request failed if one of these holds.
        gone: The client left before an answer, so the request says nothing either way; stands
            above `failed`.
        lost: Of callers: the request failed and the workload cannot have counted it.
        milliseconds: Length of the unit of the buckets' bounds.
        unfit: Why a series cannot be read as one side's; empty: it can.
    """

    name: str
    callers: bool
    labels: Callable[[Target, Side], tuple[Label, ...]]
    requests: tuple[str, ...]
    durations: tuple[str, ...]
    failed: tuple[Label, ...]
    gone: tuple[Label, ...] = ()
    lost: tuple[Label, ...] = ()
    milliseconds: float = 1.0
    unfit: Callable[[Mapping[str, str]], str] = fits

    def of_requests(self, target: Target, side: Side) -> Selector:
        """The counters of a side."""
        return Selector(metrics=self.requests, labels=self.labels(target, side))

    def of_durations(self, target: Target, side: Side) -> Selector:
        """The buckets of a side."""
        return Selector(metrics=self.durations, labels=self.labels(target, side))

    def fails(self, labels: Mapping[str, str]) -> bool:
        """Whether a series with these labels counts failures."""
        return any(one.holds(labels) for one in self.failed)

    def counts(self, labels: Mapping[str, str]) -> bool:
        """Whether a series with these labels counts requests that were waited for."""
        return not any(one.holds(labels) for one in self.gone)

    def loses(self, labels: Mapping[str, str]) -> bool:
        """Whether a series with these labels counts requests that the workload never saw."""
        return self.counts(labels) and any(one.holds(labels) for one in self.lost)

    def why_unread(self, labels: Mapping[str, str]) -> str:
        """Why such a series tells no outcome of one side's requests; empty: it does."""
        if unfit := self.unfit(labels):
            return unfit
        telling = [one.name for one in self.failed]
        if any(labels.get(name) for name in telling):
            return ""
        names = " or ".join(dict.fromkeys(telling))
        return f"the series have no label {names}, so failures cannot be told from successes"


@frozen(kw_only=True)
class Dialect:
    """
    The metrics of one mesh.

    Attributes:
        views: In the order in which they are asked: the first that has series is read, and what
            it cannot see is taken from the next one that reports losses.
        nothing: Where to look when the canary gets no request at all.
        note: What a person must know about the figures; may be empty.
    """

    views: tuple[View, ...]
    nothing: str = LOOK_FOR_ENDPOINTS
    note: str = ""

    def counting(self) -> tuple[View, ...]:
        """The views in the order in which traffic is counted: a mirrored request arrives too,
        and no user got its answer, so callers come first."""
        return tuple(sorted(self.views, key=lambda view: not view.callers))

    def following(self, seen: Sequence[Seen]) -> View | None:
        """The view to ask next for the success rate; None: enough is known."""
        asked = [one.view for one in seen]
        left = [one for one in self.views if one not in asked]
        found = [one.view for one in seen if one.series]
        if found:
            if found[0].callers or any(one.lost for one in found[1:]):
                return None
            left = [one for one in left if one.lost]
        return left[0] if left else None


@frozen(kw_only=True)
class Seen:
    """
    What came back for one view.

    Attributes:
        view: Who reports.
        query: What was asked.
        series: Raw samples; none: nothing reports there.
    """

    view: View
    query: str = ""
    series: Sequence[Series] = field(default=(), hash=False)
