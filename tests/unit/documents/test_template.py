from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from progressive._model.template import faults, fill, places, render, uses
from progressive.errors import SpecError


@pytest.mark.parametrize(
    "written",
    ["{{ target }}", "{{target}}", "{{\n        target\n }}", "{{- target -}}", "{{  target }}"],
)
def test_a_place_may_hold_any_space(written: str) -> None:
    """YAML folds long queries, and the fold may fall inside a place."""
    assert "a(web)" == render(f"a({written})", {"target": "web"})


def test_trim_marks_take_the_space_beside_them() -> None:
    """Go's template language has them, so people use them."""
    assert "aXb" == render("a  {{- target -}}  b", {"target": "X"})
    assert "a X b" == render("a {{ target }} b", {"target": "X"})


def test_variables_have_names() -> None:
    """One template serves several metrics through its variables."""
    query = "{{ variables.app }}/{{ (variables).app }}"

    assert ("variables.app", "variables.app") == places(query)
    assert "x/x" == render(query, {"variables.app": "x"})


@pytest.mark.parametrize(
    "query", ["{{ foo }}", "{{ target | upper }}", "{{ }}", "{{ if target }}", "{{ target", "{{"]
)
def test_what_is_not_understood_is_refused(query: str) -> None:
    """A half-understood template would ask something else than was written."""
    assert faults(query)
    with pytest.raises(SpecError):
        render(query, {"target": "web"})


def test_a_place_without_a_value_is_refused() -> None:
    """An empty matcher would match everything, primary and canary alike."""
    with pytest.raises(SpecError, match="namespace"):
        render("{{ namespace }}", {"target": "web"})


def test_fill_leaves_what_it_does_not_know() -> None:
    """The name is known when a document is read, the window only when it is asked."""
    query = 'x{a="{{ name }}"}[{{ interval }}]'
    filled = fill(query, {"name": "web"})

    assert 'x{a="web"}[{{ interval }}]' == filled
    assert uses(filled, "interval") and not uses(filled, "name")


def test_a_value_is_never_read_as_a_template() -> None:
    """A variable may hold braces, such as a regular expression."""
    assert "{{ target }}" == render("{{ variables.x }}", {"variables.x": "{{ target }}"})


@given(st.text(alphabet="{}- \nabtarget.variables", max_size=60))
def test_rendering_ends_in_text_or_a_fault(query: str) -> None:
    """Queries come from people; none may break a round in another way."""
    known = {"target": "T", "variables.a": "A"}
    if faults(query) or set(places(query)) - known.keys():
        with pytest.raises(SpecError):
            render(query, known)
    else:
        assert "target" not in places(render(query, known))


@given(st.text(alphabet=st.characters(exclude_characters="{}"), max_size=60))
def test_a_query_without_places_stays_as_it_is(query: str) -> None:
    """PromQL is not touched."""
    assert query == render(query, {})
