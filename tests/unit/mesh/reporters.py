"""What each kind of reporter of each mesh exposes, with labels copied from what the mesh writes.

Rows of them are in `recorded.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import frozen

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


def both(make: Callable[[str, Side], Labels]) -> Callable[[str], Mapping[Side, Labels]]:
    return lambda namespace: {side: make(namespace, side) for side in Side}


def istio(reporter: str) -> Example:
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
        sides=both(side),
        ends={
            GOOD: {"response_code": "200", "grpc_response_status": "0", "response_flags": "-"},
            BAD: {"response_code": "200", "grpc_response_status": "14", "response_flags": "-"},
            GONE: {"response_code": "0", "response_flags": "DC"},
            # a workload does not report what never reached it
            **({} if reporter == "destination" else {LOST: lost}),
        },
        strangers=strangers,
    )


def linkerd_inbound() -> Example:
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
        sides=both(side),
        ends={
            GOOD: {"classification": "success", "status_code": "200"},
            BAD: {"classification": "failure", "status_code": "200"},
        },
        strangers=lambda namespace: [
            {**side(namespace, Side.CANARY), "direction": "outbound"},
            {**side("other", Side.CANARY)},
        ],
    )


def linkerd_outbound(kind: str, ends: Mapping[str, Labels]) -> Example:
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
        sides=both(side),
        ends=ends,
        strangers=lambda namespace: [
            {**side(namespace, Side.CANARY), "parent_name": "web-canary"},
            {**side(namespace, Side.CANARY), "backend_namespace": "other"},
        ],
        bounds=("0.01", "0.1", "1.0", "+Inf"),
        unit=1000,
    )


def envoy(
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
        sides=both(lambda namespace, side: {"envoy_cluster_name": cluster(namespace, side)}),
        ends={GOOD: {"envoy_response_code": "204"}, BAD: {"envoy_response_code": "503"}},
        strangers=lambda namespace: [{"envoy_cluster_name": one} for one in strangers(namespace)],
    )


def app_mesh_pods() -> Example:
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
        sides=both(
            lambda namespace, side: pod(namespace, pods[side], "cds_ingress_shop_web_http_8080")
        ),
        ends={GOOD: {"envoy_response_code": "204"}, BAD: {"envoy_response_code": "503"}},
        strangers=strangers,
    )


def kubernetes() -> Example:
    pods = {Side.PRIMARY: "web-primary-6d4cf56db6-x2k8p", Side.CANARY: "web-7c6b8f9d4-zxwvt"}

    def pod(namespace: str, name: str) -> Labels:
        return {"kubernetes_namespace": namespace, "kubernetes_pod_name": name}

    return Example(
        name="kubernetes",
        target=shop,
        requests="http_request_duration_seconds_count",
        buckets="http_request_duration_seconds_bucket",
        sides=both(lambda namespace, side: pod(namespace, pods[side])),
        ends={GOOD: {"status": "200"}, BAD: {"status": "500"}},
        strangers=lambda namespace: [
            pod(namespace, "web-primary-x2k8p"),
            pod(namespace, "web-7c6b8f9d4-zxwvt-debug"),
            pod("other", pods[Side.CANARY]),
        ],
        bounds=("0.01", "0.1", "1", "+Inf"),
        unit=1000,
    )


def nginx() -> Example:
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
        sides=both(side),
        ends={GOOD: {"status": "200"}, BAD: {"status": "502"}, GONE: {"status": "499"}},
        strangers=lambda namespace: [
            {**side(namespace, Side.CANARY), "service": "shop"},
            {**side(namespace, Side.CANARY), "canary": "-"},
            {**side(namespace, Side.CANARY), "namespace": "other"},
        ],
        bounds=("0.01", "0.1", "1", "+Inf"),
        unit=1000,
    )


def traefik(name: str, service: Callable[[str, str], str]) -> Example:
    return Example(
        name=f"traefik/{name}",
        target=shop,
        requests="traefik_service_requests_total",
        buckets="traefik_service_request_duration_seconds_bucket",
        sides=both(
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


def skipper(name: str, histogram: str) -> Example:
    def route(namespace: str, service: str) -> Labels:
        return {"route": f"kube_{namespace}__web__web_example_com____{service}", "method": "GET"}

    names = {Side.PRIMARY: "web_primary", Side.CANARY: "web_canary"}
    return Example(
        name=f"skipper/{name}",
        target=shop,
        requests=f"{histogram}_count",
        buckets=f"{histogram}_bucket",
        sides=both(lambda namespace, side: route(namespace, names[side])),
        ends={GOOD: {"code": "200"}, BAD: {"code": "502"}, GONE: {"code": "499"}},
        strangers=lambda namespace: [
            route(namespace, "web_canary_v2"),
            route(f"{namespace}_2", "web_canary"),
        ],
        bounds=("0.01", "0.1", "1", "+Inf"),
        unit=1000,
    )
