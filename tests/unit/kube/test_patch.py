"""JSON patches, as the API server applies them."""

from __future__ import annotations

import pickle
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from progressive._kube.patch import PatchRefused, apply, merge, pointer, read, same

keys = st.text("ab/~", max_size=2)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | keys,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("before", "operation", "after"),
    [
        ({"a": 1}, {"op": "add", "path": "/b", "value": 2}, {"a": 1, "b": 2}),
        ({"a": 1}, {"op": "add", "path": "/a", "value": 2}, {"a": 2}),
        ({"a": [1, 3]}, {"op": "add", "path": "/a/1", "value": 2}, {"a": [1, 2, 3]}),
        ({"a": [1]}, {"op": "add", "path": "/a/-", "value": 2}, {"a": [1, 2]}),
        ({"a": [1]}, {"op": "add", "path": "/a/1", "value": 2}, {"a": [1, 2]}),
        ({"a": 1}, {"op": "add", "path": "", "value": [7]}, [7]),
        ({"a": 1, "b": 2}, {"op": "remove", "path": "/a"}, {"b": 2}),
        ([1, 2, 3], {"op": "remove", "path": "/1"}, [1, 3]),
        ({"a": [1, 2]}, {"op": "replace", "path": "/a/1", "value": None}, {"a": [1, None]}),
        ({"a": {"b": 1}}, {"op": "move", "from": "/a/b", "path": "/c"}, {"a": {}, "c": 1}),
        ([1, 2, 3], {"op": "move", "from": "/0", "path": "/2"}, [2, 3, 1]),
        ({"a": [1]}, {"op": "copy", "from": "/a", "path": "/b"}, {"a": [1], "b": [1]}),
        ({"a/b": {"m~n": 1}}, {"op": "remove", "path": "/a~1b/m~0n"}, {"a/b": {}}),
        ({"": 1}, {"op": "replace", "path": "/", "value": 2}, {"": 2}),
        ({"a": 1}, {"op": "test", "path": "/a", "value": 1.0}, {"a": 1}),
    ],
)
def test_operations_of_rfc_6902(before: Any, operation: dict[str, Any], after: Any) -> None:
    """Each one alone; from the RFC's appendix A and its corners."""
    given_before = deepcopy(before)

    assert after == apply(before, [operation])
    assert given_before == before


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        ({"op": "remove", "path": "/x"}, "nothing at /x"),
        ({"op": "replace", "path": "/x/y", "value": 1}, "nothing at /x"),
        ({"op": "add", "path": "/x/y", "value": 1}, "nothing at /x"),
        ({"op": "add", "path": "/list/3", "value": 1}, "beyond the end"),
        ({"op": "add", "path": "/list/01", "value": 1}, "no index"),
        ({"op": "replace", "path": "/list/-", "value": 1}, "no index"),
        ({"op": "add", "path": "/word/x", "value": 1}, "nothing can be put"),
        ({"op": "add", "path": "x", "value": 1}, "no JSON pointer"),
        ({"op": "add", "path": "/x"}, "has no value"),
        ({"op": "grow", "path": "/x"}, "no operation"),
        ({"op": "remove", "path": ""}, "cannot be removed"),
        ({"op": "move", "from": "/list", "path": "/list/0"}, "into itself"),
    ],
)
def test_impossible_operation_is_named(operation: dict[str, Any], words: str) -> None:
    """Which one, where and why: patches have a dozen operations."""
    document = {"list": [1, 2], "word": "w"}
    with pytest.raises(PatchRefused) as caught:
        apply(document, [{"op": "add", "path": "/new", "value": 1}, operation])

    assert (1, False) == (caught.value.index, caught.value.test_failed)
    assert words in str(caught.value)
    assert {"list": [1, 2], "word": "w"} == document


@pytest.mark.parametrize("path", ["/a", "/a/b", "/missing"])
def test_failed_test_is_told_apart(path: str) -> None:
    """It means that the document has changed, also where the place is gone."""
    with pytest.raises(PatchRefused) as caught:
        apply({"a": {"b": 1}}, [{"op": "test", "path": path, "value": True}])

    assert caught.value.test_failed
    told = pickle.loads(pickle.dumps(caught.value))
    assert (str(caught.value), True) == (str(told), told.test_failed)


@given(json_values, json_values)
def test_values_are_the_same_as_json_says(one: Any, other: Any) -> None:
    """True is not 1, and 1 is 1.0."""
    assert same(one, deepcopy(one))
    assert same(one, other) == same(other, one)
    assert not same(True, 1) and not same([0], [False]) and same(1, 1.0)


@given(st.dictionaries(keys, json_values), keys, json_values)
def test_what_was_added_is_read_back(document: dict[str, Any], key: str, value: Any) -> None:
    """Pointers escape whatever a key holds."""
    path = pointer(key)
    after = apply(document, [{"op": "add", "path": path, "value": value}])

    assert value == read(after, path)
    assert document | {key: value} == after


@pytest.mark.parametrize(
    ("before", "patch", "after"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"a": "c"}, ["c"], ["c"]),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ],
)
def test_merges_of_rfc_7386(before: Any, patch: Any, after: Any) -> None:
    """From the RFC's appendix A."""
    given_before = deepcopy(before)

    assert after == merge(before, patch)
    assert given_before == before


def test_pointer_that_leads_nowhere_is_a_lookup_error() -> None:
    """Callers read optional fields with it."""
    with pytest.raises(LookupError, match="nothing at /a/b"):
        read({"a": {}}, "/a/b/c")
