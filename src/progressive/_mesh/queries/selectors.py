"""PromQL selectors as values: which labels a series must have.

Floor 3, pure. One condition is written once and used twice: printed into a query, and asked of
the labels of a series that came back. So what is judged is what a person can ask again by hand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import evolve, frozen

_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")

_GENERATED = "[bcdfghjklmnpqrstvwxz2456789]"
"""Characters of the names that Kubernetes makes up (apimachinery, `util/rand`): no vowels, so a
word such as ``primary`` is never taken for one of them."""


@frozen(kw_only=True)
class Label:
    """
    One condition on a label.

    Attributes:
        name: Of the label; one that a series does not have is the empty text, as for Prometheus.
        pattern: The value, or a regular expression that the whole value matches.
        exact: Whether `pattern` is the value itself.
        negated: Whether it must not be so.
    """

    name: str
    pattern: str
    exact: bool
    negated: bool = False

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether a series with these labels fulfils it."""
        value = labels.get(self.name, "")
        if self.exact:
            return (value == self.pattern) is not self.negated
        # Prometheus anchors, and lets a dot stand for a line end as well
        return bool(re.fullmatch(self.pattern, value, re.DOTALL)) is not self.negated

    def denied(self) -> Label:
        """The opposite condition."""
        return evolve(self, negated=not self.negated)

    def __str__(self) -> str:
        relation = ("!=" if self.exact else "!~") if self.negated else "=" if self.exact else "=~"
        return f"{self.name}{relation}{quoted(self.pattern)}"


def equal(name: str, value: str) -> Label:
    """The label has this value."""
    return Label(name=name, pattern=value, exact=True)


def like(name: str, pattern: str) -> Label:
    """The whole value of the label matches this regular expression."""
    return Label(name=name, pattern=pattern, exact=False)


@frozen(kw_only=True)
class Selector:
    """
    An instant vector.

    Attributes:
        metrics: Names; a series has one of them.
        labels: All hold.
    """

    metrics: tuple[str, ...]
    labels: tuple[Label, ...]

    def also(self, *labels: Label) -> Selector:
        """With further conditions."""
        return evolve(self, labels=(*self.labels, *labels))

    def each(self) -> tuple[Selector, ...]:
        """One selector for each metric."""
        return tuple(evolve(self, metrics=(one,)) for one in self.metrics)

    def __str__(self) -> str:
        """
        As PromQL.

        >>> print(Selector(metrics=("a", "b"), labels=(equal("x", "1"),)))
        {__name__=~"a|b",x="1"}
        """
        if len(self.metrics) == 1:
            return f"{self.metrics[0]}{{{','.join(str(one) for one in self.labels)}}}"
        name = like("__name__", "|".join(self.metrics))
        return f"{{{','.join(str(one) for one in (name, *self.labels))}}}"


def quoted(text: str) -> str:
    """A PromQL string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def literal(text: str) -> str:
    r"""
    A text as a regular expression that matches nothing else; RE2 and Python read it alike.

    >>> literal("web.v2-a")
    'web\\.v2-a'
    """
    return _SPECIAL.sub(r"\\\g<0>", text)


def pods(workload: str) -> str:
    """
    A regular expression of the names of a Deployment's or a DaemonSet's pods.

    Those of ``web-primary`` are none of ``web``: the parts that Kubernetes adds have no vowels.
    """
    return f"{literal(workload)}(-{_GENERATED}{{1,10}})?-{_GENERATED}{{5}}"
