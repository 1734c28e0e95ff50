"""What tests of hundreds of runs have in common."""

from __future__ import annotations

import logging

import pytest


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Hundreds of runs would bury what a failure says."""
    caplog.set_level(logging.CRITICAL, logger="progressive")
