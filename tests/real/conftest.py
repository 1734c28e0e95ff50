"""What every test on real parts leaves behind: nothing that goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.real.stage.shop import Running


@pytest.fixture(autouse=True)
def _no_command_outlives_its_test() -> Iterator[None]:
    """
    A test that fails in the middle leaves its driver alive: it would go on beside later tests,
    and fail one of them when Python notices that nobody waits for it.
    """
    yield
    for one in tuple(Running.all):
        one.kill()
