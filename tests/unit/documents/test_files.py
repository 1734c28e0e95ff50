from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from progressive._documents.files import load_file, load_yaml, load_yaml_file
from progressive._documents.reading import read_documents


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\n\tb: 2\n", "x.yaml:2:1: a tab"),
        ("a: 1\nb: 2\na: 3\n", "x.yaml:3:1: the key a is there twice, first in line 1"),
        ("a:\n  - b: 1\n    b: 2\n", "x.yaml:3:5: the key b"),
        ("- a\n", "x.yaml:1:1: a document must be a mapping"),
        ("text", "x.yaml:1:1: a document must be a mapping"),
        ("", "x.yaml: is empty"),
        ("---\n---\n# nothing\n", "x.yaml: is empty"),
        ("a: [1\n", "x.yaml:2:1"),
        ("a: !!python/object:os.system {}\n", "x.yaml:1:4"),
        ("? [a]\n: 1\n", "x.yaml:1:3: a key must be text"),
        ("a: &x\n  b: *x\n", "holds itself"),
        (f"a: {'[' * 70}{']' * 70}\n", "64 levels"),
        (f"a: {'[' * 5000}", "nested too deep"),
        ("a: 2026-99-99\n", "x.yaml:1"),
        ("a: \x00\n", "x.yaml"),
    ],
)
def test_what_is_no_yaml_is_told_with_its_line(text: str, words: str) -> None:
    """An editor can jump to it."""
    loaded = load_yaml(text, name="x.yaml")

    assert () == loaded.documents
    assert words in loaded.problems[0].message


def test_every_repeated_key_is_told() -> None:
    """YAML takes the last one silently; the author may have meant the first."""
    assert 2 == len(load_yaml("a: 1\na: 2\nb: {c: 1, c: 2}\n").problems)


def test_repetition_does_not_fill_the_memory() -> None:
    """A file of ten lines can mean billions of values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    loaded = load_yaml("\n".join(lines))

    assert "repeats itself" in loaded.problems[0].message


def test_anchors_and_several_documents() -> None:
    """They are YAML, and people use them."""
    loaded = load_yaml("a: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2}\n---\n---\nf: 1\n")

    assert ({"a": {"b": 1}, "c": {"b": 1}, "d": {"b": 1, "e": 2}}, {"f": 1}) == loaded.documents
    assert () == loaded.problems


def test_a_problem_finds_its_line() -> None:
    """A path is exact, and a line is faster."""
    text = "kind: Canary\napiVersion: flagger.app/v1beta1\nspec:\n  analysis:\n    intervall: 1\n"
    loaded = load_yaml(text)
    found = {one.path: loaded.line_of(one) for one in read_documents(loaded.documents).problems}

    assert (5, 5) == found["spec.analysis.intervall"]
    assert (3, 1) == found["spec.targetRef"]
    assert found["metadata"] is None


def test_files(tmp_path: Path) -> None:
    """A file that cannot be read is a fault of the input, not of the program."""
    good, strange = tmp_path / "good.yaml", tmp_path / "strange.yaml"
    good.write_bytes("\ufeffa: ü\n".encode())
    strange.write_bytes(b"\xff\xfe\x00")

    assert ({"a": "ü"},) == load_file(good).documents
    assert (({"a": "ü"},), ()) == load_yaml_file(str(good))
    assert "UTF-8" in load_file(strange).problems[0].message
    assert "No such file" in load_file(tmp_path / "none.yaml").problems[0].message
    assert "directory" in load_file(tmp_path).problems[0].message


@given(st.text(alphabet="ab: -[]{}&*!|>'\"#\n\t,?%@0.", max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever an editor leaves behind."""
    loaded = load_yaml(text)

    assert bool(loaded.documents) != bool(loaded.problems)
    assert len(loaded.lines) == len(loaded.documents)
