"""The kinds of the Gateway API, with the versions in which they are written.

Floor 3, pure values. Asked by `layout.py`, and by Linkerd's codec for the same routes.
"""

from __future__ import annotations

from progressive._mesh.codec import ObjectKind

GROUP = "gateway.networking.k8s.io"

HTTP_ROUTE = ObjectKind(
    group=GROUP, kind="HTTPRoute", plural="httproutes", versions=("v1", "v1beta1")
)
"""Both versions have the same fields; before release 1.0 only v1beta1 was there."""

GRPC_ROUTE = ObjectKind(group=GROUP, kind="GRPCRoute", plural="grpcroutes", versions=("v1",))

TCP_ROUTE = ObjectKind(
    group=GROUP, kind="TCPRoute", plural="tcproutes", versions=("v1", "v1alpha2")
)
"""v1 since release 1.6, which serves v1alpha2 no more."""

TLS_ROUTE = ObjectKind(
    group=GROUP, kind="TLSRoute", plural="tlsroutes", versions=("v1", "v1alpha3", "v1alpha2")
)

REFERENCE_GRANT = ObjectKind(
    group=GROUP, kind="ReferenceGrant", plural="referencegrants", versions=("v1", "v1beta1")
)
"""Lives in the namespace of the services, and lets routes of another one name them."""
