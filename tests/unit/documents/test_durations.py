from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from progressive._documents.durations import duration_text, parse_duration
from progressive.errors import SpecError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("1m", 60),
        ("1m30s", 90),
        ("1h", 3600),
        ("500ms", 0.5),
        ("1.5h", 5400),
        (".5m", 30),
        ("1h0m0s", 3600),
        ("250us", 0.00025),
    ],
)
def test_durations_are_read_as_go_reads_them(text: str, seconds: float) -> None:
    """Documents are shared with Flagger, whose parser is Go's."""
    assert timedelta(seconds=seconds) == parse_duration(text)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "60",
        "soon",
        "1x",
        "-5s",
        "s",
        "1m 30s",
        "0s",
        "0",
        "٣s",
        "1d",
        True,
        None,
        [],
        {},
        "1e3s",
    ],
)
def test_what_is_no_time_to_wait_is_refused(value: object) -> None:
    """A hold that means nothing would let every round follow at once, or never."""
    with pytest.raises(SpecError):
        parse_duration(value)


@pytest.mark.parametrize(("value", "wanted"), [(30, "write 30s"), ("60", "write 60s")])
def test_a_number_without_a_unit_is_told_what_to_write(value: object, wanted: str) -> None:
    """YAML makes a number of `interval: 30`; the author means seconds."""
    with pytest.raises(SpecError, match=wanted):
        parse_duration(value)


def test_a_duration_cannot_overflow_a_date() -> None:
    """Deadlines are added to instants."""
    with pytest.raises(SpecError, match="ten years"):
        parse_duration("100000h")
    with pytest.raises(SpecError):
        parse_duration(10**400)


@given(st.integers(min_value=1, max_value=300_000_000))
def test_what_is_written_is_read_back(seconds: int) -> None:
    """Messages name durations; people copy them into documents."""
    length = timedelta(seconds=seconds)

    assert length == parse_duration(duration_text(length))


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused_with_words(text: str) -> None:
    """No text makes the reader fail in another way."""
    with suppress(SpecError):
        assert parse_duration(text) > timedelta(0)
