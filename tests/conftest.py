"""Makes the real parts of `tests/realparts` known to every test, in whichever process it runs."""

from __future__ import annotations

import pytest
from tests.realparts import inside

pytest_plugins = ["tests.realparts.fixtures"]


def pytest_configure(config: pytest.Config) -> None:
    """A worker of a parallel run has a network of its own, as a whole run has."""
    if hasattr(config, "workerinput") and inside.is_inside():
        inside.part_from_others()
