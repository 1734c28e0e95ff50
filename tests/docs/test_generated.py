"""The parts of the reference that are made from the code are current."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.docs.generated import GENERATED, generated_pages, render
from tests.docs.snippets import ROOT

from progressive._analysis.machine import ANSWERS


@pytest.mark.parametrize("page", generated_pages(), ids=lambda page: page.name)
def test_a_generated_page_is_current(page: Path) -> None:
    """
    Readers rely on the reference; after a change write it anew:
    ``python -m tests.docs.generated``.
    """
    assert render(page) == page.read_text(encoding="utf-8")


def test_every_generated_part_is_on_a_page() -> None:
    """
    A gate that can find nothing must fail.
    """
    text = "".join(page.read_text(encoding="utf-8") for page in generated_pages())

    assert {"api.md", "cli.md", "state-machine.md"} <= {page.name for page in generated_pages()}
    for name in GENERATED:
        assert 1 == text.count(f"<!-- generated: {name} -->"), name


def test_the_diagram_shows_the_table_of_answers() -> None:
    """
    The law of the machine is the table; the page must show each of its rows.
    """
    text = (ROOT / "docs" / "reference" / "state-machine.md").read_text(encoding="utf-8")

    for (phase, order, why), (answer, _) in ANSWERS.items():
        shown = f"`{order.__name__}`" + (f" ({why})" if why is not None else "")
        assert f"| {phase} | {shown} | `{answer.__name__}` |" in text
        assert f"{phase} -->" in text
