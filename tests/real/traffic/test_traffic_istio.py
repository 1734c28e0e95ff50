"""Shares, conditions, mirror and stickiness of the Istio router, as users of a mesh get them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.real.stage import roads
from tests.real.stage.traffic import ProvenSuite, Scene
from tests.realparts.answering import Answering
from tests.realparts.mesh import Mesh

pytestmark = pytest.mark.real


class TestIstio(ProvenSuite):
    """VirtualServices through istiod and Envoy."""

    @pytest.fixture
    def scene(self, mesh: Mesh, pods: Answering, namespace: str) -> Iterator[Scene]:
        with roads.scene(roads.ISTIO, mesh, pods, namespace) as found:
            yield found
