"""Names of services of the cluster, in full, so that two ways of writing one compare equal.

Floor 3, pure. Asked by Istio for hosts of destinations and of VirtualServices, and by App Mesh
for the hosts behind virtual nodes.
"""

from __future__ import annotations

CLUSTER_DOMAIN = "cluster.local"


def qualified(host: str, namespace: str) -> str:
    """
    The fully qualified form of a host; one that is no service of the cluster stays as it is.

    Only a name without any dot belongs to the namespace of the object that holds it; istiod takes
    every other name as it is written. ``NAME.NAMESPACE.svc`` with any cluster domain, or none,
    is the same service.

    Source:
        istio, `pilot/pkg/model/config.go`, `ResolveShortnameToFQDN`.

    >>> qualified("web", "shop")
    'web.shop.svc.cluster.local'
    >>> qualified("web.other.svc", "shop")
    'web.other.svc.cluster.local'
    >>> qualified("web.example.com", "shop")
    'web.example.com'
    """
    if "." not in host:
        return host if host in ("", "*") else f"{host}.{namespace}.svc.{CLUSTER_DOMAIN}"
    labels = host.split(".")
    if len(labels) >= 3 and labels[2] == "svc":
        return f"{labels[0]}.{labels[1]}.svc.{CLUSTER_DOMAIN}"
    return host
