"""Conditions on labels: one text for the server, and the same meaning here."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from progressive._mesh.queries.selectors import Selector, equal, like, literal, pods, quoted


def test_a_selector_of_several_metrics_names_them_in_a_label() -> None:
    """
    One question brings both, and each series still says which it is.
    """
    chosen = Selector(metrics=("a", "b"), labels=(equal("x", "1"), like("y", "5..").denied()))

    assert '{__name__=~"a|b",x="1",y!~"5.."}' == str(chosen)
    assert ['a{x="1",y!~"5.."}', 'b{x="1",y!~"5.."}'] == [str(one) for one in chosen.each()]


@pytest.mark.parametrize(
    ("labels", "holds"),
    [({"code": "503"}, True), ({"code": "5"}, False), ({"code": "1503"}, False), ({}, False)],
)
def test_a_pattern_matches_the_whole_value_as_in_prometheus(
    labels: dict[str, str], holds: bool
) -> None:
    """
    Prometheus anchors; a pattern that matched within would count what its query does not.
    """
    failed = like("code", "5..")

    assert holds is failed.holds(labels)
    assert holds is not failed.denied().holds(labels)


def test_a_label_that_is_not_there_is_the_empty_text() -> None:
    """
    Prometheus makes no difference between the two.
    """
    assert equal("canary", "").holds({})
    assert like("canary", "-?").holds({})
    assert not like("canary", ".+").holds({})


@given(st.text(max_size=20))
def test_a_literal_matches_itself_and_nothing_else(text: str) -> None:
    """
    A dot in a name is a dot.
    """
    assert re.fullmatch(literal(text), text, re.DOTALL)
    assert not re.fullmatch(literal(text), f"{text}x")
    if "." in text:
        assert not re.fullmatch(literal(text), text.replace(".", "x"))


@pytest.mark.parametrize(
    ("pod", "mine"),
    [
        ("web-7c6b8f9d4-zxwvt", True),
        ("web-zxwvt", True),
        ("web-primary-zxwvt", False),
        ("web-primary-7c6b8f9d4-zxwvt", False),
        ("web-2-7c6b8f9d4-zxwvt", False),
        ("web", False),
        ("my-web-7c6b8f9d4-zxwvt", False),
    ],
)
def test_the_pods_of_a_workload_are_not_those_of_a_longer_name(pod: str, mine: bool) -> None:
    """
    Flagger's pattern of two parts takes a DaemonSet's primary for the canary.
    """
    assert mine is bool(re.fullmatch(pods("web"), pod))


def test_a_text_of_promql_cannot_be_left() -> None:
    """
    Quotes, backslashes and line ends stay inside.
    """
    assert r'"a\"b\\c\nd"' == quoted('a"b\\c\nd')
