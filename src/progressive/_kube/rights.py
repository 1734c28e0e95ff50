"""Decides which rights a Role grants, which it must hold, and how the missing ones are written.

Floor 3, pure. Rights are what the API server's RBAC authorizer decides by: a verb on a resource of
a group in a namespace, of one name or of any. `_release/rights.py` says which ones a release
needs, `_adapters/cluster/reviews.py` asks which ones the user has.
Source: Kubernetes manual, "Using RBAC Authorization", and "API Concepts" on `resourceNames`: a
list or a watch with the field selector ``metadata.name=NAME`` is a request about that name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

_GROUP = "rbac.authorization.k8s.io"

Manifest = dict[str, Any]
Rule = Mapping[str, Any]
"""A rule as Roles and reviews have it: apiGroups, resources, verbs, resourceNames."""


@frozen(kw_only=True, order=True)
class Right:
    """
    One thing that may be done.

    Attributes:
        namespace: Where.
        group: API group; empty for the core group.
        resource: Plural, with its subresource after a slash, such as ``deployments/scale``.
        verb: ``get list watch create update patch delete``.
        name: Of the one object; empty: of any, and for `create`, which has no name yet.
        guessed: The object may have another name: a rule for any name is then as good.
    """

    namespace: str
    group: str
    resource: str
    verb: str
    name: str = ""
    guessed: bool = False

    def __str__(self) -> str:
        of = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {of}" + (f"/{self.name}" if self.name else "")


def granted(right: Right, rules: Iterable[Rule]) -> bool:
    """Whether one of the rules, all of the right's namespace, allows it."""
    return any(_allows(one, right) for one in rules)


def _allows(rule: Rule, right: Right) -> bool:
    names = rule.get("resourceNames") or ()
    return (
        _holds(rule.get("verbs"), right.verb)
        and _holds(rule.get("apiGroups"), right.group)
        and _holds_resource(rule.get("resources"), right.resource)
        and (not names or right.guessed or (bool(right.name) and right.name in names))
    )


def _holds(listed: Sequence[str] | None, one: str) -> bool:
    return one in (listed or ()) or "*" in (listed or ())


def _holds_resource(listed: Sequence[str] | None, one: str) -> bool:
    _, slash, subresource = one.partition("/")
    return _holds(listed, one) or (bool(slash) and f"*/{subresource}" in (listed or ()))


def rules_of(rights: Iterable[Right]) -> list[Manifest]:
    """
    The rights of one namespace as rules of a Role, no wider than they are.

    One resource a rule; names with the same verbs share one.
    """
    verbs: dict[tuple[str, str, str], set[str]] = {}
    for one in rights:
        verbs.setdefault((one.group, one.resource, one.name), set()).add(one.verb)
    names: dict[tuple[str, str, bool, tuple[str, ...]], list[str]] = {}
    for (group, resource, name), allowed in sorted(verbs.items()):
        # what is allowed for every name need not be said for one
        narrower = allowed - verbs.get((group, resource, ""), set()) if name else allowed
        if narrower:
            key = (group, resource, bool(name), tuple(sorted(narrower)))
            names.setdefault(key, []).append(name)
    return [
        {
            "apiGroups": [group],
            "resources": [resource],
            **({"resourceNames": of} if named else {}),
            "verbs": list(allowed_verbs),
        }
        for (group, resource, named, allowed_verbs), of in sorted(names.items())
    ]


def rights_in(rules: Iterable[Rule], *, namespace: str) -> frozenset[Right]:
    """Every single right that rules without wildcards grant."""
    return frozenset(
        Right(namespace=namespace, group=group, resource=resource, verb=verb, name=name)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames") or [""]
    )


def role(
    name: str, namespace: str | None, rules: Sequence[Rule], *, everywhere: bool = False
) -> Manifest:
    """A Role; without `namespace` it goes where it is applied. `everywhere`: a ClusterRole."""
    return {
        "apiVersion": f"{_GROUP}/v1",
        "kind": _kind("Role", everywhere=everywhere),
        "metadata": _metadata(name, namespace),
        "rules": [dict(one) for one in rules],
    }


def binding(
    name: str, namespace: str | None, subject: Mapping[str, str], *, everywhere: bool = False
) -> Manifest:
    """The binding that gives the Role, or ClusterRole, of the same name to a subject."""
    of = {"apiGroup": _GROUP, "kind": _kind("Role", everywhere=everywhere), "name": name}
    return {
        "apiVersion": f"{_GROUP}/v1",
        "kind": _kind("RoleBinding", everywhere=everywhere),
        "metadata": _metadata(name, namespace),
        "roleRef": of,
        "subjects": [dict(subject)],
    }


def _kind(kind: str, *, everywhere: bool) -> str:
    return f"Cluster{kind}" if everywhere else kind


def _metadata(name: str, namespace: str | None) -> Manifest:
    labels = {"app.kubernetes.io/managed-by": "progressive"}
    return {"name": name, **({"namespace": namespace} if namespace else {}), "labels": labels}


def as_yaml(manifest: Mapping[str, Any], *, why: Mapping[str, str] | None = None) -> str:
    """
    A manifest as YAML, texts in quotation marks and lists of texts on one line.

    Args:
        why: Resource → words that stand as a comment above its first rule.
    """
    said = dict(why or {})
    lines: list[str] = []
    for key, value in manifest.items():
        if key == "rules" and value:
            lines += ["rules:", *_rules(value, said)]
        else:
            lines += _entry(key, value, "")
    return "\n".join(lines) + "\n"


def rules_as_yaml(rules: Sequence[Rule]) -> str:
    """Rules alone, to be pasted below ``rules:`` of a Role."""
    return "\n".join(_rules(rules, {}))


def _rules(rules: Sequence[Rule], said: dict[str, str]) -> Iterator[str]:
    for rule in rules:
        if words := said.pop(rule["resources"][0], ""):
            yield f"# {words}"
        yield from _item(rule, "")


def _item(mapping: Mapping[str, Any], indent: str) -> Iterator[str]:
    lines = [line for key, value in mapping.items() for line in _entry(key, value, f"{indent}  ")]
    yield f"{indent}- {lines[0].strip()}"
    yield from lines[1:]


def _entry(key: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield f"{indent}{key}:"
        for inner, deeper in value.items():
            yield from _entry(inner, deeper, f"{indent}  ")
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        yield f"{indent}{key}:"
        for one in value:
            yield from _item(one, indent)
    else:
        # JSON is YAML: quoted texts need no rules about what a bare word means
        bare = isinstance(value, str) and key in ("apiVersion", "kind", "apiGroup")
        written = value if bare else json.dumps(value, ensure_ascii=False)
        yield f"{indent}{key}: {written}"
