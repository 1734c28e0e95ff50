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


@pytest.hookimpl(trylast=True)  # plugins of a worker call its parent before
def pytest_configure(config: pytest.Config) -> None:
    """A worker of a parallel run has a network of its own, as a whole run has."""
    if hasattr(config, "workerinput") and inside.is_inside():
        inside.part_from_others()


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups after that
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """
    What a parallel run begins with, and what one worker keeps together.

    Tests on real parts mostly wait, so they come first, and the pure ones fill what is left.
    A file of them is one worker's, for it starts gateways and installs kinds; tests that are
    `apart` need a control plane alone, which every worker has.
    The long files carry out many releases at once, so they follow each other.
    Five control planes on two cores are late at times, so a test on real parts has a second try.
    """
    if not hasattr(config, "workerinput"):
        return
    items.sort(key=lambda one: (not _is(one, "long"), not _is(one, "real")))
    for one in items:
        if _is(one, "real"):
            one.add_marker(pytest.mark.flaky(reruns=1))
        if _is(one, "real") and not _is(one, "apart"):
            together = "long" if _is(one, "long") else one.path.stem
            one.add_marker(pytest.mark.xdist_group(together))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Without groups all would pass too, and start a gateway in every worker for every file."""
    if not hasattr(session.config, "workerinput"):
        return
    for one in session.items:
        if one.get_closest_marker("xdist_group") and "@" not in one.nodeid:
            raise pytest.UsageError("this pytest does not see the groups of this pytest-xdist")


def _is(item: pytest.Item, mark: str) -> bool:
    return item.get_closest_marker(mark) is not None
