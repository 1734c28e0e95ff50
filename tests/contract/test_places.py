"""Journals, locks and decisions, in memory, in a folder and in a cluster in memory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from tests.contract.epochs_contract import DeletedContract, EpochContract
from tests.contract.places_contract import InboxContract, LockContract, StoreContract

from progressive.clusters import MemoryCluster
from progressive.ports import Inbox, Lock, Store
from progressive.stores import (
    ConfigMapInbox,
    ConfigMapStore,
    FileLock,
    FileStore,
    LeaseLock,
    MemoryInbox,
    MemoryLock,
    MemoryStore,
)

QUICK = timedelta(milliseconds=50)


@pytest.fixture
def place() -> str:
    return "shop"


@pytest.fixture
def cluster() -> MemoryCluster:
    return MemoryCluster()


class TestConfigMapStore(StoreContract):
    """In a ConfigMap."""

    @pytest.fixture
    def store(self, cluster: MemoryCluster) -> Store:
        return ConfigMapStore(cluster)

    @pytest.fixture
    def other_store(self, cluster: MemoryCluster) -> Store:
        return ConfigMapStore(cluster)


class TestFileStore(StoreContract):
    """In a folder that is not there yet."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return FileStore(tmp_path / "journals")

    @pytest.fixture
    def other_store(self, tmp_path: Path) -> Store:
        return FileStore(tmp_path / "journals")


class TestMemoryStore(StoreContract):
    """In this process."""

    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()

    @pytest.fixture
    def other_store(self, store: Store) -> Store:
        return store


class TestLeaseLock(LockContract):
    """By a Lease."""

    @pytest.fixture
    def lock(self, cluster: MemoryCluster) -> Lock:
        return LeaseLock(cluster, renew_every=QUICK)

    @pytest.fixture
    def other_lock(self, cluster: MemoryCluster) -> Lock:
        return LeaseLock(cluster, renew_every=QUICK)


class TestFileLock(LockContract, EpochContract, DeletedContract):
    """By a locked file."""

    @pytest.fixture
    def lock(self, tmp_path: Path) -> Lock:
        return FileLock(tmp_path / "locks")

    @pytest.fixture
    def other_lock(self, tmp_path: Path) -> Lock:
        return FileLock(tmp_path / "locks")

    @pytest.fixture
    def delete(self, tmp_path: Path) -> Callable[[], object]:
        return (tmp_path / "locks" / "shop.web.lock").unlink


class TestMemoryLock(LockContract, EpochContract):
    """In this process, where nobody can delete it."""

    @pytest.fixture
    def lock(self) -> Lock:
        return MemoryLock()

    @pytest.fixture
    def other_lock(self, lock: Lock) -> Lock:
        return lock


class TestConfigMapInbox(InboxContract):
    """In a ConfigMap."""

    @pytest.fixture
    def inbox(self, cluster: MemoryCluster) -> Inbox:
        return ConfigMapInbox(cluster)

    @pytest.fixture
    def other_inbox(self, cluster: MemoryCluster) -> Inbox:
        return ConfigMapInbox(cluster)


class TestMemoryInbox(InboxContract):
    """In this process."""

    @pytest.fixture
    def inbox(self) -> Inbox:
        return MemoryInbox()

    @pytest.fixture
    def other_inbox(self, inbox: Inbox) -> Inbox:
        return inbox
