"""Makes the real parts of `tests/realparts` known to every test, in whichever process it runs."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from tests.realparts import inside

pytest_plugins = ["tests.realparts.fixtures"]

# how long an example takes is a matter of the machine, and of what else it does
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    """A worker of a parallel run has a network of its own, as a whole run has."""
    if hasattr(config, "workerinput") and inside.is_inside():
        inside.part_from_others()
