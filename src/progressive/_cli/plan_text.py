"""The answer of `progressive plan` as text for people.

Floor 5, pure.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from progressive._documents.files import Loaded
from progressive._documents.reading import Reading
from progressive._model.checks import MetricCheck
from progressive._model.release import Problem, Severity

_WIDTH = 100


def plan_text(
    answer: Mapping[str, Any], *, reading: Reading | None, loaded: Loaded, file: str
) -> str:
    """The whole answer; lines of 100 columns, except for names that are longer."""
    problems = [_as_problem(one) for one in answer["problems"]]
    errors = [one for one in problems if one.severity is Severity.ERROR]
    warnings = [one for one in problems if one.severity is not Severity.ERROR]
    lines = [_headline(reading, file, errors, warnings)]
    lines += _problems("errors", errors, loaded, file)
    if answer["valid"] and reading is not None:
        lines += _course(answer, reading)
        lines += _writes(answer)
        lines += _rights(answer["rbac"])
    lines += _problems("warnings", warnings, loaded, file)
    if answer.get("differs_from_flagger"):
        lines += ["", "Unlike Flagger"]
        lines += _bullets(answer["differs_from_flagger"])
    return "\n".join(lines)


def _headline(
    reading: Reading | None, file: str, errors: Sequence[Problem], warnings: Sequence[Problem]
) -> str:
    document = reading.document if reading is not None else None
    what = file if document is None else f"{document.target.namespace}/{document.name}"
    counted = [
        f"{len(found)} {word}{'' if len(found) == 1 else 's'}"
        for found, word in ((errors, "error"), (warnings, "warning"))
        if found
    ]
    said = f", {' and '.join(counted)}" if counted else ""
    return f"{what}: {'not valid' if errors else 'valid'}{said}"


def _course(answer: Mapping[str, Any], reading: Reading) -> Iterator[str]:
    document = reading.document
    if document is None:
        return
    plan = document.plan
    held = _seconds(plan.interval.total_seconds())
    weights = " → ".join(str(one) for one in answer["weights"]) or "none, the analysis is skipped"
    facts = [
        ("strategy", f"{answer['strategy']}, through {document.router}"),
        ("weights", f"{weights} of {plan.total}" if answer["weights"] else weights),
        ("rounds", f"{answer['rounds']}, one after each {held}"),
        ("duration", f"{_seconds(answer['expected_duration_s'])} when every round passes"),
        ("failures", f"{plan.threshold} in all roll back"),
    ]
    yield ""
    for name, value in facts:
        yield from _folded(f"  {name:10} ", value)
    for number, check in enumerate(plan.checks):
        yield from _folded(f"  {'checks' if number == 0 else '':10} ", _check(check))


def _check(check: MetricCheck) -> str:
    low, high = check.at_least, check.at_most
    bounds = [
        f"{sign} {bound:.12g}{check.unit}"
        for sign, bound in ((">=", low), ("<=", high))
        if bound is not None
    ]
    return f"{check.name} {' and '.join(bounds)}"


def _writes(answer: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    if not answer["creates"] and not answer["patches"]:
        yield "Nothing is made or changed now"
        return
    yield "First, in this order"
    for one in answer["creates"]:
        meta = one["metadata"]
        yield f"  + {one['kind']:18} {meta.get('namespace', '')}/{meta['name']}"
    for one in answer["patches"]:
        ref = one["ref"]
        yield f"  ~ {ref['kind']:18} {ref['namespace']}/{ref['name']}"
        for change in _changes(one["patch"]):
            yield from _folded("      ", change)


def _changes(patch: Any) -> Iterator[str]:
    if not isinstance(patch, list):
        yield json.dumps(patch, ensure_ascii=False)
        return
    for operation in patch:
        if operation["op"] == "test":
            continue
        value = json.dumps(operation.get("value"), ensure_ascii=False)
        shown = value if len(value) <= 120 else f"{value[:120]}…"
        yield (
            f"{operation['path']} removed"
            if operation["op"] == "remove"
            else f"{operation['path']} = {shown}"
        )


def _rights(rules: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not rules:
        return
    yield ""
    yield "Rights that the run needs"
    for rule in rules:
        group = rule["apiGroups"][0] or "core"
        resources = ", ".join(rule["resources"])
        yield f"  {resources:26} {group:22} {' '.join(rule['verbs'])}"


def _problems(title: str, problems: Sequence[Problem], loaded: Loaded, file: str) -> Iterator[str]:
    if not problems:
        return
    yield ""
    yield title.capitalize()
    for one in problems:
        place = loaded.line_of(one)
        where = f"{file}:{place[0]}:{place[1]}  " if place is not None else ""
        yield from _folded("  - ", f"{where}{one} [{one.id}]", rest="    ")


def _bullets(lines: Iterable[str]) -> Iterator[str]:
    for one in lines:
        yield from _folded("  - ", one, rest="    ")


def _folded(start: str, text: str, *, rest: str | None = None) -> list[str]:
    """Text after `start`, folded under itself."""
    folded = textwrap.wrap(
        text, _WIDTH - len(start), break_long_words=False, break_on_hyphens=False
    )
    later = " " * len(start) if rest is None else rest
    return [f"{start if n == 0 else later}{line}" for n, line in enumerate(folded or [""])]


def _seconds(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60 or seconds != whole:
        return f"{seconds:g} s"
    hours, minutes, left = whole // 3600, whole % 3600 // 60, whole % 60
    parts = ((hours, "h"), (minutes, "min"), (left, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


def _as_problem(told: Mapping[str, Any]) -> Problem:
    return Problem(
        id=told["id"],
        severity=Severity(told["severity"]),
        path=told["path"],
        message=told["message"],
        document=told.get("document"),
    )
