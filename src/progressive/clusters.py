"""Door: the Kubernetes API, real and in memory.

Floor 5. Loads a name when it is first asked for; nothing here loads the `kubernetes` package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from progressive._adapters.cluster.client import KubernetesCluster
    from progressive._adapters.cluster.memory import MemoryCluster

_HOME = {
    "KubernetesCluster": "progressive._adapters.cluster.client",
    "MemoryCluster": "progressive._adapters.cluster.memory",
}

__all__ = ["KubernetesCluster", "MemoryCluster"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
