"""The proxies in front of a cluster: ingress-nginx, Traefik and Skipper.

Floor 3, pure. Listed by `known.py`. Times are in seconds. All three are the callers' side, so
that a failure which they answer in a pod's place counts; 499 is a client that left.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from progressive._mesh.queries.dialect import SERVER_FAULT, Dialect, View
from progressive._mesh.queries.envoys import NO_GRPC
from progressive._mesh.queries.selectors import Label, equal, like, literal
from progressive._model.traffic import Side, Target

CLIENT_LEFT = "499"
"""The status that these proxies note where the client closed its connection (nginx' invention)."""


def _view(
    labels: Callable[[Target, Side], tuple[Label, ...]],
    *,
    name: str = "the controller",
    requests: str,
    durations: str,
    status: str,
) -> View:
    return View(
        name=name,
        callers=True,
        labels=labels,
        requests=(requests,),
        durations=(durations,),
        failed=(like(status, SERVER_FAULT),),
        gone=(equal(status, CLIENT_LEFT),),
        milliseconds=1000.0,
    )


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
        _view(
            _nginx,
            requests="nginx_ingress_controller_requests",
            durations="nginx_ingress_controller_request_duration_seconds_bucket",
            status="status",
        ),
    ),
    note=f"Prometheus must keep the labels `namespace` and `service` (`honor_labels`). {NO_GRPC}",
)


def _traefik(target: Target, side: Side) -> tuple[Label, ...]:
    port = "[0-9]+" if target.port is None else str(target.port)
    service = f"{literal(target.namespace)}-{literal(target.on(side))}"
    objects = f"{service}-{port}@kubernetes(crd)?"
    # of the Gateway API, by age: as above, with the protocol, and (3.7) the router's name in
    # front and the backend's place in its rule behind
    gateway = f"({service}(-http|-grpc)?-{port}|.+-svc-{service}-[0-9]+)@kubernetesgateway"
    return (like("service", f"{objects}|{gateway}"),)


TRAEFIK = Dialect(
    views=(
        _view(
            _traefik,
            requests="traefik_service_requests_total",
            durations="traefik_service_request_duration_seconds_bucket",
            status="code",
        ),
    ),
    note="The largest default bucket is 5 s. Prometheus must keep the label `service` "
    "(`honor_labels`), the route must name the port by its number, and `safeNaming` must be off. "
    f"{NO_GRPC}",
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
        _view(
            _skipper,
            name="the controller, of requests",
            requests="skipper_serve_route_duration_seconds_count",
            durations="skipper_serve_route_duration_seconds_bucket",
            status="code",
        ),
        _view(
            _skipper,
            name="the controller, of responses",
            requests="skipper_response_duration_seconds_count",
            durations="skipper_response_duration_seconds_bucket",
            status="code",
        ),
    ),
    note="Of an Ingress; the routes of a RouteGroup do not name their service. Needs "
    "`-serve-route-metrics`; with `-route-response-metrics` alone, what Skipper answers in a "
    f"pod's place is not seen. {NO_GRPC}",
)
