"""Asks the API server what its user may do.

Floor 4, over `ports.Cluster`. One SelfSubjectRulesReview tells most users' rules at once; what
those do not cover is asked one by one (SelfSubjectAccessReview), for an authorizer that cannot
list its rules (a webhook: EKS, GKE, AKS) may still say yes. `_kube/rights.py` judges.
Source: Kubernetes manual, "Authorization", "Checking API access"; `RulesFor` of the webhook
authorizer in k8s.io/apiserver always answers ``incomplete``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from progressive._kube.paths import object_path
from progressive._kube.rights import Right, granted
from progressive.errors import ClusterError
from progressive.ports import Cluster

_API, _IDENTITY = "authorization.k8s.io/v1", "authentication.k8s.io/v1"

_PAUSES = (0.5, 1.0, 2.0)
"""Seconds between tries of a review while the server is busy."""

_LONGEST = 10.0
"""No try begins later than this after the first, in seconds: a review must not hold a run up."""

_MOST = 60
"""Single questions at most; one release has some forty rights."""


def missing(
    cluster: Cluster,
    rights: Iterable[Right],
    *,
    namespace: str,
    pause: Callable[[float], None] = time.sleep,
) -> tuple[Right, ...]:
    """
    The rights that the user lacks, in order; one request where the rules tell.

    One with a guessed name is only surely lacking where the true name was asked for as well.

    Args:
        namespace: Whose rules are asked for; rights elsewhere are asked one by one.
        pause: Waits, in seconds.

    Raises:
        ClusterError: The API server reviews nothing, or cannot be asked.
    """
    wanted = sorted(set(rights))
    told = _review(cluster, "SelfSubjectRulesReview", {"namespace": namespace}, pause)
    rules = [one for one in told.get("resourceRules") or () if isinstance(one, dict)]
    left = [one for one in wanted if one.namespace != namespace or not granted(one, rules)]
    if len(left) > 2 and _may(cluster, _everything(namespace), pause):
        left = [one for one in left if one.namespace != namespace]
    return tuple(one for one in left[:_MOST] if not _may(cluster, one, pause))


def who_asks(cluster: Cluster) -> str:
    """Whom the API server takes its user for; empty: it does not say."""
    body = {"apiVersion": _IDENTITY, "kind": "SelfSubjectReview"}
    try:
        told = _status(cluster.create(object_path(_IDENTITY, "SelfSubjectReview"), body))
    except ClusterError:
        return ""  # before Kubernetes 1.28 there is no such review
    return str((told.get("userInfo") or {}).get("username") or "")


def _everything(namespace: str) -> Right:
    return Right(namespace=namespace, group="*", resource="*", verb="*")


def _may(cluster: Cluster, right: Right, pause: Callable[[float], None]) -> bool:
    resource, _, subresource = right.resource.partition("/")
    asked = {
        "namespace": right.namespace,
        "group": right.group,
        "resource": resource,
        "verb": right.verb,
        **({"subresource": subresource} if subresource else {}),
        **({"name": right.name} if right.name else {}),
    }
    told = _review(cluster, "SelfSubjectAccessReview", {"resourceAttributes": asked}, pause)
    return bool(told.get("allowed"))


def _review(
    cluster: Cluster, kind: str, spec: dict[str, Any], pause: Callable[[float], None]
) -> dict[str, Any]:
    body = {"apiVersion": _API, "kind": kind, "spec": spec}
    began = time.monotonic()
    for seconds in _PAUSES:
        try:
            return _status(cluster.create(object_path(_API, kind), body))
        except ClusterError as error:
            # a server that cannot be reached has been tried by the client, and is the run's matter
            late = time.monotonic() - began > _LONGEST
            if not error.transient or late or error.reason == "NotSent":
                raise
        pause(seconds)
    return _status(cluster.create(object_path(_API, kind), body))


def _status(answer: dict[str, Any]) -> dict[str, Any]:
    return dict(answer.get("status") or {})
