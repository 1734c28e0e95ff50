"""What is sent is what was meant, spelled as the API server spells it."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from progressive._adapters.cluster.link import spelled

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters()),
    lambda below: st.lists(below) | st.dictionaries(st.text(st.characters()), below),
    max_leaves=20,
)


@given(ANYTHING)
def test_nothing_is_lost_by_the_spelling(body: object) -> None:
    """
    Half of a surrogate pair among it, which no encoding of Unicode can carry.
    """
    assert body == json.loads(spelled(body))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_byte_is_left_that_go_would_write_otherwise(text: str) -> None:
    """
    Else the test of a patch fails for ever, though nobody wrote the object.
    """
    written = spelled({"a": text}).decode()

    assert not set("<>&\u2028\u2029") & set(written)
    assert all(f"\\u{ord(one):04x}" not in written for one in text if ord(one) > 0x2029)
