"""Answers the access reviews of the memory cluster.

Floor 4, but pure. Its user may do everything but what a test has denied.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

REVIEWS = frozenset({"authorization.k8s.io", "authentication.k8s.io"})
"""The API groups of reviews; they are answered, and nothing is stored."""

_ALL = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}


def reviewed(body: Mapping[str, Any], denied: Collection[tuple[str, str]]) -> dict[str, Any]:
    """
    The review with its answer.

    Args:
        denied: Verb and plural of what is refused. RBAC has no rule that denies, so then no rule
            is listed and the list is called incomplete, as by an authorizer that has no lists.
    """
    spec = body.get("spec") or {}
    status: dict[str, Any]
    if body.get("kind") == "SelfSubjectReview":
        status = {"userInfo": {"username": "somebody"}}
    elif body.get("kind") == "SelfSubjectRulesReview":
        rules = [] if denied else [_ALL]
        status = {"resourceRules": rules, "nonResourceRules": [], "incomplete": bool(denied)}
    else:
        asked = spec.get("resourceAttributes") or {}
        what = (asked.get("verb", ""), asked.get("resource", ""))
        everything = what == ("*", "*") and bool(denied)
        status = {"allowed": what not in denied and not everything}
    return {**body, "status": status}
