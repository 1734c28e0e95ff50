"""The numbers of takings by a Lease that is never renewed; `test_places.py` has other locks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from tests.contract.epochs_contract import DeletedContract, EpochContract
from tests.contract.places_contract import Told, target

from progressive.clusters import MemoryCluster
from progressive.ports import Lock
from progressive.stores import FileLock, LeaseLock

NEVER = timedelta(hours=1)
LEASE = "/apis/coordination.k8s.io/v1/namespaces/shop/leases/progressive-web"


@pytest.fixture
def place() -> str:
    return "shop"


class TestLeaseLock(EpochContract, DeletedContract):
    """By a Lease."""

    @pytest.fixture
    def cluster(self) -> MemoryCluster:
        return MemoryCluster()

    @pytest.fixture
    def lock(self, cluster: MemoryCluster) -> Lock:
        return LeaseLock(cluster, renew_every=NEVER)

    @pytest.fixture
    def other_lock(self, cluster: MemoryCluster) -> Lock:
        return LeaseLock(cluster, renew_every=NEVER)

    @pytest.fixture
    def delete(self, cluster: MemoryCluster) -> Callable[[], object]:
        return lambda: cluster.delete(LEASE)


def test_a_lock_file_of_an_older_version_is_read(tmp_path: Path) -> None:
    """It had no number, and still says who took the target."""
    (tmp_path / "shop.web.lock").write_text("run-1 by ann")
    lock = FileLock(tmp_path)
    hold = lock.acquire(target("shop"), "run-2", Told())
    epoch, holder = hold.epoch, lock.holder(target("shop"))
    hold.close()

    assert 1 == epoch
    assert holder is not None and holder.startswith("run-2 by ")
