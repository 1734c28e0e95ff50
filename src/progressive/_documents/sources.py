"""Where the objects are found that a release refers to: beside it in the file, or in the cluster.

Floor 3, pure; the cluster is asked through a function of the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen

from progressive._documents.findings import Findings, Rule
from progressive._documents.shapes import Shape

Lookup = Callable[[str, str, str], Mapping[str, Any] | None]
"""``(kind, namespace, name)`` → the object of `flagger.app/v1beta1`, or None."""


@frozen(kw_only=True)
class Place:
    """Who refers: its path, the namespace of its document, and where faults are told."""

    path: str
    namespace: str
    findings: Findings


@frozen(kw_only=True)
class Beside:
    """
    An object of the same file.

    Attributes:
        spec: Its sound fields.
        document: Its index in the file; None: see `Findings`.
    """

    spec: Mapping[str, Any]
    document: int | None


@frozen(kw_only=True)
class Found:
    """
    An object that was referred to.

    Attributes:
        spec: Its sound fields.
        findings: Where further faults of it are told.
        instead: The path at which they are told; empty: their own, in its own document.
    """

    spec: Mapping[str, Any]
    findings: Findings
    instead: str

    def error(self, path: str, message: str, rule: Rule) -> None:
        """A fault of this object, at `path` in it."""
        self.findings.error(*self._placed(path, message), rule)

    def warn(self, path: str, message: str, rule: Rule = Rule.IGNORED) -> None:
        """Something strange about this object, at `path` in it."""
        self.findings.warn(*self._placed(path, message), rule)

    def _placed(self, path: str, message: str) -> tuple[str, str]:
        return (self.instead, f"{path} of it: {message}") if self.instead else (path, message)


@frozen(kw_only=True)
class Sources:
    """
    Everything that a release may refer to.

    Attributes:
        namespace: Of documents that name none.
        beside: ``(kind, namespace, name)`` → object of the file.
        lookup: Asks the cluster; None: there is none to ask.
    """

    namespace: str = "default"
    beside: Mapping[tuple[str, str, str], Beside] = field(factory=dict, hash=False)
    lookup: Lookup | None = None

    def find(
        self, kind: str, shape: Shape, reference: Mapping[str, Any], at: Place
    ) -> Found | None:
        """
        The object that `reference` names, from the file before the cluster.

        Returns None after an error at the reference: it is not sound, or the object is not, or
        the object is nowhere.
        """
        if at.findings.broken(at.path):
            return None
        name = reference["name"]
        namespace = reference.get("namespace") or at.namespace
        if (beside := self.beside.get((kind, namespace, name))) is not None:
            return Found(spec=beside.spec, findings=at.findings.of(beside.document), instead="")
        looked = None if self.lookup is None else self.lookup(kind, namespace, name)
        if not isinstance(looked, Mapping):
            where = (
                "is not in the file, and no cluster was asked"
                if self.lookup is None
                else "is neither in the file nor in the cluster"
            )
            words = f"the {kind} {namespace}/{name} {where}"
            at.findings.error(at.path, words, Rule.NOT_FOUND)
            return None
        return self._sound(kind, shape, looked, at)

    def _sound(
        self, kind: str, shape: Shape, looked: Mapping[str, Any], at: Place
    ) -> Found | None:
        scratch = Findings()
        clean = shape(looked, "", scratch)
        if scratch.problems:
            words = f"the {kind} in the cluster is not valid: {scratch.problems[0]}"
            at.findings.error(at.path, words)
            return None
        return Found(spec=clean["spec"], findings=at.findings, instead=at.path)
