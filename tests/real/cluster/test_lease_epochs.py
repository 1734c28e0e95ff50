"""The numbers of takings on a real API server (L18)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from tests.contract.epochs_contract import DeletedContract, EpochContract
from tests.realparts.control_plane import ControlPlane

from progressive.clusters import KubernetesCluster
from progressive.ports import Lock
from progressive.stores import LeaseLock

pytestmark = pytest.mark.real

NEVER = timedelta(hours=1)


class TestLeaseLock(EpochContract, DeletedContract):
    """By a real Lease, which somebody deletes."""

    @pytest.fixture
    def place(self, namespace: str) -> str:
        return namespace

    @pytest.fixture
    def lock(self, cluster: KubernetesCluster) -> Lock:
        return LeaseLock(cluster, renew_every=NEVER)

    @pytest.fixture
    def other_lock(self, control_plane: ControlPlane) -> Iterator[Lock]:
        other = KubernetesCluster.from_environment(control_plane.kubeconfig("other"))
        yield LeaseLock(other, renew_every=NEVER)
        other.close()

    @pytest.fixture
    def delete(self, control_plane: ControlPlane, place: str) -> Callable[[], object]:
        api = control_plane.api
        path = api.path("coordination.k8s.io/v1", "Lease", place, "progressive-web")
        return lambda: api.delete(path)
