"""The Role of a release, with its binding, for `kubectl apply -f -`.

Floor 5, pure. Shown by `progressive rbac`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from progressive._kube.rights import Right, as_yaml, binding, role, rules_of
from progressive._model.release import Document, Traffic
from progressive._release.rights.needs import WHY, WHY_ROUTES, Needs


def manifests(
    needs: Needs, document: Document, home: str | None, subject: Mapping[str, str] | None
) -> list[dict[str, Any]]:
    """
    A Role for each namespace, that of the release first, each with its binding.

    Args:
        home: Namespace of the release; None: nobody names one, so the Role goes where it is
            applied.
        subject: Who gets the Role; None: it is not bound.
    """
    own = home or document.target.namespace
    return _manifests(f"progressive-{document.name}", needs.every, own, home, subject)


def of_route(
    rights: frozenset[Right], traffic: Traffic, home: str | None, subject: Mapping[str, str] | None
) -> list[dict[str, Any]]:
    """The same for `progressive route`; the arguments as those of `manifests`."""
    own = home or traffic.target.namespace
    return _manifests(f"progressive-route-{traffic.name}", rights, own, home, subject)


def _manifests(
    name: str,
    rights: frozenset[Right],
    own: str,
    home: str | None,
    subject: Mapping[str, str] | None,
) -> list[dict[str, Any]]:
    others = sorted({one.namespace for one in rights} - {own})
    found = []
    for place in (own, *others):
        rules = rules_of(one for one in rights if one.namespace == place)
        written = home if place == own else place
        found.append(role(name, written, rules))
        if subject is not None:
            found.append(binding(name, written, subject))
    return found


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
