"""Series as meshes expose them: one row for each reporter of each dialect."""

from __future__ import annotations

from tests.unit.mesh.reporters import (
    BAD,
    GONE,
    GOOD,
    LOST,
    Example,
    app_mesh_pods,
    envoy,
    istio,
    kubernetes,
    linkerd_inbound,
    linkerd_outbound,
    nginx,
    shop,
    skipper,
    traefik,
)

from progressive._model.traffic import Side, Target


def _by_file(namespace: str) -> Target:
    # clusters of a file know no namespaces
    return Target(
        namespace=namespace, service="web", primary=f"{namespace}:v1", canary=f"{namespace}:v2"
    )


def _revisions(namespace: str) -> Target:
    return Target(namespace=namespace, service="web", primary="web-00001", canary="web-00002")


_BACKEND = {Side.PRIMARY: 0, Side.CANARY: 1}

EXAMPLES: tuple[Example, ...] = (
    istio("destination"),
    istio("waypoint"),
    istio("source"),
    linkerd_inbound(),
    linkerd_outbound(
        "http",
        {
            GOOD: {"http_status": "200"},
            BAD: {"error": "FAIL_FAST"},
            GONE: {"error": "CANCEL"},
            LOST: {"error": "IO"},
        },
    ),
    linkerd_outbound(
        "grpc",
        {
            GOOD: {"grpc_status": "NOT_FOUND"},
            BAD: {"grpc_status": "UNAVAILABLE"},
            GONE: {"grpc_status": "UNKNOWN", "error": "CANCEL"},
            LOST: {"grpc_status": "UNKNOWN", "error": "FAIL_FAST"},
        },
    ),
    envoy(
        "app-mesh/callers",
        lambda namespace, side: f"cds_egress_m_{shop(namespace).on(side)}_{namespace}_http_80",
        lambda namespace: [
            f"cds_egress_m_my-web-canary_{namespace}_http_80",
            "cds_egress_m_web-canary_other_http_80",
            f"cds_ingress_m_web-canary_{namespace}_http_80",
        ],
    ),
    app_mesh_pods(),
    envoy(
        "envoy",
        lambda namespace, side: _by_file(namespace).on(side).replace(":", "_"),
        lambda namespace: [f"{namespace}_v22", f"x{namespace}_v2"],
        target=_by_file,
    ),
    envoy(
        "envoy-gateway",
        lambda namespace, side: f"httproute/{namespace}/web/rule/0/backend/{_BACKEND[side]}",
        lambda namespace: [
            f"httproute/{namespace}/web/rule/1/backend/1",
            f"httproute/{namespace}/web/rule/0/backend/10",
            "httproute/other/web/rule/0/backend/1",
        ],
    ),
    envoy(
        "contour",
        lambda namespace, side: f"{namespace}_{shop(namespace).on(side)}_80",
        lambda namespace: [
            f"{namespace}_web-canary_81",
            f"{namespace}_web-canary-2_80",
            "other_web-canary_80",
        ],
    ),
    envoy(
        "gloo/named",
        lambda namespace, side: f"{shop(namespace).on(side)}_{namespace}",
        lambda namespace: ["web-canary_other", f"my-web-canary_{namespace}"],
    ),
    envoy(
        "gloo/discovered",
        lambda namespace, side: f"{namespace}-{shop(namespace).on(side)}-80_gloo-system",
        lambda namespace: [f"{namespace}-web-canary-81_gloo-system"],
    ),
    envoy(
        "gloo/flagger",
        lambda namespace, side: f"{namespace}-web-{side}upstream-80_{namespace}",
        lambda namespace: [f"{namespace}-web-2-canaryupstream-80_{namespace}"],
    ),
    envoy(
        "gloo/service",
        lambda namespace, side: (
            f"kube-upstream_{namespace}-{shop(namespace).on(side)}-80_gloo-system"
            f"_{namespace}_{shop(namespace).on(side)}_80"
        ),
        lambda namespace: [
            "kube-upstream_other-web-canary-80_gloo-system_other_web-canary_80",
        ],
    ),
    envoy(
        "kuma/tagged",
        lambda namespace, side: f"{shop(namespace).on(side)}_{namespace}_svc_80-ce3d32a0f959e460",
        lambda namespace: [
            f"my-web-canary_{namespace}_svc_80",
            "web-canary_other_svc_80",
            f"web-canary_{namespace}_svc_8080",
        ],
    ),
    envoy(
        "kuma/mesh-service",
        lambda namespace, side: f"default_{shop(namespace).on(side)}_{namespace}_zone-1_msvc_80",
        lambda namespace: [f"default_web-canary-2_{namespace}_zone-1_msvc_80"],
    ),
    envoy(
        "kuma/unified",
        lambda namespace, side: (
            f"kri_msvc_default_zone-1_{namespace}_{shop(namespace).on(side)}_http"
        ),
        lambda namespace: [f"kri_msvc_default_zone-1_{namespace}_web-canary-2_http"],
    ),
    envoy(
        "knative",
        lambda namespace, side: f"{namespace}/{_revisions(namespace).on(side)}",
        lambda namespace: ["other/web-00002", f"{namespace}/web-000021"],
        target=_revisions,
    ),
    kubernetes(),
    nginx(),
    traefik("crd", lambda namespace, service: f"{namespace}-{service}-80@kubernetescrd"),
    traefik(
        "gateway-3.2",
        lambda namespace, service: f"{namespace}-{service}-http-80@kubernetesgateway",
    ),
    traefik(
        "gateway-3.7",
        lambda namespace, service: (
            f"httproute-{namespace}-web-gw-infra-public-ep-web-0-799bcbf0c2317c5d1c93"
            f"-svc-{namespace}-{service}-1@kubernetesgateway"
        ),
    ),
    skipper("requests", "skipper_serve_route_duration_seconds"),
    skipper("responses", "skipper_response_duration_seconds"),
)
