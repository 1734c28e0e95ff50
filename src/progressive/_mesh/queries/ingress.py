"""The proxies in front of a cluster: ingress-nginx, Traefik and Skipper.

Floor 3, pure. Listed by `known.py`. Times are in seconds. All three are the callers' side, so
that a failure which they answer in a pod's place counts; 499 is a client that left.
"""

from __future__ import annotations

import re

from progressive._mesh.queries.dialect import SERVER_FAULT, Dialect, View
from progressive._mesh.queries.envoys import NO_GRPC
from progressive._mesh.queries.selectors import Label, equal, like, literal
from progressive._model.traffic import Side, Target

CLIENT_LEFT = "499"
"""The status that these proxies note where the client closed its connection (nginx' invention)."""


def _nginx(target: Target, side: Side) -> tuple[Label, ...]:
    # requests of both sides belong to the location of the primary; `canary` names the upstream
    # that was taken in its place, and is empty or a dash for the primary
    upstream = f"{literal(target.namespace)}-{literal(target.canary)}-[0-9a-z-]+"
    return (
        equal("namespace", target.namespace),
        equal("service", target.primary),
        like("canary", "-?" if side is Side.PRIMARY else upstream),
    )


NGINX = Dialect(
    views=(
        View(
            name="the controller",
            callers=True,
            labels=_nginx,
            requests=("nginx_ingress_controller_requests",),
            durations=("nginx_ingress_controller_request_duration_seconds_bucket",),
            failed=(like("status", SERVER_FAULT),),
            gone=(equal("status", CLIENT_LEFT),),
            milliseconds=1000.0,
        ),
    ),
    note=f"Prometheus must keep the labels `namespace` and `service` (`honor_labels`). {NO_GRPC}",
)


def _traefik(target: Target, side: Side) -> tuple[Label, ...]:
    port = "[0-9]+" if target.port is None else str(target.port)
    service = f"{literal(target.namespace)}-{literal(target.on(side))}(-http|-grpc)?-{port}"
    # releases of the Gateway API's provider put the route's name in front
    return (like("service", f"(.+-svc-)?{service}@kubernetes(crd|gateway)?"),)


TRAEFIK = Dialect(
    views=(
        View(
            name="the controller",
            callers=True,
            labels=_traefik,
            requests=("traefik_service_requests_total",),
            durations=("traefik_service_request_duration_seconds_bucket",),
            failed=(like("code", SERVER_FAULT),),
            gone=(equal("code", CLIENT_LEFT),),
            milliseconds=1000.0,
        ),
    ),
    note="The largest default bucket is 5 s. Prometheus must keep the label `service` "
    f"(`honor_labels`), and the route must name the port by its number. {NO_GRPC}",
)


def _skipper(target: Target, side: Side) -> tuple[Label, ...]:
    ingress = target.routes[0].name if target.routes else target.service
    rule = f"kube(ew)?_{_word(target.namespace)}__{_word(ingress)}__.*"
    return (like("route", f"{rule}__{_word(target.on(side))}(_[0-9]+)?"),)


def _word(text: str) -> str:
    """As Skipper puts a name into the id of a route."""
    return re.sub(r"\W", "_", text, flags=re.ASCII)


SKIPPER = Dialect(
    views=(
        View(
            name="the controller",
            callers=True,
            labels=_skipper,
            requests=("skipper_serve_route_duration_seconds_count",),
            durations=("skipper_serve_route_duration_seconds_bucket",),
            failed=(like("code", SERVER_FAULT),),
            gone=(equal("code", CLIENT_LEFT),),
            milliseconds=1000.0,
        ),
    ),
    note="Of an Ingress; the routes of a RouteGroup do not name their service. Skipper's own "
    "failures are in the time to serve a route, not in its response time, so the first is read. "
    f"{NO_GRPC}",
)
