"""Makes the real parts of `tests/realparts` known to every test."""

from __future__ import annotations

pytest_plugins = ["tests.realparts.fixtures"]
