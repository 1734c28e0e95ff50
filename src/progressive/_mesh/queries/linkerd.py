"""Linkerd's metrics: inbound at the workload, outbound for each backend of a route.

Floor 3, pure. Listed by `known.py`. Inbound times are in milliseconds, outbound ones in seconds.
"""

from __future__ import annotations

from progressive._mesh.queries.dialect import GRPC_FAILURES, SERVER_FAULT, Dialect, View
from progressive._mesh.queries.selectors import Label, equal, like
from progressive._model.traffic import Side, Target

NEVER_ANSWERED = (
    *("FAIL_FAST", "LOAD_SHED", "REFUSED", "IO", "UNKNOWN"),
    *("REQUEST_TIMEOUT", "RESPONSE_HEADERS_TIMEOUT"),
)
"""Values of the label ``error`` where a request got no answer; the inbound proxy counts answers,
so it has none of them (linkerd2-proxy, labels of the route metrics)."""


def _inbound(target: Target, side: Side) -> tuple[Label, ...]:
    return (
        equal("namespace", target.namespace),
        equal("deployment", target.workload(side)),
        equal("direction", "inbound"),
    )


def _outbound(target: Target, side: Side) -> tuple[Label, ...]:
    # only what came through the apex: a smoke test of the canary's own service is no share
    return (
        equal("parent_namespace", target.namespace),
        equal("parent_name", target.service),
        equal("backend_namespace", target.namespace),
        equal("backend_name", target.on(side)),
    )


LINKERD = Dialect(
    views=(
        View(
            name="proxies of the workload",
            callers=False,
            labels=_inbound,
            requests=("response_total",),
            durations=("response_latency_ms_bucket",),
            failed=(equal("classification", "failure"),),
        ),
        View(
            name="proxies of clients",
            callers=True,
            labels=_outbound,
            requests=(
                "outbound_http_route_backend_response_statuses_total",
                "outbound_grpc_route_backend_response_statuses_total",
            ),
            durations=(
                "outbound_http_route_backend_response_duration_seconds_bucket",
                "outbound_grpc_route_backend_response_duration_seconds_bucket",
            ),
            failed=(
                like("http_status", SERVER_FAULT),
                like("grpc_status", "|".join(GRPC_FAILURES.values())),
                like("error", ".+"),
            ),
            gone=(equal("error", "CANCEL"),),
            lost=(like("error", "|".join(NEVER_ANSWERED)),),
            milliseconds=1000.0,
        ),
    ),
    nothing="look for ready endpoints of the canary (Linkerd sends the share of a backend without "
    "any to the others), and for a ServiceProfile of the apex, which overrides routes",
    note="Only meshed clients split; idle series are dropped after ten minutes.",
)
