"""The memory cluster keeps the promises of a `Cluster`."""

from __future__ import annotations

import pytest
from tests.contract.cluster_contract import ClusterContract

from progressive.clusters import MemoryCluster
from progressive.ports import Cluster


class TestMemoryCluster(ClusterContract):
    """As it is."""

    @pytest.fixture
    def cluster(self) -> Cluster:
        return MemoryCluster()

    @pytest.fixture
    def place(self) -> str:
        return "shop"


class TestOverlay(TestMemoryCluster):
    """Over another cluster that stays as it is."""

    @pytest.fixture
    def cluster(self) -> Cluster:
        return MemoryCluster(base=MemoryCluster())
