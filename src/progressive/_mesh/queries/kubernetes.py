"""An application's own metrics, for a cluster without a mesh.

Floor 3, pure. Listed by `known.py`. Times are in seconds; the names are those that Flagger asks
for with its providers ``kubernetes`` and ``gatewayapi``.
"""

from __future__ import annotations

from progressive._mesh.queries.dialect import SERVER_FAULT, Dialect, View
from progressive._mesh.queries.selectors import Label, equal, like, pods
from progressive._model.traffic import Side, Target


def _in_pods(target: Target, side: Side) -> tuple[Label, ...]:
    return (
        equal("kubernetes_namespace", target.namespace),
        like("kubernetes_pod_name", pods(target.workload(side))),
    )


KUBERNETES = Dialect(
    views=(
        View(
            name="the application",
            callers=False,
            labels=_in_pods,
            requests=("http_request_duration_seconds_count",),
            durations=("http_request_duration_seconds_bucket",),
            failed=(like("status", SERVER_FAULT),),
            milliseconds=1000.0,
        ),
    ),
    note="The application's own figures: requests that never arrived are not seen, and of gRPC "
    "only what it counts with a status 5xx.",
)
