"""The built-in checks: which series a mesh has for them, and what the series say.

Floor 3, pure: selectors out, raw series in, a `Reading` out. Asked by `_adapters/prometheus.py`.
The series are read raw and differenced here, not by `rate`: two scrapes are enough, nothing is
extrapolated, and the first error of a series that never failed before is not lost.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from attrs import frozen

from progressive._mesh.samples import beyond_judgement, quantile
from progressive._mesh.series import Growth, Series, growths, scrapes
from progressive._model.checks import Cause, MetricCheck
from progressive._model.traffic import Side, Target

FEWEST_SCRAPES = 2
"""release.md section 2, "Window"."""

GRPC_FAILURES = frozenset({"2", "4", "8", "12", "13", "14", "15"})
"""UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE and
DATA_LOSS: faults of the server, whose HTTP status is 200 all the same (meshes.md section 8)."""

NEVER_ARRIVED = frozenset({"UH", "UF", "URX", "UC", "NR"})
"""Envoy's response flags of requests that got no answer from the workload: no healthy upstream,
connection failure, retries exhausted, connection terminated, no route."""


@frozen(kw_only=True)
class Reading:
    """
    What raw series say about a check.

    Attributes:
        value: In the unit of the check; +Inf is a number; None: there is none.
        cause: Why there is none.
        detail: The cause, or what the value does not show, in words.
    """

    value: float | None = None
    cause: Cause | None = None
    detail: str = ""


class Dialect(Protocol):
    """The series of one mesh; selectors are PromQL instant vectors, without a range."""

    def requests_arrived(self, target: Target, side: Side) -> str:
        """Requests that the side's workload answered."""

    def requests_sent(self, target: Target, side: Side) -> str:
        """Requests to the side's service, as the callers saw them."""

    def durations_arrived(self, target: Target, side: Side) -> str:
        """Buckets of the time to answer, at the workload, in milliseconds."""

    def durations_sent(self, target: Target, side: Side) -> str:
        """The same at the callers."""

    def success_rate(self, arrived: Sequence[Series], sent: Sequence[Series]) -> Reading:
        """Percent of requests that did not fail, 0 to 100."""

    def duration(self, check: MetricCheck, buckets: Sequence[Series]) -> Reading:
        """The check's quantile of the time to answer, in milliseconds."""

    def count(self, arrived: Sequence[Series], sent: Sequence[Series]) -> float:
        """How many requests a side got."""


class IstioDialect:
    """Istio's standard metrics, of sidecars, gateways and waypoints."""

    def requests_arrived(self, target: Target, side: Side) -> str:
        """
        Requests that a sidecar or a waypoint in front of the workload reports.

        >>> web = Target(namespace="shop", service="web", primary="web-primary", canary="web-c")
        >>> print(IstioDialect().requests_arrived(web, Side.CANARY))
        istio_requests_total{reporter=~"destination|waypoint",destination_workload_namespace="shop",destination_workload="web-c"}
        """
        return _arrived("istio_requests_total", target, side)

    def requests_sent(self, target: Target, side: Side) -> str:
        """Requests that callers and gateways report, those without an answer too."""
        return _sent("istio_requests_total", target, side)

    def durations_arrived(self, target: Target, side: Side) -> str:
        """Buckets at the workload."""
        return _arrived("istio_request_duration_milliseconds_bucket", target, side)

    def durations_sent(self, target: Target, side: Side) -> str:
        """Buckets at the callers."""
        return _sent("istio_request_duration_milliseconds_bucket", target, side)

    def success_rate(self, arrived: Sequence[Series], sent: Sequence[Series]) -> Reading:
        """
        Bad over total: 5xx, gRPC server faults, and what never arrived.

        Where nothing reports at the workload (no sidecar, or nothing ever arrived) the callers'
        view is the whole; else their view adds the requests that never arrived.
        """
        chosen = _one_reporter(arrived)
        if few := _too_few(chosen or sent):
            return few
        counted = list(growths(chosen or sent))
        lost = [one for one in growths(sent) if _never_arrived(one.labels)] if chosen else []
        total = sum(one.amount for one in (*counted, *lost))
        if total <= 0:
            return Reading(cause=Cause.NAN)
        bad = sum(one.amount for one in counted if _failed(one.labels))
        bad += sum(one.amount for one in lost)
        return Reading(value=100 * (total - bad) / total)

    def duration(self, check: MetricCheck, buckets: Sequence[Series]) -> Reading:
        """
        The quantile, interpolated as Prometheus does.

        Beyond the largest bucket nothing is known but that it is slower: a bound within the
        buckets is then surely broken (the value is +Inf), a larger one cannot be judged.
        """
        chosen = _one_reporter(buckets)
        if few := _too_few(chosen):
            return few
        return read_quantile(check, growths(chosen))

    def count(self, arrived: Sequence[Series], sent: Sequence[Series]) -> float:
        """Requests as the callers sent them; where no caller reports, as they arrived."""
        return sum(one.amount for one in growths(sent or _one_reporter(arrived)))


