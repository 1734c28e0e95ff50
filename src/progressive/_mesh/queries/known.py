"""The dialects by the names that routers give in `Capabilities.dialect`.

Floor 3, pure. Asked by `_adapters/prometheus/provider.py`; a new mesh is a row here.
"""

from __future__ import annotations

from collections.abc import Mapping

from progressive._mesh.queries import envoys, ingress
from progressive._mesh.queries.dialect import Dialect
from progressive._mesh.queries.istio import ISTIO
from progressive._mesh.queries.kubernetes import KUBERNETES
from progressive._mesh.queries.linkerd import LINKERD

DIALECTS: Mapping[str, Dialect] = {
    "istio": ISTIO,
    "linkerd": LINKERD,
    "app-mesh": envoys.APP_MESH,
    "envoy": envoys.ENVOY,
    "envoy-gateway": envoys.ENVOY_GATEWAY,
    "contour": envoys.CONTOUR,
    "nginx": ingress.NGINX,
    "traefik": ingress.TRAEFIK,
    "skipper": ingress.SKIPPER,
    "kuma": envoys.KUMA,
    "gloo": envoys.GLOO,
    "knative": envoys.KNATIVE,
    "kubernetes": KUBERNETES,
}
"""The meshes whose metrics have built-in checks."""

BLIND: Mapping[str, str] = {
    "apisix": "its metrics tell the two sides apart by the address of the pod only (label `node`)",
}
"""Meshes whose metrics cannot tell the sides apart, and why; their routers name no dialect."""
