"""Istio's standard metrics, of sidecars, gateways and waypoints.

Floor 3, pure. Listed by `known.py`. Times are in milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable

from progressive._mesh.queries.dialect import GRPC_FAILURES, SERVER_FAULT, Dialect, View
from progressive._mesh.queries.selectors import Label, equal, like
from progressive._model.traffic import Side, Target

NEVER_ARRIVED = ("UH", "UF", "URX", "UC", "NR")
"""Envoy's response flags of requests that got no answer from the workload: no healthy upstream,
connection failure, retries exhausted, connection terminated, no route."""

TIMED_OUT = "UT"
"""The caller gave up: at the workload this is a client that left, which nobody counts."""

_REQUESTS = ("istio_requests_total",)
_DURATIONS = ("istio_request_duration_milliseconds_bucket",)
_FAILED = (
    like("response_code", SERVER_FAULT),
    like("grpc_response_status", "|".join(GRPC_FAILURES)),
)
_CLIENT_LEFT = (equal("response_code", "0"),)


def _flagged(*flags: str) -> Label:
    """Response flags are a list, separated by commas."""
    return like("response_flags", f"(.*,)?({'|'.join(flags)})(,.*)?")


def _at_workload(target: Target, side: Side) -> tuple[Label, ...]:
    return (
        equal("reporter", "destination"),
        equal("destination_workload_namespace", target.namespace),
        equal("destination_workload", target.workload(side)),
    )


def _by_service(reporter: str) -> Callable[[Target, Side], tuple[Label, ...]]:
    def labels(target: Target, side: Side) -> tuple[Label, ...]:
        # by service, not by workload: without an endpoint no workload is known; subsets share
        # one service, so that there the workload must do
        subset = target.subsets is not None
        service = target.service if subset else target.on(side)
        workload = (equal("destination_workload", target.workload(side)),) if subset else ()
        return (
            equal("reporter", reporter),
            equal("destination_service_namespace", target.namespace),
            equal("destination_service_name", service),
            *workload,
        )

    return labels


def _callers(name: str, reporter: str) -> View:
    return View(
        name=name,
        callers=True,
        labels=_by_service(reporter),
        requests=_REQUESTS,
        durations=_DURATIONS,
        failed=(*_FAILED, _flagged(*NEVER_ARRIVED)),
        gone=_CLIENT_LEFT,
        lost=(_flagged(*NEVER_ARRIVED, TIMED_OUT),),
    )


ISTIO = Dialect(
    views=(
        View(
            name="sidecars of the workload",
            callers=False,
            labels=_at_workload,
            requests=_REQUESTS,
            durations=_DURATIONS,
            failed=_FAILED,
            gone=_CLIENT_LEFT,
        ),
        # a waypoint is asked before clients and gateways: what those send may pass it
        _callers("waypoint", "waypoint"),
        _callers("clients and gateways", "source"),
    ),
    note="ztunnel alone counts connections, not requests: ambient needs a waypoint.",
)
