"""What holds for every object of every proxy, whatever stands in it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.mesh.mutations import carried_out
from tests.unit.mesh.proxies.expected import RULES
from tests.unit.mesh.proxies.worlds import PROXIES, TARGET
from tests.unit.mesh.proxies.writing import FIXED, same

from progressive._model.traffic import Match, Split, TextMatch
from progressive.errors import InvalidRequest, InvalidWeight

WEIGHTS = st.none() | st.integers(-1, 1000)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=8)
CONDITIONS = st.one_of(
    st.builds(lambda one: TextMatch(exact=one), TEXTS),
    st.builds(lambda one: TextMatch(prefix=one), TEXTS.filter(bool)),
)
NAMES = st.from_regex("[a-z][a-z0-9-]{0,5}", fullmatch=True)
MATCHES = st.lists(
    st.builds(
        lambda headers, cookies, query: Match(headers=headers, cookies=cookies, query=query),
        st.dictionaries(
            NAMES.filter(lambda one: one != "cookie"), CONDITIONS, min_size=1, max_size=2
        ),
        st.dictionaries(NAMES, CONDITIONS, max_size=2),
        st.dictionaries(NAMES, CONDITIONS, max_size=2),
    ),
    min_size=1,
    max_size=3,
)


@pytest.mark.parametrize("name", sorted(PROXIES))
@settings(deadline=None)
@given(weights=st.tuples(WEIGHTS, WEIGHTS, WEIGHTS), total=st.integers(1, 2000), data=st.data())
def test_a_write_is_read_back_and_is_not_repeated(
    name: str, weights: tuple[Any, Any, Any], total: int, data: st.DataObject
) -> None:
    """
    And the way home arrives from there, changing weights alone.
    """
    total = 100 if name in FIXED else total
    split = Split(canary=data.draw(st.integers(0, total)), total=total)
    codec, objects = PROXIES[name].codec, PROXIES[name].made(*weights)
    untouched = copy.deepcopy(objects)
    try:
        after = carried_out(objects, codec.write(objects, TARGET, split))
    except (InvalidWeight, InvalidRequest):
        # no room beside the third destination, or its weight means nothing
        assert weights[2] not in (None, 0)
        return
    home = carried_out(after, codec.reset(after, TARGET, total=total))

    assert untouched == objects
    assert codec.read(after, TARGET, total=total).shows(split)
    assert () == codec.write(after, TARGET, split)
    assert 0 == codec.read(home, TARGET).canary
    assert () == codec.reset(home, TARGET)


@pytest.mark.parametrize(
    "name",
    sorted(RULES),
)
@settings(deadline=None)
@given(match=MATCHES, canary=st.integers(1, 100))
def test_a_match_comes_and_goes_without_a_trace(
    name: str, match: list[Match], canary: int
) -> None:
    """
    Whatever texts its conditions hold: no rule is taken for another, and none is left.
    """
    codec, before = PROXIES[name].codec, PROXIES[name].made(100, 0, None)
    split = Split(canary=canary, match=match)
    after = carried_out(before, codec.write(before, TARGET, split))
    other = Split(canary=101 - canary, match=match[:1])
    changed = carried_out(after, codec.write(after, TARGET, other))

    assert codec.read(after, TARGET).shows(split)
    assert () == codec.write(after, TARGET, split)
    assert codec.read(changed, TARGET).shows(other)
    assert same(before, carried_out(changed, codec.reset(changed, TARGET)))
