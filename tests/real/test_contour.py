"""The Contour router on a real Contour: HTTPProxies, and what users get of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.real import roads
from tests.real.traffic import Scene, TrafficSuite
from tests.realparts.answering import Answering
from tests.realparts.contour import Contour

pytestmark = pytest.mark.real


class TestContour(TrafficSuite):
    """HTTPProxies through Contour and Envoy."""

    @pytest.fixture
    def scene(self, contour: Contour, pods: Answering, namespace: str) -> Iterator[Scene]:
        with roads.scene(roads.CONTOUR, contour, pods, namespace) as found:
            yield found
