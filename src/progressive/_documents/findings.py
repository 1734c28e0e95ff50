"""Collects what is wrong or strange in a document, while it is read.

Floor 3, pure. One `Findings` goes through a whole reading; `of()` gives the view for one document
of a file with several.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from attrs import evolve

from progressive._model.release import Problem, Severity
from progressive._redaction import names_a_secret, redacted

_VALUE = re.compile(r"^(?:\".*?\"|\S+)(?= \((?:text|a number|yes or no)\))")
"""A value as `shapes.described` shows it."""


class Rule(StrEnum):
    """Stable names of what can be wrong; those from PD101 on are rules about good releases."""

    SYNTAX = "PD001"
    """The file is not YAML, or not a list of documents."""
    UNKNOWN = "PD002"
    """A field, a kind or a name that does not exist."""
    VALUE = "PD003"
    """A value of the wrong type, or outside its range."""
    MISSING = "PD004"
    """Something that must be there is not."""
    UNSUPPORTED = "PD005"
    """Something that would change the release and that this version cannot do."""
    IGNORED = "PD006"
    """A field that has no effect here; always a warning."""
    DEPRECATED = "PD007"
    """An old form that still works; always a warning."""
    NOT_FOUND = "PD008"
    """A reference to an object that exists nowhere."""
    CONTRADICTION = "PD009"
    """Two fields that exclude each other."""
    NO_CHECKS = "PD101"
    """A release that cannot fail."""
    BOUND = "PD102"
    """A metric without a bound, or with one that cannot be meant."""
    WINDOW = "PD103"
    """A window that is longer than the interval."""
    WEIGHTS = "PD204"
    """Weights that cannot be walked through."""
    MESH_ONLY = "PD206"
    """A route without gateways serves the mesh only."""
    TARGET = "PD207"
    """Something about the target that its owner should know; always a warning."""
    OWNED = "PD401"
    """Another controller or another document releases the same target."""
    RIGHTS = "PD501"
    """The cluster does not let us look."""
    CLUSTER = "PD502"
    """The cluster lacks what the release needs, or refuses it."""


class Findings:
    """
    Problems in the order in which they were found.

    Args:
        document: Index of the document that paths start in; None: the file has one only.
    """

    def __init__(self, document: int | None = None) -> None:
        self._document = document
        self._found: list[Problem] = []

    def of(self, document: int | None) -> Findings:
        """The same collection, for faults of another document."""
        view = Findings(document)
        view._found = self._found
        return view

    def error(
        self, path: str, message: str, rule: Rule = Rule.VALUE, *, also: bool = False
    ) -> None:
        """
        Something that stops everything.

        At one path only the first fault is told, for later ones mostly follow from it; `also`
        says that this one does not.
        """
        told = (
            one.path
            for one in self._found
            if one.document == self._document and one.severity is Severity.ERROR
        )
        if also or rule is Rule.UNSUPPORTED or not path or path not in told:
            self._add(Severity.ERROR, path, message, rule)

    def adopt(self, problems: Iterable[Problem]) -> None:
        """Take over what was found apart, as found in this document."""
        self._found.extend(evolve(one, document=self._document) for one in problems)

    def warn(self, path: str, message: str, rule: Rule = Rule.IGNORED) -> None:
        """Something that the author should know."""
        self._add(Severity.WARNING, path, message, rule)

    def broken(self, path: str) -> bool:
        """Whether an error was found at `path` of this document, or below it."""
        return any(
            one.severity is Severity.ERROR
            and one.document == self._document
            and (one.path == path or one.path.startswith((f"{path}.", f"{path}[")))
            for one in self._found
        )

    @property
    def failed(self) -> bool:
        """Whether any error was found, in any document."""
        return any(one.severity is Severity.ERROR for one in self._found)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All of them, errors first."""
        return tuple(sorted(self._found, key=lambda one: one.severity is not Severity.ERROR))

    def _add(self, severity: Severity, path: str, message: str, rule: Rule) -> None:
        self._found.append(
            Problem(
                id=rule.value,
                severity=severity,
                path=path,
                message=_without_secrets(path, message),
                document=self._document,
            )
        )


def _without_secrets(path: str, message: str) -> str:
    """A message that begins with the value at `path` does so without it if that is a secret."""
    if names_a_secret(path.rpartition(".")[2]):
        message = _VALUE.sub("a value", message)
    return redacted(message)
