"""Door: where a run keeps its journal, its lock and the decisions for it.

Floor 5. Loads a name when it is first asked for; nothing here loads the `kubernetes` package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from progressive._adapters.journal.folder import FileLock, FileStore
    from progressive._adapters.journal.inbox import ConfigMapInbox
    from progressive._adapters.journal.stores import ConfigMapStore
    from progressive._adapters.lease.locks import LeaseLock
    from progressive._run.memory import MemoryInbox, MemoryLock, MemoryStore

_HOME = {
    "ConfigMapStore": "progressive._adapters.journal.stores",
    "FileStore": "progressive._adapters.journal.folder",
    "MemoryStore": "progressive._run.memory",
    "LeaseLock": "progressive._adapters.lease.locks",
    "FileLock": "progressive._adapters.journal.folder",
    "MemoryLock": "progressive._run.memory",
    "ConfigMapInbox": "progressive._adapters.journal.inbox",
    "MemoryInbox": "progressive._run.memory",
}

__all__ = [
    "ConfigMapStore",
    "FileStore",
    "MemoryStore",
    "LeaseLock",
    "FileLock",
    "MemoryLock",
    "ConfigMapInbox",
    "MemoryInbox",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
