"""Shares of the envoy router, as users of an Envoy that follows a file get them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.real.stage import roads
from tests.real.stage.traffic import Scene, TrafficSuite

pytestmark = pytest.mark.real


class TestEnvoyFile(TrafficSuite):
    """A file of routes and the Envoy of the demo; no cluster."""

    @pytest.fixture
    def scene(self) -> Iterator[Scene]:
        with roads.file_scene() as found:
            yield found
