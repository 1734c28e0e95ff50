"""What documents are told that a router could ever do is what its codec claims."""

from __future__ import annotations

import pytest

from progressive import plugins
from progressive._documents.routers import ABILITIES, BUILT


@pytest.mark.parametrize("name", sorted(BUILT))
def test_the_table_says_what_the_router_claims(name: str) -> None:
    """
    A document would be refused for what works, or pass and be refused at the first write.
    """
    claims = plugins.router(name)().capabilities
    told = ABILITIES[name]

    assert (claims.match, claims.mirror, claims.sticky) == (told.match, told.mirror, told.sticky)
