"""The answer of `progressive route` as text for people: what changes, line by line.

Floor 5, pure.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

import click

from progressive._documents.files import yaml_text
from progressive._model.traffic import Observed
from progressive._redaction import redacted
from progressive._release.route.answer import Routed, warning
from progressive._release.route.order import Order

_NOT_SHOWN = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp")
"""What the API server writes at every change; in a review it only hides the change."""

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def route_text(told: Routed, order: Order, *, colour: bool) -> str:
    """Each changed object as a unified diff of its YAML, then the split in one line."""
    lines: list[str] = []
    for before, after in told.before:
        lines += [_coloured(line) if colour else line for line in _diff(before, after)]
    lines += [f"{one['type']}: {one['message']}" for one in map(warning, told.warnings)]
    if told.note:
        lines.append(told.note)
    changed = "" if order.read else " (changed)" if told.changed else " (nothing to change)"
    lines.append(f"{_split(told.observed)}{changed}")
    return "\n".join(redacted(line) for line in lines)


def _split(observed: Observed) -> str:
    said = f"canary {observed.canary} of {observed.total}"
    if observed.mirror is not None:
        said += f", mirror {observed.mirror:g} percent"
    if observed.matched:
        said += ", a managed rule stands"
    return said


def _diff(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Iterator[str]:
    name = _name(after or before or {})
    old, new = ([] if one is None else _lines(one) for one in (before, after))
    yield from difflib.unified_diff(
        old,
        new,
        fromfile=f"{name} before" if old else "nothing",
        tofile=f"{name} after" if new else "nothing",
        lineterm="",
    )


def _name(manifest: Mapping[str, Any]) -> str:
    meta = manifest.get("metadata") or {}
    place = f"{meta['namespace']}/" if meta.get("namespace") else ""
    return f"{manifest.get('kind')} {place}{meta.get('name')}"


def _lines(manifest: Mapping[str, Any]) -> list[str]:
    meta = {key: one for key, one in manifest["metadata"].items() if key not in _NOT_SHOWN}
    shown = {**manifest, "metadata": meta}
    shown.pop("status", None)
    return yaml_text(shown).splitlines()


def _coloured(line: str) -> str:
    return click.style(line, fg=_COLOURS[line[0]]) if line[:1] in _COLOURS else line
