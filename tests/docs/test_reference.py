"""The reference names what there is: keys, words, fields, and rules."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.docs.snippets import ROOT

import progressive
from progressive import Outcome, Reason, Report
from progressive._documents.findings import Rule
from progressive._documents.flagger.fields import CANARY
from progressive._scenario.reading import _SCENARIO

REFERENCE = ROOT / "docs" / "reference"


def _page(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text(encoding="utf-8")


def _first_cells(text: str) -> set[str]:
    """Words in backticks in the first cells of all tables."""
    cells = re.findall(r"^\| ([^|]*) \|", text, flags=re.MULTILINE)
    return {word for cell in cells for word in re.findall(r"`([\w.-]+)`", cell)}


def test_every_key_of_a_report_is_told() -> None:
    """
    Programs are written against the keys.
    """
    assert set(Report().to_dict()) <= _first_cells(_page("report"))


def test_every_outcome_is_told_with_its_exit_code() -> None:
    """
    Pipelines branch on it.
    """
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", _page("report"), flags=re.MULTILINE)

    assert {str(one): one.exit_code for one in Outcome} == {a: int(b) for a, b in rows}


def test_the_page_for_pipelines_tells_the_same_exit_codes() -> None:
    """
    It is the page that is read.
    """
    page = (ROOT / "docs" / "how-to" / "run-from-a-pipeline.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", page, flags=re.MULTILINE)
    told = {word: int(code) for code, cell in rows for word in re.findall(r"`(\w+)`", cell)}

    assert {str(one): one.exit_code for one in Outcome} == told


@pytest.mark.parametrize("page", ["reference/report", "how-to/when-it-rolled-back"])
def test_every_reason_is_told(page: str) -> None:
    """
    Somebody searches for the word, at night.
    """
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")

    assert [] == [one for one in Reason if f"`{one}`" not in text]


def test_every_kind_of_event_is_told() -> None:
    """
    The kinds are found in the rules of the machine, as they are written there.
    """
    rules = (ROOT / "src" / "progressive" / "_analysis").glob("*.py")
    source = "".join(path.read_text(encoding="utf-8") for path in rules)
    kinds = set(re.findall(r"\bnote\(\s*\"([\w-]+)\"", source))
    line = next(one for one in _page("report").splitlines() if "`going-home`" in one)

    assert len(kinds) > 10
    assert kinds == set(re.findall(r"`([\w-]+)`", line))


def test_every_field_of_a_canary_is_told() -> None:
    """
    What is honoured, and what is not, must be known before a migration.
    """
    told = _first_cells(_page("documents"))
    spec: Any = CANARY.fields["spec"]
    analysis = spec.fields["analysis"]
    records = (spec, spec.fields["service"], analysis, analysis.fields["metrics"].item)
    fields = {name for record in records for name in record.fields}

    assert len(fields) > 50
    assert [] == sorted(fields - told)


def test_every_rule_is_told() -> None:
    """
    A message names its rule, so that it can be looked up.
    """
    rows = re.findall(r"^\| (PD\d+) \|", _page("documents"), flags=re.MULTILINE)

    assert [one.value for one in Rule] == rows


def test_every_key_of_a_scenario_is_told() -> None:
    """
    A key that nobody knows is never used.
    """
    assert set(_SCENARIO.fields) <= _first_cells(_page("scenario"))


def test_the_changelog_is_about_this_version() -> None:
    """
    Whoever upgrades reads the top of it.
    """
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[?([\w.]+)\]?", text, flags=re.MULTILINE)
    released = [one for one in versions if one != "Unreleased"]

    assert progressive.__version__ == released[0]
