"""Images mean what the tests of releases believe they mean."""

from __future__ import annotations

import pytest
from tests.realparts.behaviour import Behaviour, behaviour


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("web:1", Behaviour(version="1")),
        ("web:bad", Behaviour(version="bad", bad=30)),
        ("registry.example:5000/shop/web:2-bad5", Behaviour(version="2-bad5", bad=5)),
        ("web:3-bad10-slow200", Behaviour(version="3-bad10-slow200", bad=10, slow=200)),
        ("web:4-dead", Behaviour(version="4-dead", dead=100)),
        ("web:5-slow", Behaviour(version="5-slow", slow=1500)),
        ("web:badger-slower", Behaviour(version="badger-slower")),
        ("registry.example:5000/web", Behaviour(version="latest")),
        ("web@sha256:ab", Behaviour(version="sha256:ab")),
    ],
)
def test_the_tag_of_an_image_says_how_it_behaves(image: str, expected: Behaviour) -> None:
    """
    A word read wrongly would make a bad release a good one, and a test of nothing.
    """
    assert expected == behaviour(image)
