"""What all frozen values share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from progressive import Done, Event, Match, Observed, Split, Target, TextMatch, Woke
from progressive._model.value import Value

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WEB = Target(namespace="shop", service="web", primary="web-primary", canary="web-canary")


def written_by_attrs(value: Any) -> object:
    """The same fields in a class whose methods attrs wrote."""
    given = {one.name: one for one in attrs.fields(type(value))}
    copies = {
        name: attrs.field(eq=one.eq, hash=one.hash, repr=one.repr) for name, one in given.items()
    }
    made = attrs.make_class(type(value).__name__, copies, frozen=True, kw_only=True)
    return made(**{name: getattr(value, name) for name in given})


@pytest.mark.parametrize(
    "value",
    [
        WEB,
        Split(canary=20),
        Observed(canary=20, writer="somebody", warnings=("a note",)),
        TextMatch(exact="beta"),
        Done(at=NOW, answers=3),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_value_looks_as_attrs_would_show_it(value: Value) -> None:
    """People read these in failing tests and in logs; what is hidden stays hidden."""
    assert repr(written_by_attrs(value)) == repr(value)


def test_values_are_equal_by_their_fields_and_their_very_class() -> None:
    """A `Woke` never answers for a `Done`, though both have the same fields."""
    assert Target(**attrs.asdict(WEB, recurse=False)) == WEB
    assert attrs.evolve(WEB, port=80) != WEB
    assert Done(at=NOW, answers=3) != Woke(at=NOW, answers=3)
    assert Event(at=NOW) != Done(at=NOW, answers=3)
    assert WEB != "shop/web"


def test_equal_values_have_one_hash() -> None:
    """They are keys: of a router's memory, of a document's index."""
    again = attrs.evolve(WEB)

    assert {WEB: 1}[again] == 1
    assert hash(Match(headers={"x": TextMatch(exact="y")})) == hash(
        Match(headers={"x": TextMatch(exact="y")})
    )
    assert 2 == len({WEB, attrs.evolve(WEB, port=80), again})


def test_what_does_not_count_is_left_out_of_equality_and_hash() -> None:
    """Who wrote a split is no part of the split."""
    mine, theirs = Observed(canary=20, writer="me"), Observed(canary=20, writer="you")

    assert mine == theirs
    assert hash(mine) == hash(theirs)
    assert "writer" not in repr(mine)
