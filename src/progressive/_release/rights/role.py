"""The Role of a release, with its binding, for `kubectl apply -f -`.

Floor 5, pure. Shown by `progressive rbac`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from progressive._kube.rights import Right, as_yaml, binding, role, rules_of
from progressive._release.rights.needs import WHY, WHY_ROUTES

Subject = Mapping[str, str]
"""Who gets a Role: kind, name, namespace."""


def roles(
    name: str, rights: Iterable[Right], own: str, home: str | None, subject: Subject | None
) -> list[dict[str, Any]]:
    """
    A Role for each namespace, that of the release first, each with its binding.

    Args:
        own: Namespace of the release, as the rights have it.
        home: The same as it is written; None: nobody names one, so the Role goes where it is
            applied.
        subject: Who gets the Role; None: it is not bound.
    """
    known = frozenset(rights)
    others = sorted({one.namespace for one in known} - {own})
    found = []
    for place in (own, *others):
        rules = rules_of(one for one in known if one.namespace == place)
        written = home if place == own else place
        found.append(role(name, written, rules))
        if subject is not None:
            found.append(binding(name, written, subject))
    return found


def cluster_role(
    name: str, rights: Iterable[Right], subject: Subject | None
) -> list[dict[str, Any]]:
    """A ClusterRole with its binding, for what is done in all namespaces."""
    found = [role(name, None, rules_of(rights), everywhere=True)]
    return found if subject is None else [*found, binding(name, None, subject, everywhere=True)]


def as_text(written: Sequence[Mapping[str, Any]], why: Mapping[str, str] = WHY) -> str:
    """
    The manifests as YAML, with a comment above each resource that says what it is for.

    Args:
        why: Resource → the words; all others are the routes.
    """
    texts = []
    for one in written:
        resources = {rule["resources"][0] for rule in one.get("rules", ())}
        texts.append(as_yaml(one, why={name: why.get(name, WHY_ROUTES) for name in resources}))
    return "---\n".join(texts)
