"""Series as meshes expose them, and the worlds in which every dialect is asked.

`EXAMPLES` holds one row for each reporter of each dialect, with labels copied from what the mesh
writes; `WORLDS` says what happened between two scrapes. Used with plain values by
`test_dialects.py` and in a real Prometheus by `tests/real/test_queries.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from attrs import field, frozen

from progressive._model.checks import Cause
from progressive._model.traffic import Side, Target

Labels = Mapping[str, str]

GOOD, BAD, GONE, LOST = "good", "bad", "gone", "lost"


@frozen(kw_only=True)
class Example:
    """
    What one kind of reporter exposes.

    Attributes:
        name: Dialect, and after a slash who reports.
        target: Of a namespace, by its name.
        requests, buckets: Metrics.
        sides: Labels of a side.
        ends: Labels of a request that ended ``good``, ``bad``, ``gone`` (the client left) or
            ``lost`` (it never arrived); what the mesh does not tell is missing.
        strangers: Labels of series that must not be counted as the canary's.
        bounds: Of the buckets, as written.
        unit: Milliseconds of a bound's unit.
    """

    name: str
    target: Callable[[str], Target]
    requests: str
    buckets: str
    sides: Callable[[str], Mapping[Side, Labels]]
    ends: Mapping[str, Labels]
    strangers: Callable[[str], Sequence[Labels]]
    bounds: tuple[str, ...] = ("10", "100", "1000", "+Inf")
    unit: float = 1.0

    @property
    def dialect(self) -> str:
        """Name of the dialect."""
        return self.name.partition("/")[0]


@frozen(kw_only=True)
class World:
    """
    What one side shows at two scrapes.

    Attributes:
        name: As part of a name of Kubernetes.
        ends: How requests ended → the counter at the first and the second scrape, above
            `BEFORE`; None: the series is not there.
        counts: Of the four buckets, at the first and the second scrape, above `BEFORE`.
        rate, latency: What must be said: a number in percent or milliseconds, or the cause of
            its lack.
        rates_agree: Whether `rate` of Prometheus sees the same.
    """

    name: str
    ends: Mapping[str, tuple[int | None, int]] = field(factory=dict)
    counts: tuple[tuple[int, ...], tuple[int, ...]] | None = None
    rate: float | Cause
    latency: float | Cause
    rates_agree: bool = True


NONE = (0, 0, 0, 0)

BEFORE = 10_000
"""What every counter counted before the world began; `rate` extrapolates one that begins near 0
in another way than its neighbours."""

WORLDS: tuple[World, ...] = (
    World(
        name="allfailed",
        ends={BAD: (3, 43)},
        counts=(NONE, (0, 100, 100, 100)),
        rate=0.0,
        latency=99.1,
    ),
    World(name="nothing", rate=Cause.EMPTY, latency=Cause.EMPTY),
    World(
        name="oneseries",
        ends={GOOD: (7, 57)},
        counts=(NONE, (100, 100, 100, 100)),
        rate=100.0,
        latency=9.9,
    ),
    World(
        name="idle",
        ends={GOOD: (9, 9), BAD: (1, 1)},
        counts=((4, 5, 6, 6), (4, 5, 6, 6)),
        rate=Cause.NAN,
        latency=Cause.NAN,
    ),
    World(
        name="twoseries",
        ends={GOOD: (100, 195), BAD: (0, 5)},
        counts=(NONE, (0, 98, 100, 100)),
        rate=95.0,
        latency=550.0,
    ),
    World(
        name="firsterror",
        ends={GOOD: (100, 190), BAD: (None, 10)},
        counts=(NONE, (0, 0, 99, 100)),
        rate=90.0,
        latency=1000.0,
        rates_agree=False,
    ),
    World(
        name="slowest",
        ends={GOOD: (0, 20)},
        counts=(NONE, (0, 0, 0, 100)),
        rate=100.0,
        latency=float("inf"),
    ),
    World(
        name="gone",
        ends={GOOD: (0, 30), BAD: (0, 10), GONE: (0, 60)},
        counts=(NONE, (0, 100, 100, 100)),
        rate=75.0,
        latency=99.1,
    ),
)
"""Every dialect is asked in each of them. Largest finite bucket: 1000 ms."""


def exposed(example: Example, world: World, namespace: str) -> Iterator[tuple[str, Labels, int]]:
    """
    The series of the canary and of its neighbours, as metric, labels and value, for the first
    scrape; the second follows with `exposed_later`.
    """
    yield from _exposed(example, world, namespace, 0)


def exposed_later(
    example: Example, world: World, namespace: str
) -> Iterator[tuple[str, Labels, int]]:
    """The same at the second scrape."""
    yield from _exposed(example, world, namespace, 1)


def _exposed(
    example: Example, world: World, namespace: str, scrape: int
) -> Iterator[tuple[str, Labels, int]]:
    sides = example.sides(namespace)
    mine = sides[Side.CANARY]
    for end, seen in world.ends.items():
        value = seen[scrape]
        if value is not None and end in example.ends:
            before = BEFORE if seen[0] is not None else 0
            yield example.requests, {**mine, **example.ends[end]}, before + value
    if world.counts is not None:
        for bound, count in zip(example.bounds, world.counts[scrape], strict=True):
            yield example.buckets, {**mine, "le": bound}, BEFORE + count
    # neighbours fail always, and slowly: one that is taken for the canary shows
    for other in (sides[Side.PRIMARY], *example.strangers(namespace)):
        yield example.requests, {**other, **example.ends[BAD]}, BEFORE + 1000 * scrape
        yield example.buckets, {**other, "le": example.bounds[2]}, BEFORE
        yield example.buckets, {**other, "le": "+Inf"}, BEFORE + 1000 * scrape


def shop(namespace: str) -> Target:
    """Services and workloads of one name; the primary's name begins with the target's."""
    return Target(
        namespace=namespace,
        service="web",
        primary="web-primary",
        canary="web-canary",
        canary_workload="web",
        port=80,
    )


def _both(make: Callable[[str, Side], Labels]) -> Callable[[str], Mapping[Side, Labels]]:
    return lambda namespace: {side: make(namespace, side) for side in Side}


def _istio(reporter: str) -> Example:
    def side(namespace: str, which: Side) -> Labels:
        target = shop(namespace)
        return {
            "reporter": reporter,
            "source_workload": "gw",
            "destination_workload": target.workload(which),
            "destination_workload_namespace": namespace,
            "destination_service": f"{target.on(which)}.{namespace}.svc.cluster.local",
            "destination_service_name": target.on(which),
            "destination_service_namespace": namespace,
        }

    def strangers(namespace: str) -> list[Labels]:
        mine = side(namespace, Side.CANARY)
        return [
            {
                **mine,
                "destination_workload_namespace": "other",
                "destination_service_namespace": "other",
            },
            {**mine, "destination_workload": "web-2", "destination_service_name": "web-canary-2"},
        ]

    lost = {"response_code": "503", "response_flags": "UF,URX"}
    return Example(
        name=f"istio/{reporter}",
        target=shop,
        requests="istio_requests_total",
        buckets="istio_request_duration_milliseconds_bucket",
        sides=_both(side),
        ends={
            GOOD: {"response_code": "200", "grpc_response_status": "0", "response_flags": "-"},
            BAD: {"response_code": "200", "grpc_response_status": "14", "response_flags": "-"},
            GONE: {"response_code": "0", "response_flags": "DC"},
            # a workload does not report what never reached it
            **({} if reporter == "destination" else {LOST: lost}),
        },
        strangers=strangers,
    )


def _linkerd_inbound() -> Example:
    def side(namespace: str, which: Side) -> Labels:
        return {
            "namespace": namespace,
            "deployment": shop(namespace).workload(which),
            "direction": "inbound",
            "tls": "true",
        }

    return Example(
        name="linkerd/inbound",
        target=shop,
        requests="response_total",
        buckets="response_latency_ms_bucket",
        sides=_both(side),
        ends={
            GOOD: {"classification": "success", "status_code": "200"},
            BAD: {"classification": "failure", "status_code": "200"},
        },
        strangers=lambda namespace: [
            {**side(namespace, Side.CANARY), "direction": "outbound"},
            {**side("other", Side.CANARY)},
        ],
    )


def _linkerd_outbound(kind: str, ends: Mapping[str, Labels]) -> Example:
    def side(namespace: str, which: Side) -> Labels:
        return {
            "parent_kind": "Service",
            "parent_namespace": namespace,
            "parent_name": "web",
            "route_kind": f"{kind.upper()}Route",
            "route_name": "web",
            "backend_namespace": namespace,
            "backend_name": shop(namespace).on(which),
        }

    return Example(
        name=f"linkerd/outbound-{kind}",
        target=shop,
        requests=f"outbound_{kind}_route_backend_response_statuses_total",
        buckets=f"outbound_{kind}_route_backend_response_duration_seconds_bucket",
        sides=_both(side),
        ends=ends,
        strangers=lambda namespace: [
            {**side(namespace, Side.CANARY), "parent_name": "web-canary"},
            {**side(namespace, Side.CANARY), "backend_namespace": "other"},
        ],
        bounds=("0.01", "0.1", "1.0", "+Inf"),
        unit=1000,
    )


def _envoy(
    name: str,
    cluster: Callable[[str, Side], str],
    strangers: Callable[[str], Sequence[str]],
    *,
    target: Callable[[str], Target] = shop,
) -> Example:
    return Example(
        name=name,
        target=target,
        requests="envoy_cluster_upstream_rq",
        buckets="envoy_cluster_upstream_rq_time_bucket",
        sides=_both(lambda namespace, side: {"envoy_cluster_name": cluster(namespace, side)}),
        ends={GOOD: {"envoy_response_code": "204"}, BAD: {"envoy_response_code": "503"}},
        strangers=lambda namespace: [{"envoy_cluster_name": one} for one in strangers(namespace)],
    )


def _app_mesh_pods() -> Example:
    pods = {Side.PRIMARY: "web-primary-6d4cf56db6-x2k8p", Side.CANARY: "web-7c6b8f9d4-zxwvt"}

    def pod(namespace: str, name: str, cluster: str) -> Labels:
        return {
            "kubernetes_namespace": namespace,
            "kubernetes_pod_name": name,
            "envoy_cluster_name": cluster,
        }

    def strangers(namespace: str) -> list[Labels]:
        canary = pods[Side.CANARY]
        return [
            pod(namespace, canary, "cds_egress_shop_db_shop_http_80"),
            pod(namespace, "web-primary-x2k8p", "cds_ingress_shop_web-primary_shop_http_80"),
            pod(namespace, "web-2-7c6b8f9d4-zxwvt", "cds_ingress_shop_web-2_shop_http_80"),
            pod("other", canary, "cds_ingress_shop_web-canary_other_http_80"),
        ]

    return Example(
        name="app-mesh/pods",
        target=shop,
        requests="envoy_cluster_upstream_rq",
        buckets="envoy_cluster_upstream_rq_time_bucket",
        sides=_both(
            lambda namespace, side: pod(namespace, pods[side], "cds_ingress_shop_web_http_8080")
        ),
        ends={GOOD: {"envoy_response_code": "204"}, BAD: {"envoy_response_code": "503"}},
        strangers=strangers,
    )


def _kubernetes() -> Example:
    pods = {Side.PRIMARY: "web-primary-6d4cf56db6-x2k8p", Side.CANARY: "web-7c6b8f9d4-zxwvt"}

    def pod(namespace: str, name: str) -> Labels:
        return {"kubernetes_namespace": namespace, "kubernetes_pod_name": name}

    return Example(
        name="kubernetes",
        target=shop,
        requests="http_request_duration_seconds_count",
        buckets="http_request_duration_seconds_bucket",
        sides=_both(lambda namespace, side: pod(namespace, pods[side])),
        ends={GOOD: {"status": "200"}, BAD: {"status": "500"}},
        strangers=lambda namespace: [
            pod(namespace, "web-primary-x2k8p"),
            pod(namespace, "web-7c6b8f9d4-zxwvt-debug"),
            pod("other", pods[Side.CANARY]),
        ],
        bounds=("0.01", "0.1", "1", "+Inf"),
        unit=1000,
    )


def _nginx() -> Example:
    def side(namespace: str, which: Side) -> Labels:
        canary = "" if which is Side.PRIMARY else f"{namespace}-web-canary-80"
        return {
            "namespace": namespace,
            "ingress": "web",
            "service": "web-primary",
            "canary": canary,
        }

    return Example(
        name="nginx",
        target=shop,
        requests="nginx_ingress_controller_requests",
        buckets="nginx_ingress_controller_request_duration_seconds_bucket",
        sides=_both(side),
        ends={GOOD: {"status": "200"}, BAD: {"status": "502"}, GONE: {"status": "499"}},
        strangers=lambda namespace: [
            {**side(namespace, Side.CANARY), "service": "shop"},
            {**side(namespace, Side.CANARY), "canary": "-"},
            {**side(namespace, Side.CANARY), "namespace": "other"},
        ],
        bounds=("0.01", "0.1", "1", "+Inf"),
        unit=1000,
    )


def _traefik(name: str, service: Callable[[str, str], str]) -> Example:
    return Example(
        name=f"traefik/{name}",
        target=shop,
        requests="traefik_service_requests_total",
        buckets="traefik_service_request_duration_seconds_bucket",
        sides=_both(
            lambda namespace, side: {"service": service(namespace, shop(namespace).on(side))}
        ),
        ends={GOOD: {"code": "200"}, BAD: {"code": "504"}, GONE: {"code": "499"}},
        strangers=lambda namespace: [
            {"service": service(namespace, "web-canary-2")},
            {"service": service(namespace, "my-web-canary").removeprefix(f"{namespace}-")},
            {"service": service("other", "web-canary")},
            {"service": f"{namespace}-web-canary-81@kubernetescrd"},
            {"service": f"{namespace}-web-canary-http-81@kubernetesgateway"},
        ],
        bounds=("0.01", "0.1", "1", "+Inf"),
        unit=1000,
    )


def _skipper(name: str, histogram: str) -> Example:
    def route(namespace: str, service: str) -> Labels:
        return {"route": f"kube_{namespace}__web__web_example_com____{service}", "method": "GET"}

    names = {Side.PRIMARY: "web_primary", Side.CANARY: "web_canary"}
    return Example(
        name=f"skipper/{name}",
        target=shop,
        requests=f"{histogram}_count",
        buckets=f"{histogram}_bucket",
        sides=_both(lambda namespace, side: route(namespace, names[side])),
        ends={GOOD: {"code": "200"}, BAD: {"code": "502"}, GONE: {"code": "499"}},
        strangers=lambda namespace: [
            route(namespace, "web_canary_v2"),
            route(f"{namespace}_2", "web_canary"),
        ],
        bounds=("0.01", "0.1", "1", "+Inf"),
        unit=1000,
    )


def _by_file(namespace: str) -> Target:
    # clusters of a file know no namespaces
    return Target(
        namespace=namespace, service="web", primary=f"{namespace}:v1", canary=f"{namespace}:v2"
    )


def _revisions(namespace: str) -> Target:
    return Target(namespace=namespace, service="web", primary="web-00001", canary="web-00002")


_BACKEND = {Side.PRIMARY: 0, Side.CANARY: 1}

EXAMPLES: tuple[Example, ...] = (
    _istio("destination"),
    _istio("waypoint"),
    _istio("source"),
    _linkerd_inbound(),
    _linkerd_outbound(
        "http",
        {
            GOOD: {"http_status": "200"},
            BAD: {"error": "FAIL_FAST"},
            GONE: {"error": "CANCEL"},
            LOST: {"error": "IO"},
        },
    ),
    _linkerd_outbound(
        "grpc",
        {
            GOOD: {"grpc_status": "NOT_FOUND"},
            BAD: {"grpc_status": "UNAVAILABLE"},
            GONE: {"grpc_status": "UNKNOWN", "error": "CANCEL"},
            LOST: {"grpc_status": "UNKNOWN", "error": "FAIL_FAST"},
        },
    ),
    _envoy(
        "app-mesh/callers",
        lambda namespace, side: f"cds_egress_m_{shop(namespace).on(side)}_{namespace}_http_80",
        lambda namespace: [
            f"cds_egress_m_my-web-canary_{namespace}_http_80",
            "cds_egress_m_web-canary_other_http_80",
            f"cds_ingress_m_web-canary_{namespace}_http_80",
        ],
    ),
    _app_mesh_pods(),
    _envoy(
        "envoy",
        lambda namespace, side: _by_file(namespace).on(side).replace(":", "_"),
        lambda namespace: [f"{namespace}_v22", f"x{namespace}_v2"],
        target=_by_file,
    ),
    _envoy(
        "envoy-gateway",
        lambda namespace, side: f"httproute/{namespace}/web/rule/0/backend/{_BACKEND[side]}",
        lambda namespace: [
            f"httproute/{namespace}/web/rule/1/backend/1",
            f"httproute/{namespace}/web/rule/0/backend/10",
            "httproute/other/web/rule/0/backend/1",
        ],
    ),
    _envoy(
        "contour",
        lambda namespace, side: f"{namespace}_{shop(namespace).on(side)}_80",
        lambda namespace: [
            f"{namespace}_web-canary_81",
            f"{namespace}_web-canary-2_80",
            "other_web-canary_80",
        ],
    ),
    _envoy(
        "gloo/named",
        lambda namespace, side: f"{shop(namespace).on(side)}_{namespace}",
        lambda namespace: ["web-canary_other", f"my-web-canary_{namespace}"],
    ),
    _envoy(
        "gloo/discovered",
        lambda namespace, side: f"{namespace}-{shop(namespace).on(side)}-80_gloo-system",
        lambda namespace: [f"{namespace}-web-canary-81_gloo-system"],
    ),
    _envoy(
        "gloo/flagger",
        lambda namespace, side: f"{namespace}-web-{side}upstream-80_{namespace}",
        lambda namespace: [f"{namespace}-web-2-canaryupstream-80_{namespace}"],
    ),
    _envoy(
        "gloo/service",
        lambda namespace, side: (
            f"kube-upstream_{namespace}-{shop(namespace).on(side)}-80_gloo-system"
            f"_{namespace}_{shop(namespace).on(side)}_80"
        ),
        lambda namespace: [
            "kube-upstream_other-web-canary-80_gloo-system_other_web-canary_80",
        ],
    ),
    _envoy(
        "kuma/tagged",
        lambda namespace, side: f"{shop(namespace).on(side)}_{namespace}_svc_80-ce3d32a0f959e460",
        lambda namespace: [
            f"my-web-canary_{namespace}_svc_80",
            "web-canary_other_svc_80",
            f"web-canary_{namespace}_svc_8080",
        ],
    ),
    _envoy(
        "kuma/mesh-service",
        lambda namespace, side: f"default_{shop(namespace).on(side)}_{namespace}_zone-1_msvc_80",
        lambda namespace: [f"default_web-canary-2_{namespace}_zone-1_msvc_80"],
    ),
    _envoy(
        "kuma/unified",
        lambda namespace, side: (
            f"kri_msvc_default_zone-1_{namespace}_{shop(namespace).on(side)}_http"
        ),
        lambda namespace: [f"kri_msvc_default_zone-1_{namespace}_web-canary-2_http"],
    ),
    _envoy(
        "knative",
        lambda namespace, side: f"{namespace}/{_revisions(namespace).on(side)}",
        lambda namespace: ["other/web-00002", f"{namespace}/web-000021"],
        target=_revisions,
    ),
    _kubernetes(),
    _nginx(),
    _traefik("crd", lambda namespace, service: f"{namespace}-{service}-80@kubernetescrd"),
    _traefik(
        "gateway-3.2",
        lambda namespace, service: f"{namespace}-{service}-http-80@kubernetesgateway",
    ),
    _traefik(
        "gateway-3.7",
        lambda namespace, service: (
            f"httproute-{namespace}-web-gw-infra-public-ep-web-0-799bcbf0c2317c5d1c93"
            f"-svc-{namespace}-{service}-1@kubernetesgateway"
        ),
    ),
    _skipper("requests", "skipper_serve_route_duration_seconds"),
    _skipper("responses", "skipper_response_duration_seconds"),
)
