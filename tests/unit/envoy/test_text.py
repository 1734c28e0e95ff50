"""`_adapters/envoy/text.py`: one number changes, and no byte beside it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from progressive._adapters.envoy import text
from progressive._mesh.envoy import Path
from progressive.errors import InvalidRequest, Unsupported

YAML = """\
# owned by the platform team
resources:
- name: shop   # do not rename
  note: "ä, 中, 🙂 before the number"
  weights: [ {weight: 100}, {weight: "0"} ]\r
  last: 7"""


def test_comments_layout_and_line_ends_of_yaml_stay() -> None:
    """
    R1: every other byte stays; comments are why people write YAML.
    """
    changed = text.replaced(
        YAML,
        "r.yaml",
        {
            ("resources", 0, "weights", 1, "weight"): 20,
            ("resources", 0, "weights", 0, "weight"): 80,
        },
    )

    assert YAML.replace("100", "80").replace('"0"', "20") == changed


def test_tabs_and_escapes_of_json_stay() -> None:
    """
    Tabs are plain white space in JSON, and an error in YAML.
    """
    before = '{\t"a\\/b": "\\ud83d\\ude00\\t",\r\n\t"weight"\t:\t5 }\n'

    assert before.replace("5", "60") == text.replaced(before, "r.json", {("weight",): 60})


def test_of_a_key_that_is_there_twice_the_last_one_counts() -> None:
    """
    Measured on Envoy 1.40: it reads the last one.
    """
    changed = text.replaced('{"w": 1, "w": 2}', "r.json", {("w",): 9})

    assert '{"w": 1, "w": 9}' == changed


def test_an_anchor_is_not_changed_behind_its_back() -> None:
    """
    One number that stands for several would move other traffic too.
    """
    before = "a: &w {weight: 5}\nb: *w\n"

    with pytest.raises(Unsupported, match="anchor"):
        text.replaced(before, "r.yaml", {("a", "weight"): 6})


def test_a_merged_key_is_refused() -> None:
    """
    A value that comes from elsewhere has no place of its own to change.
    """
    before = "base: &b {weight: 5}\nuse:\n  <<: *b\n  name: x\n"

    with pytest.raises(InvalidRequest, match=r"use\.weight"):
        text.replaced(before, "r.yaml", {("use", "weight"): 6})


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("r.json", "{"),
        ("r.json", ""),
        ("r.json", "{'a': 1}"),
        ("r.yaml", "a: [1"),
        ("r.yaml", "a: 1\n---\nb: 2\n"),
        ("r.yaml", "a: \x01"),
        ("r.yaml", "!!python/object:os.system {}"),
        ("r.json", "[" * 100_000),
    ],
)
def test_what_cannot_be_parsed_is_refused_with_the_name(name: str, broken: str) -> None:
    """
    The parser's errors never leave the adapter.
    """
    with pytest.raises(InvalidRequest, match=name):
        text.parse(broken, name)


def test_an_empty_yaml_has_no_places() -> None:
    """
    It parses (to nothing), so the refusal comes with the edit.
    """
    with pytest.raises(InvalidRequest, match="empty"):
        text.replaced("# nothing\n", "r.yaml", {("a",): 1})


leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()


@given(
    value=st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
        ),
        max_leaves=15,
    ),
    number=st.integers(0, 2**32),
    indent=st.sampled_from([None, 0, 2, "\t"]),
    escaped=st.booleans(),
)
def test_any_json_keeps_all_but_the_number(
    value: Any, number: int, indent: int | str | None, escaped: bool
) -> None:
    """
    The place is found by a YAML parser; this holds it to JSON, whatever stands around it.
    """
    whole = {"before": value, "list": [{"weight": 1}, value], "after": value}
    before = json.dumps(whole, indent=indent, ensure_ascii=escaped)
    path: Path = ("list", 0, "weight")

    try:
        changed = text.replaced(before, "r.json", {path: number})
    except InvalidRequest:  # characters that YAML has none of; refused, never mangled
        assert not escaped
        return

    whole["list"][0]["weight"] = number
    assert json.dumps(whole, indent=indent, ensure_ascii=escaped) == changed
