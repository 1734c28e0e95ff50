"""Which API groups the memory cluster serves, and in which versions.

Floor 4, but pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from progressive._adapters.cluster import refusals

_USUAL: Mapping[str, tuple[str, ...]] = {
    "": ("v1",),
    "apps": ("v1",),
    "autoscaling": ("v2", "v1"),
    "batch": ("v1",),
    "coordination.k8s.io": ("v1",),
    "discovery.k8s.io": ("v1",),
    "networking.k8s.io": ("v1",),
    "authorization.k8s.io": ("v1",),
    "networking.istio.io": ("v1", "v1beta1", "v1alpha3"),
    "gateway.networking.k8s.io": ("v1", "v1beta1"),
    "flagger.app": ("v1beta1",),
    "keda.sh": ("v1alpha1",),
}
"""As a present cluster with Istio, Gateway API, Flagger and KEDA answers, preferred first."""


def versions(group: str, present: Iterable[str]) -> tuple[str, ...]:
    """
    Versions of a group that nothing was said about.

    Args:
        present: apiVersions of its objects, for groups that are not usual ones.

    Raises:
        ClusterError: Neither usual nor present (kind ``not-found``).
    """
    found = _USUAL.get(group) or tuple(dict.fromkeys(one.rpartition("/")[2] for one in present))
    if not found:
        raise refusals.group_absent(group)
    return found
