"""Envoy's own cluster statistics: App Mesh, and the gateways and meshes that name clusters.

Floor 3, pure. Listed by `known.py`. Times are in milliseconds.
They are the caller's: a failure that Envoy answers in an upstream's place (no healthy endpoint,
connection refused, time-out) counts, a client that left does not. gRPC faults are not seen, for
their HTTP status is 200. What differs is how a cluster is named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from progressive._mesh.envoy import stat_name
from progressive._mesh.queries.dialect import SERVER_FAULT, Dialect, View, fits
from progressive._mesh.queries.selectors import Label, equal, like, literal, pods
from progressive._model.traffic import Side, Target

NO_GRPC = "gRPC faults are not seen: their HTTP status is 200."

_CLUSTER = "envoy_cluster_name"


def _view(
    labels: Callable[[Target, Side], tuple[Label, ...]],
    *,
    name: str = "the gateway",
    callers: bool = True,
    unfit: Callable[[Mapping[str, str]], str] = fits,
) -> View:
    return View(
        name=name,
        callers=callers,
        labels=labels,
        requests=("envoy_cluster_upstream_rq",),
        durations=("envoy_cluster_upstream_rq_time_bucket",),
        failed=(like("envoy_response_code", SERVER_FAULT),),
        unfit=unfit,
    )


def _port(target: Target) -> str:
    return "[0-9]+" if target.port is None else str(target.port)


# Envoy by file: the sides are names of clusters


def _named(target: Target, side: Side) -> tuple[Label, ...]:
    return (equal(_CLUSTER, stat_name(target.on(side))),)


ENVOY = Dialect(views=(_view(_named, name="Envoy"),), note=NO_GRPC)


# App Mesh: the pods' sidecars count what they send to a node, and what their own pod gets


def _to_node(target: Target, side: Side) -> tuple[Label, ...]:
    node = f"{literal(target.on(side))}_{literal(target.namespace)}"
    return (like(_CLUSTER, f"cds_egress_.+_{node}_(http|http2|grpc)_{_port(target)}"),)


def _in_pods(target: Target, side: Side) -> tuple[Label, ...]:
    # a pod's own outbound calls are clusters of the same Envoy
    return (
        equal("kubernetes_namespace", target.namespace),
        like("kubernetes_pod_name", pods(target.workload(side))),
        like(_CLUSTER, "cds_ingress_.+"),
    )


APP_MESH = Dialect(
    views=(
        _view(_to_node, name="sidecars of clients"),
        _view(_in_pods, name="sidecars of the workload", callers=False),
    ),
    note=NO_GRPC,
)


# Contour


def _contour(target: Target, side: Side) -> tuple[Label, ...]:
    cluster = f"{literal(target.namespace)}_{literal(target.on(side))}_{_port(target)}"
    return (like(_CLUSTER, cluster),)


CONTOUR = Dialect(views=(_view(_contour),), note=NO_GRPC)


# Envoy Gateway: one cluster for a rule, or one for each backend where one of them has a filter

_ORDER = {Side.PRIMARY: 0, Side.CANARY: 1}


def _of_rule(target: Target, side: Side) -> tuple[Label, ...]:
    named = target.routes[0] if target.routes else None
    name = literal(named.name if named else target.service)
    namespace = literal((named.namespace if named else None) or target.namespace)
    rule = named.rule if named and isinstance(named.rule, int) else 0
    route = f"(httproute|grpcroute)/{namespace}/{name}/rule/{rule}"
    # the cluster of the whole rule is asked for as well, to tell it from silence
    return (like(_CLUSTER, f"{route}(/backend/{_ORDER[side]})?"),)


def _of_both(labels: Mapping[str, str]) -> str:
    if re.search(r"/backend/\d+$", labels.get(_CLUSTER, "")):
        return ""
    return (
        "Envoy Gateway counts both sides in one cluster of the rule: give one of its "
        "backendRefs a filter (a harmless header will do), or the check a query of its own"
    )


ENVOY_GATEWAY = Dialect(
    views=(_view(_of_rule, unfit=_of_both),),
    note="Needs a filter on a backend, else both sides are one cluster, which is refused; the "
    f"primary must be the first backend of the rule and the canary the second. {NO_GRPC}",
)


# Gloo: clusters are named after upstreams, which people name, or discovery, or Flagger; with its
# Gateway API also after the service itself


def _upstream(target: Target, side: Side) -> tuple[Label, ...]:
    name, namespace = literal(target.on(side)), literal(target.namespace)
    port, theirs = _port(target), f"{literal(target.service)}-{side}upstream"
    named = f"{name}_{namespace}"
    discovered = f"(kube-svc_)?{namespace}-({name}|{theirs})-{port}_[^_]+"
    service = f"kube-(upstream|svc)_[^_]+_[^_]+_{namespace}_{name}_{port}"
    return (like(_CLUSTER, f"{named}|{discovered}|{service}"),)


GLOO = Dialect(views=(_view(_upstream),), note=NO_GRPC)


# Kuma: a legacy service tag, a MeshService, or the unified names of later versions


def _kuma(target: Target, side: Side) -> tuple[Label, ...]:
    name, namespace = literal(target.on(side)), literal(target.namespace)
    port, split = _port(target), "(-[0-9a-f]+)?"
    tagged = f"{name}_{namespace}_svc_{port}{split}"
    mesh_service = f"[^_]+_{name}_{namespace}_[^_]*_msvc_{port}{split}"
    unified = f"kri_msvc_[^_]*_[^_]*_{namespace}_{name}_[^_]*"
    return (like(_CLUSTER, f"{tagged}|{mesh_service}|{unified}"),)


KUMA = Dialect(views=(_view(_kuma, name="sidecars of clients"),), note=NO_GRPC)


# Knative with Kourier: a cluster for each revision, and the sides are revisions


def _revision(target: Target, side: Side) -> tuple[Label, ...]:
    return (equal(_CLUSTER, f"{target.namespace}/{target.on(side)}"),)


KNATIVE = Dialect(views=(_view(_revision),), note=f"Of Kourier's Envoy. {NO_GRPC}")