DIALECTS: Mapping[str, Dialect] = {"istio": IstioDialect()}
"""The meshes whose metrics have built-in checks."""


def read_quantile(check: MetricCheck, grown: Iterable[Growth]) -> Reading:
    """The quantile of a check from the growth of buckets, by their label ``le``."""
    buckets: dict[float, float] = {}
    for one in grown:
        try:
            bound = float(one.labels["le"])
        except (KeyError, ValueError):
            continue
        buckets[bound] = buckets.get(bound, 0.0) + one.amount
    value = quantile(check.quantile, buckets)
    if math.isnan(value):
        return Reading(cause=Cause.NAN)
    if math.isfinite(value):
        return Reading(value=value)
    largest = max((bound for bound in buckets if math.isfinite(bound)), default=0.0)
    slower = (
        f"the {100 * check.quantile:g} % quantile is beyond the largest bucket, {largest:g} ms"
    )
    if any(beyond_judgement(bound, largest) for bound in (check.at_most, check.at_least)):
        detail = f"{slower}, and the bound is larger than that: add larger buckets"
        return Reading(cause=Cause.REFUSED, detail=detail)
    return Reading(value=math.inf, detail=slower)


def _too_few(series: Sequence[Series]) -> Reading | None:
    if not series:
        return Reading(cause=Cause.EMPTY)
    seen = scrapes(series)
    if seen >= FEWEST_SCRAPES:
        return None
    detail = f"{seen} scrape since the weight took effect, {FEWEST_SCRAPES} are needed"
    return Reading(cause=Cause.TOO_FEW_SCRAPES, detail=detail)


def _one_reporter(arrived: Sequence[Series]) -> Sequence[Series]:
    # a waypoint in front of a workload with a sidecar reports the same request once more
    for reporter in ("destination", "waypoint"):
        if chosen := [one for one in arrived if one.labels.get("reporter") == reporter]:
            return chosen
    return arrived


def _failed(labels: Mapping[str, str]) -> bool:
    code = labels.get("response_code", "")
    if len(code) == 3 and code.startswith("5"):
        return True
    return labels.get("grpc_response_status", "") in GRPC_FAILURES or _never_arrived(labels)


def _never_arrived(labels: Mapping[str, str]) -> bool:
    # only the caller's flags say this; at the workload they are about its own upstream, itself
    if labels.get("reporter") != "source":
        return False
    return not NEVER_ARRIVED.isdisjoint(labels.get("response_flags", "").split(","))


def _arrived(metric: str, target: Target, side: Side) -> str:
    return (
        f'{metric}{{reporter=~"destination|waypoint",'
        f"destination_workload_namespace={quoted(target.namespace)},"
        f"destination_workload={quoted(target.workload(side))}}}"
    )


def _sent(metric: str, target: Target, side: Side) -> str:
    # by service, not by workload: without an endpoint no workload is known
    return (
        f'{metric}{{reporter="source",'
        f"destination_service_namespace={quoted(target.namespace)},"
        f"destination_service_name={quoted(target.on(side))}}}"
    )


def quoted(text: str) -> str:
    """A PromQL string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
