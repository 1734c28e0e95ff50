"""What documents are told that a router could ever do is what its codec claims."""

from __future__ import annotations

import pytest

from progressive import plugins, routers
from progressive._documents.routers import ABILITIES, BUILT


def test_a_router_of_this_version_can_be_named_and_imported() -> None:
    """
    A new router is a row in three tables; one that lacks a row is found here, not by a user.
    """
    classes = {place.partition(":")[2] for place in plugins.ROUTERS.values()}

    assert {*plugins.ROUTERS} - {"envoy"} == BUILT
    assert classes <= {*routers.__all__}
    assert {*routers.__all__} == {*routers._HOME}


@pytest.mark.parametrize("name", sorted(BUILT))
def test_the_table_says_what_the_router_claims(name: str) -> None:
    """
    A document would be refused for what works, or pass and be refused at the first write.
    """
    claims = plugins.router(name)().capabilities
    told = ABILITIES[name]

    assert (claims.match, claims.mirror, claims.sticky) == (told.match, told.mirror, told.sticky)
